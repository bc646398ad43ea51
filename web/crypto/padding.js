/** Lengths that tell little (e2ee.md, 8.2): messages, names of rooms and cards of links are padded. */
import { concat, demand, u32 } from "./encoding.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */

const STEP = 64;
const FINE = 1024;

/** The padded length of `length` bytes. @param {number} length @returns {number} */
export function bucket(length) {
  const round = STEP * Math.ceil(length / STEP);
  return round <= FINE ? round : Math.max(round, padme(length));
}

/** Keeps about as many digits of a length as its logarithm has. @param {number} length @returns {number} */
export function padme(length) {
  if (length <= 1) return length;
  const exponent = logarithm(length);
  const step = 2 ** (exponent - logarithm(exponent) - 1);
  return step <= 1 ? length : step * Math.ceil(length / step);
}

/** `floor(log2 n)`, exactly: the logarithm of the library rounds. @param {number} n */
function logarithm(n) {
  let exponent = 0;
  while (2 ** (exponent + 1) <= n) exponent += 1;
  return exponent;
}

/** `u32(length) || plain || zeros` @param {Uint8Array} plain @returns {Bytes} */
export function pad(plain) {
  const padded = new Uint8Array(bucket(4 + plain.length));
  padded.set(concat(u32(plain.length), plain));
  return padded;
}

/** Checks length, bucket and zeros, else `form`. @param {Bytes} padded @returns {Bytes} */
export function unpad(padded) {
  demand(padded.length >= 4, "form");
  const length = new DataView(padded.buffer, padded.byteOffset, 4).getUint32(0);
  demand(padded.length === bucket(4 + length), "form");
  demand(
    padded.subarray(4 + length).every((byte) => byte === 0),
    "form",
  );
  return padded.slice(4, 4 + length);
}
