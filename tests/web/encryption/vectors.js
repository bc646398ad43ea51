/** The published examples of the encryption (tests/vectors), and what their `in` lines are written in. */
import { readFileSync } from "node:fs";
import { bytesOfHex, hexOf } from "../../../web/crypto/encoding.js";
import { edPublicOf, exchangeKey, signingKey, xPublicOf } from "../../../web/crypto/signatures.js";

const file = new URL("../../vectors/e2ee-vectors.json", import.meta.url);

/** @type {any} */
const examples = JSON.parse(readFileSync(file, "utf8"));

/** What an example gives. @param {string} name */
export const given = (name) => examples[name].out;

export const hex = hexOf;
export const unhex = bytesOfHex;
export const INSTANCE = rep("a0", 16);
export const T = 1767225600000;

/** `rep(11,16)` of the examples: one byte many times. @param {string} byte @param {number} length */
export function rep(byte, length) {
  return new Uint8Array(length).fill(Number.parseInt(byte, 16));
}

/** A pair of X25519 keys of given private bytes. */
export async function pairOf(bytes) {
  return { privateKey: await exchangeKey(bytes), publicKey: await xPublicOf(bytes) };
}

/** A person's keys of one generation, as the examples name them: two repeated bytes. */
export async function keysOf(seed, x) {
  const [edSeed, xSeed] = [rep(seed, 32), rep(x, 32)];
  return {
    seed: edSeed,
    x: xSeed,
    sign: await signingKey(edSeed),
    ed: await edPublicOf(edSeed),
    pair: await pairOf(xSeed),
  };
}
