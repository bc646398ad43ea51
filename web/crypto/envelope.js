/** Messages, deletions and reactions as they are encrypted, signed, sent and opened (e2ee.md, 8). */
import { blobsOf, hasExactly, readContent, writeContent } from "./content.js";
import { Refused, decrypt, demand, encrypt, randomBytes } from "./encoding.js";
import { CIPHERTEXT_MAX, NONCE, aad, signedBytes } from "./envelope_form.js";
import { messageKey } from "./epochs.js";
import { pad, unpad } from "./padding.js";
import { sign } from "./signatures.js";

export { writeContent, readContent, blobsOf, hasExactly } from "./content.js";
export { NONCE, CIPHERTEXT_MAX, parseEnvelope, envelopeJson, aad, signedBytes } from "./envelope_form.js";
export { envelopeDigest } from "./envelope_form.js";
export { order, cite, readPv, countReactions } from "./order.js";
export { checkEnvelope, supersedes } from "./verdicts.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { Content } from "./content.js" */
/** @import { Envelope, Header } from "./envelope_form.js" */

const EMPTY = new Uint8Array();

/**
 * @param {object} wanted
 * @param {Bytes} wanted.rid
 * @param {Bytes} wanted.kc
 * @param {Bytes | CryptoKey | null} wanted.ek  null for a `del`
 * @param {CryptoKey} wanted.sign
 * @param {Header} wanted.header
 * @param {Content | null} wanted.content  null for a `del`
 * @param {Bytes} [nonce]  given by the published examples only
 * @returns {Promise<Envelope>}
 * @throws {Refused} `form`: the content is too large, or wrong in another way
 */
export async function buildEnvelope({ rid, kc, ek, sign: key, header, content }, nonce = randomBytes(NONCE)) {
  const blobs = content ? blobsOf(content) : [];
  let [n, c] = [EMPTY, EMPTY];
  if (content && ek) {
    const padded = pad(writeContent(content));
    n = nonce;
    c = await encrypt(await messageKey(ek, rid, header.epoch), n, aad(rid, kc, { ...header, blobs }), padded);
    demand(c.length <= CIPHERTEXT_MAX, "form");
  }
  const unsigned = { ...header, blobs, n, c };
  return { ...unsigned, s: await sign(key, signedBytes(rid, kc, unsigned)) };
}

/**
 * 8.5 (8): open, unpad, parse; the files are exactly those of the header.
 *
 * @param {Envelope} envelope  a `msg` or `react` that has passed `checkEnvelope`
 * @param {Bytes} rid
 * @param {Bytes} kc
 * @param {Bytes | CryptoKey} ek
 * @returns {Promise<Content>}
 * @throws {Refused} `sealed`, `form`
 */
export async function openEnvelope(envelope, rid, kc, ek) {
  const { kind, epoch, n, c, blobs } = envelope;
  if (kind === "del") throw new Refused("form");
  const padded = await decrypt(await messageKey(ek, rid, epoch), n, aad(rid, kc, envelope), c);
  const content = readContent(kind, unpad(padded));
  demand(hasExactly(content, blobs), "form");
  return content;
}
