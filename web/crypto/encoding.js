/** Bytes of e2ee.md, 3.2: base64url, `pack`, and the key derivation and the `box` built on them. */

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PREFIX = "impulse/e2ee/1/";
/** The only suite; another first byte of a box means that a newer program has made it. */
export const SUITE = 1;
const NONCE = 12;
const TAG = 16;
const UID = /^[1-9][0-9]{0,15}$/;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const ALPHABET = /^[A-Za-z0-9_-]*$/;

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * The one error of this folder: something that came from outside is not as it has to be. `rule` says what: `form`,
 * `suite` (made by a newer program), `sealed` (does not open), `key` (3.4), and the rules of the other modules.
 */
export class Refused extends Error {
  /** @param {string} rule */
  constructor(rule) {
    super(rule);
    this.name = "Refused";
    this.rule = rule;
  }
}

/**
 * @param {unknown} holds
 * @param {string} rule
 * @returns {asserts holds}
 */
export function demand(holds, rule) {
  if (!holds) throw new Refused(rule);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} base64url without padding
 */
export function toBase64Url(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 1) binary += String.fromCharCode(/** @type {number} */ (bytes[at]));
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * Refuses padding, other alphabets and endings that are not canonical.
 *
 * @throws {Refused} `form`
 * @param {string} text
 * @returns {Bytes}
 */
export function fromBase64Url(text) {
  demand(typeof text === "string" && ALPHABET.test(text) && text.length % 4 !== 1, "form");
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = binary.charCodeAt(at);
  // Only what does not fill its last group can end in more than one way.
  const rest = bytes.subarray(bytes.length - (bytes.length % 3));
  demand(toBase64Url(rest) === text.slice(text.length - (text.length % 4)), "form");
  return bytes;
}

/** @param {string} text @returns {Bytes} */
export function bytesOf(text) {
  return /** @type {Bytes} */ (utf8.encode(text));
}

/** @param {Uint8Array} bytes  UTF-8, else `form` @returns {string} */
export function textOf(bytes) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new Refused("form");
  }
}

/** @param {Uint8Array} bytes @returns {string} lower case */
export function hexOf(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** @param {string} text  lower-case hex, else `form` @returns {Bytes} */
export function bytesOfHex(text) {
  demand(/^([0-9a-f]{2})*$/.test(text), "form");
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 * @returns {boolean}
 */
export function equal(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** @param {number} length @returns {Bytes} */
export function randomBytes(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** @param {Bytes} bytes @returns {Promise<Bytes>} */
export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** @param {...Uint8Array} parts @returns {Bytes} */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {number} n @returns {Bytes} big-endian */
export function u32(n) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

/** @param {number} n  an integer from 0 to 2^53 - 1 @returns {Bytes} big-endian */
export function u64(n) {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`${n} is no number of the format`);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(n / 2 ** 32));
  view.setUint32(4, n % 2 ** 32);
  return bytes;
}

/** @param {Uint8Array} field  8 bytes below 2^53, else `form` @returns {number} */
export function readU64(field) {
  demand(field.length === 8, "form");
  const view = new DataView(field.buffer, field.byteOffset, 8);
  const n = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
  demand(Number.isSafeInteger(n), "form");
  return n;
}

/** @param {unknown} text @returns {text is string} decimal, 1 to 2^53 - 1, no sign, no leading zero */
export function isUid(text) {
  return typeof text === "string" && UID.test(text) && Number.isSafeInteger(Number(text));
}

/** @param {Uint8Array} field @returns {string} */
export function readUid(field) {
  const text = textOf(field);
  demand(isUid(text), "form");
  return text;
}

/**
 * @param {Uint8Array} field
 * @param {...number} widths  those allowed
 * @returns {Bytes} a copy
 */
export function readWidth(field, ...widths) {
  demand(widths.includes(field.length), "form");
  return new Uint8Array(field);
}

/**
 * `lp("impulse/e2ee/1/" + label) || lp(f1) || … || lp(fn)`
 *
 * @param {string} label
 * @param {...Uint8Array} fields
 * @returns {Bytes}
 */
export function pack(label, ...fields) {
  const all = [bytesOf(PREFIX + label), ...fields];
  const packed = new Uint8Array(all.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const field of all) {
    view.setUint32(at, field.length);
    packed.set(field, at + 4);
    at += 4 + field.length;
  }
  return packed;
}

/**
 * The fields of packed bytes, copied. Another label, another number of fields, bytes too few or too many are `form`.
 *
 * @param {string} label
 * @param {number} count
 * @param {Uint8Array} bytes
 * @returns {Bytes[]}
 */
export function unpack(label, count, bytes) {
  const [name, ...fields] = readPrefixed(bytes);
  demand(name && equal(name, bytesOf(PREFIX + label)) && fields.length === count, "form");
  return fields;
}

/** The parts of `lp(a) || lp(b) || …`, copied. @param {Uint8Array} bytes @returns {Bytes[]} */
export function readPrefixed(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts = [];
  let at = 0;
  while (at < bytes.length) {
    demand(bytes.length - at >= 4, "form");
    const length = view.getUint32(at);
    at += 4;
    demand(bytes.length - at >= length, "form");
    parts.push(bytes.slice(at, at + length));
    at += length;
  }
  return /** @type {Bytes[]} */ (parts);
}

/** A secret to derive from, which cannot be exported. @param {Bytes} bytes @returns {Promise<CryptoKey>} */
export function importSecret(bytes) {
  return crypto.subtle.importKey("raw", bytes, { name: "HKDF" }, false, ["deriveBits", "deriveKey"]);
}

/** A key of AES-256-GCM, which cannot be exported. @param {Bytes} bytes @returns {Promise<CryptoKey>} */
export function importAesKey(bytes) {
  return crypto.subtle.importKey("raw", bytes, { name: "AES-GCM" }, false, ["encrypt", "decrypt"]);
}

/**
 * `HKDF-SHA-256(ikm, salt="", info=pack(label, ctx…), length)`
 *
 * @param {Bytes | CryptoKey} ikm
 * @param {string} label
 * @param {Uint8Array[]} [context]
 * @param {number} [length]
 * @returns {Promise<Bytes>}
 */
export async function kdf(ikm, label, context = [], length = 32) {
  const key = ikm instanceof CryptoKey ? ikm : await importSecret(ikm);
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf(label, context), key, length * 8));
}

