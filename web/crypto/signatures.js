/**
 * Ed25519 and X25519 over WebCrypto. Engines differ in what they accept, so what section 3.4 of e2ee.md
 * refuses is refused here, before the engine is asked.
 */
import { Refused, bytesOf, bytesOfHex, concat, demand, equal, fromBase64Url, hexOf } from "./encoding.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */

/** Before the 32 bytes of a private key, they make it PKCS#8, the one form that every engine imports. */
const PKCS8_X25519 = bytesOfHex("302e020100300506032b656e04220420");
const PKCS8_ED25519 = bytesOfHex("302e020100300506032b657004220420");
const KEY = 32;
const SIGNATURE = 64;

/** The encodings of the points of small order. */
const SMALL_ORDER_ED25519 = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]);
const SMALL_ORDER_X25519 = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
/** The order of the group, little-endian: a signature's second half is below it. */
const ORDER = bytesOfHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/**
 * The rule of 3.4 that an Ed25519 key, or a signature under it, breaks; 0 if none.
 *
 * @param {Uint8Array} publicKey  32 bytes
 * @param {Uint8Array} [signature]  64 bytes
 * @returns {0 | 1 | 2 | 3}
 */
export function refusalOf(publicKey, signature) {
  const points = signature ? [publicKey, signature.subarray(0, KEY)] : [publicKey];
  if (points.some((point) => SMALL_ORDER_ED25519.has(hexOf(point)))) return 1;
  if (points.some(isNotReduced)) return 2;
  if (signature && !isBelowOrder(signature.subarray(KEY))) return 3;
  return 0;
}

/** Keys to verify with, by their bytes in hex. @type {Map<string, Promise<CryptoKey>>} */
const verifyingKeys = new Map();
/** As many as a large room has members. */
const VERIFYING_KEYS_MAX = 512;

/** Whether y is 2^255 - 19 or more. @param {Uint8Array} point */
function isNotReduced(point) {
  const [first = 0] = point;
  const last = point[KEY - 1] ?? 0;
  return first >= 0xed && (last & 0x7f) === 0x7f && point.subarray(1, KEY - 1).every((byte) => byte === 0xff);
}

/** @param {Uint8Array} scalar  little-endian */
function isBelowOrder(scalar) {
  for (let at = KEY - 1; at >= 0; at -= 1) {
    const [ours = 0, theirs = 0] = [scalar[at], ORDER[at]];
    if (ours !== theirs) return ours < theirs;
  }
  return false;
}

/** Refuses (`key`) what 3.4 refuses. @param {Uint8Array} publicKey  Ed25519 */
export function checkEdPublic(publicKey) {
  demand(publicKey.length === KEY && refusalOf(publicKey) === 0, "key");
}

/** Refuses (`key`) what 3.4 refuses. @param {Uint8Array} publicKey  X25519 */
export function checkXPublic(publicKey) {
  demand(publicKey.length === KEY, "key");
  const cleared = publicKey.slice();
  cleared[KEY - 1] = (cleared[KEY - 1] ?? 0) & 0x7f;
  demand(!SMALL_ORDER_X25519.has(hexOf(cleared)), "key");
}

/** A key to sign with, which cannot be exported. @param {Bytes} seed @returns {Promise<CryptoKey>} */
export function signingKey(seed) {
  return crypto.subtle.importKey("pkcs8", concat(PKCS8_ED25519, seed), { name: "Ed25519" }, false, ["sign"]);
}

/** A private X25519 key, which cannot be exported. @param {Bytes} bytes @returns {Promise<CryptoKey>} */
export function exchangeKey(bytes) {
  return importExchange(bytes, "sealed");
}

/** One to wrap: for storing it where a browser cannot store the key itself. @param {Bytes} bytes */
export function exportableExchangeKey(bytes) {
  return importExchange(bytes, "exportable");
}

/**
 * @param {Bytes} bytes
 * @param {"sealed" | "exportable"} kind
 */
function importExchange(bytes, kind) {
  const wrapped = concat(PKCS8_X25519, bytes);
  return crypto.subtle.importKey("pkcs8", wrapped, { name: "X25519" }, kind === "exportable", ["deriveBits"]);
}

/** @param {Bytes} seed @returns {Promise<Bytes>} */
export async function edPublicOf(seed) {
  const pkcs8 = concat(PKCS8_ED25519, seed);
  return publicOf(await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, true, ["sign"]));
}

/** @param {Bytes} bytes  private key @returns {Promise<Bytes>} */
export async function xPublicOf(bytes) {
  return publicOf(await importExchange(bytes, "exportable"));
}

/** @param {CryptoKey} privateKey  one that can be exported */
async function publicOf(privateKey) {
  return fromBase64Url((await crypto.subtle.exportKey("jwk", privateKey)).x ?? "");
}

/**
 * Engines may randomise signatures: signing twice need not give the same bytes.
 *
 * @param {CryptoKey} key
 * @param {Bytes} message
 * @returns {Promise<Bytes>}
 */
export async function sign(key, message) {
  return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key, message));
}

/**
 * 3.4 first, then the engine; whatever comes in, the answer is yes or no.
 *
 * @param {Bytes} publicKey
 * @param {Bytes} message
 * @param {Bytes} signature
 * @returns {Promise<boolean>}
 */
export async function verify(publicKey, message, signature) {
  if (publicKey.length !== KEY || signature.length !== SIGNATURE || refusalOf(publicKey, signature) !== 0) return false;
  try {
    return await crypto.subtle.verify({ name: "Ed25519" }, await verifyingKey(publicKey), signature, message);
  } catch {
    return false;
  }
}

/**
 * A page of messages has few authors, and importing a key costs about as much as a signature does.
 *
 * @param {Bytes} publicKey
 * @returns {Promise<CryptoKey>}
 */
function verifyingKey(publicKey) {
  const name = hexOf(publicKey);
  const known = verifyingKeys.get(name);
  if (known) return known;
  const key = crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  if (verifyingKeys.size >= VERIFYING_KEYS_MAX) verifyingKeys.clear();
  verifyingKeys.set(name, key);
  return key;
}

/**
 * The shared secret of X25519. Keys of small order and a secret of zeros are `key`.
 *
 * @param {CryptoKey} privateKey
 * @param {Bytes} publicKey
 * @returns {Promise<Bytes>}
 */
export async function diffieHellman(privateKey, publicKey) {
  checkXPublic(publicKey);
  const their = await crypto.subtle.importKey("raw", publicKey, { name: "X25519" }, false, []);
  try {
    const secret = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: their }, privateKey, 256));
    demand(
      secret.some((byte) => byte !== 0),
      "key",
    );
    return secret;
  } catch {
    throw new Refused("key");
  }
}

/** Whether this browser has what the encryption needs, found out by trying. @returns {Promise<boolean>} */
export async function probe() {
  try {
    const seed = crypto.getRandomValues(new Uint8Array(KEY));
    const message = bytesOf("probe");
    const signature = await sign(await signingKey(seed), message);
    if (!(await verify(await edPublicOf(seed), message, signature))) return false;
    const secret = await diffieHellman(await exchangeKey(seed), await xPublicOf(message32(seed)));
    return !equal(secret, seed);
  } catch {
    return false;
  }
}

/** Another private key than `seed`. @param {Bytes} seed @returns {Bytes} */
function message32(seed) {
  return seed.map((byte) => byte ^ 0xff);
}
