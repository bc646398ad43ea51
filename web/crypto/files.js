/** Files of encrypted rooms (e2ee.md, 9): padded, in chunks, with a digest over all of them. */
import {
  bytesOf,
  concat,
  decrypt,
  demand,
  encrypt,
  equal,
  importAesKey,
  randomBytes,
  sha256,
  u32,
} from "./encoding.js";
import { padme } from "./padding.js";

/** @import { Bytes } from "./encoding.js" */

const CHUNK = 65_536;
const TAG = 16;
const SIZE_MIN = 1024;
const AAD = bytesOf("impulse/e2ee/1/file");

/** The length of a file of `size` bytes after padding. @param {number} size @returns {number} */
export function paddedSize(size) {
  return Math.max(SIZE_MIN, padme(size));
}

/** The length of its blob. @param {number} size @returns {number} */
export function blobSize(size) {
  const padded = paddedSize(size);
  return padded + TAG * Math.ceil(padded / CHUNK);
}

/** @param {number} index @param {boolean} isLast */
function nonceOf(index, isLast) {
  return concat(new Uint8Array(7), u32(index), Uint8Array.of(isLast ? 1 : 0));
}

/**
 * Encrypts bytes as they are. One key encrypts one byte sequence once; a retry sends the same bytes.
 *
 * @param {Bytes} key
 * @param {Bytes} plain  not empty
 * @returns {Promise<Bytes>}
 */
export async function sealChunks(key, plain) {
  const aes = await importAesKey(key);
  const count = Math.ceil(plain.length / CHUNK);
  const blob = new Uint8Array(plain.length + count * TAG);
  for (let index = 0; index < count; index += 1) {
    const chunk = plain.slice(index * CHUNK, (index + 1) * CHUNK);
    blob.set(await encrypt(aes, nonceOf(index, index === count - 1), AAD, chunk), index * (CHUNK + TAG));
  }
  return blob;
}

/**
 * Two levels, because WebCrypto has no hash that takes its input in parts.
 *
 * @param {Bytes} blob
 * @returns {Promise<Bytes>}
 */
export async function fileDigest(blob) {
  const hashes = [];
  for (let at = 0; at < blob.length; at += CHUNK + TAG) hashes.push(await sha256(blob.slice(at, at + CHUNK + TAG)));
  return sha256(concat(...hashes));
}

/**
 * @param {Bytes} file
 * @returns {Promise<{blob: Bytes, k: Bytes, d: Bytes, s: number}>} with a new key
 */
export async function sealFile(file) {
  const k = randomBytes(32);
  const padded = new Uint8Array(paddedSize(file.length));
  padded.set(file);
  const blob = await sealChunks(k, padded);
  return { blob, k, d: await fileDigest(blob), s: file.length };
}

/**
 * The digest is checked over the whole blob before anything is opened.
 *
 * @param {{k: Bytes, d: Bytes, s: number}} info  of the message
 * @param {Bytes} blob
 * @returns {Promise<Bytes>}
 * @throws {import("./encoding.js").Refused} `digest`, `form`, `sealed`
 */
export async function openFile({ k, d, s }, blob) {
  demand(equal(await fileDigest(blob), d), "digest");
  demand(blob.length === blobSize(s), "form");
  const aes = await importAesKey(k);
  const plain = new Uint8Array(paddedSize(s));
  const count = Math.ceil(plain.length / CHUNK);
  for (let index = 0; index < count; index += 1) {
    const chunk = blob.slice(index * (CHUNK + TAG), (index + 1) * (CHUNK + TAG));
    plain.set(await decrypt(aes, nonceOf(index, index === count - 1), AAD, chunk), index * CHUNK);
  }
  demand(
    plain.subarray(s).every((byte) => byte === 0),
    "form",
  );
  return plain.slice(0, s);
}