/**
 * The same as a key of AES-256-GCM, which cannot be exported.
 *
 * @param {Bytes | CryptoKey} ikm
 * @param {string} label
 * @param {Uint8Array[]} [context]
 * @returns {Promise<CryptoKey>}
 */
export async function deriveAesKey(ikm, label, context = []) {
  const key = ikm instanceof CryptoKey ? ikm : await importSecret(ikm);
  const wanted = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(hkdf(label, context), key, wanted, false, ["encrypt", "decrypt"]);
}

/**
 * @param {string} label
 * @param {Uint8Array[]} context
 */
function hkdf(label, context) {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: pack(label, ...context) };
}

/**
 * @param {CryptoKey} key  of AES-GCM
 * @param {Bytes} nonce
 * @param {Bytes} aad
 * @param {Bytes} plaintext
 * @returns {Promise<Bytes>} with its tag
 */
export async function encrypt(key, nonce, aad, plaintext) {
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: TAG * 8 };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext));
}

/**
 * @param {CryptoKey} key  of AES-GCM
 * @param {Bytes} nonce
 * @param {Bytes} aad
 * @param {Bytes} sealed
 * @returns {Promise<Bytes>}
 * @throws {Refused} `sealed`
 */
export async function decrypt(key, nonce, aad, sealed) {
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: aad, tagLength: TAG * 8 };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed));
  } catch {
    throw new Refused("sealed");
  }
}

/**
 * `0x01 || nonce || AES-256-GCM(key, nonce, plaintext, aad = pack(label, context…))`
 *
 * @param {Bytes | CryptoKey} key
 * @param {string} label
 * @param {Uint8Array[]} context
 * @param {Bytes} plaintext
 * @param {Bytes} [nonce]  given by the published examples only
 * @returns {Promise<Bytes>}
 */
export async function box(key, label, context, plaintext, nonce = randomBytes(NONCE)) {
  const aes = key instanceof CryptoKey ? key : await importAesKey(key);
  return concat(Uint8Array.of(SUITE), nonce, await encrypt(aes, nonce, pack(label, ...context), plaintext));
}

/**
 * @param {Bytes | CryptoKey} key
 * @param {string} label
 * @param {Uint8Array[]} context
 * @param {Bytes} boxed
 * @returns {Promise<Bytes>}
 * @throws {Refused} `form`, `suite`, `sealed`
 */
export async function unbox(key, label, context, boxed) {
  demand(boxed.length >= 1 + NONCE + TAG, "form");
  demand(boxed[0] === SUITE, "suite");
  const aes = key instanceof CryptoKey ? key : await importAesKey(key);
  return decrypt(aes, boxed.slice(1, 1 + NONCE), pack(label, ...context), boxed.slice(1 + NONCE));
}
