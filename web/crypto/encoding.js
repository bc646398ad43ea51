/** Byte encodings of the encryption design, 3.2: base64url, `pack`, and the key derivation built on them. */

const utf8 = new TextEncoder();
const ALPHABET = /^[A-Za-z0-9_-]*$/;

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * @param {Uint8Array} bytes
 * @returns {string} base64url without padding
 */
export function toBase64Url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * Refuses padding, other alphabets and endings that are not canonical.
 *
 * @param {string} text
 * @returns {Bytes}
 */
export function fromBase64Url(text) {
  if (!ALPHABET.test(text)) throw new Error("not base64url");
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (toBase64Url(bytes) !== text) throw new Error("not canonical base64url");
  return bytes;
}

/** @param {string} text @returns {Bytes} */
export function bytesOf(text) {
  return new Uint8Array(utf8.encode(text));
}

/** @param {number} length @returns {Bytes} */
export function randomBytes(length) {
  return crypto.getRandomValues(new Uint8Array(length));
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

/**
 * `lp("impulse/e2ee/1/" + label) || lp(f1) || … || lp(fn)`
 *
 * @param {string} label
 * @param {...Uint8Array} fields
 * @returns {Bytes}
 */
export function pack(label, ...fields) {
  return concat(...[bytesOf(`impulse/e2ee/1/${label}`), ...fields].flatMap((field) => [u32(field.length), field]));
}

/**
 * `HKDF-SHA-256(ikm, salt="", info=pack(label, ctx…), length)`
 *
 * @param {Bytes} ikm
 * @param {string} label
 * @param {Uint8Array[]} [context]
 * @param {number} [length]
 * @returns {Promise<Bytes>}
 */
export async function kdf(ikm, label, context = [], length = 32) {
  const key = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
  const info = pack(label, ...context);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, key, length * 8),
  );
}

/** @param {number} n @returns {Bytes} */
function u32(n) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}
