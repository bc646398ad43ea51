/**
 * WebCrypto that remembers: many clients in one program check the same signatures and derive the same keys. Only what
 * always gives the same result is remembered; Node signs the same message always in the same way. What is not known yet
 * is computed at once where Node can do that: a trip to another thread takes longer than most of these operations. Both
 * ways are the same OpenSSL, and whatever fails is done once more in the usual way, which says why.
 */
import * as node from "node:crypto";

const REMEMBERED = ["decrypt", "deriveBits", "deriveKey", "exportKey", "importKey", "sign", "verify"];
/** What is never asked for twice, or takes less time than to find what was computed before. */
const ANEW = ["digest", "encrypt"];

const real = globalThis.crypto.subtle;
const numbers = new WeakMap();
let results = new Map();
let count = 0;

/** Forgets all. */
export function forgetResults() {
  results = new Map();
}

/** @param {unknown} value */
function textOf(value) {
  if (value instanceof CryptoKey) {
    if (!numbers.has(value)) numbers.set(value, (count += 1));
    return `#${numbers.get(value)}`;
  }
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("latin1");
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([key, each]) => `${key}:${textOf(each)}`)
      .join(";");
  return String(value);
}

/** @type {WeakMap<CryptoKey, node.KeyObject>} */
const objects = new WeakMap();

/** @param {CryptoKey} key */
function objectOf(key) {
  const known = objects.get(key) ?? node.KeyObject.from(key);
  objects.set(key, known);
  return known;
}

const bytesOf = (data) => (data instanceof ArrayBuffer ? new Uint8Array(data) : data);
const bufferOf = (bytes) => Uint8Array.from(bytes).buffer;
const TAG = 16;

/** What can be computed at once, by method and algorithm. @type {Record<string, (...args: any[]) => any>} */
const AT_ONCE = {
  "digest SHA-256": (_how, data) => bufferOf(node.createHash("sha256").update(bytesOf(data)).digest()),
  "encrypt AES-GCM": ({ iv, additionalData = new Uint8Array() }, key, data) => {
    const sealing = node.createCipheriv("aes-256-gcm", objectOf(key), iv).setAAD(additionalData);
    return bufferOf(Buffer.concat([sealing.update(bytesOf(data)), sealing.final(), sealing.getAuthTag()]));
  },
  "sign Ed25519": (_how, key, data) => bufferOf(node.sign(null, bytesOf(data), objectOf(key))),
  "verify Ed25519": (_how, key, signature, data) => node.verify(null, bytesOf(data), objectOf(key), bytesOf(signature)),
  "deriveBits HKDF": ({ salt, info }, key, bits) =>
    node.hkdfSync("sha256", objectOf(key), bytesOf(salt), bytesOf(info), bits / 8),
  "deriveKey HKDF": ({ salt, info }, key, of, ...rest) => {
    const bytes = node.hkdfSync("sha256", objectOf(key), bytesOf(salt), bytesOf(info), of.length / 8);
    return real.importKey("raw", bytes, of, ...rest);
  },
  "deriveBits X25519": (how, key) =>
    bufferOf(node.diffieHellman({ privateKey: objectOf(key), publicKey: objectOf(how.public) })),
  "decrypt AES-GCM": ({ iv, additionalData = new Uint8Array() }, key, data) => {
    const bytes = bytesOf(data);
    const opening = node.createDecipheriv("aes-256-gcm", objectOf(key), iv).setAAD(additionalData);
    opening.setAuthTag(bytes.subarray(bytes.length - TAG));
    return bufferOf(Buffer.concat([opening.update(bytes.subarray(0, bytes.length - TAG)), opening.final()]));
  },
};

/** @param {string} method @param {any[]} args @returns {Promise<unknown>} */
async function compute(method, args) {
  const way = AT_ONCE[`${method} ${args[0]?.name ?? args[0]}`];
  const isAllowed = method === "digest" || args[1]?.usages?.includes(method);
  try {
    if (way && isAllowed) return way(...args);
  } catch {
    // The usual way says why.
  }
  return real[method](...args);
}

/** @param {string} method */
function remembering(method) {
  return (...args) => {
    const name = `${method}|${args.map(textOf).join("|")}`;
    let result = results.get(name);
    if (!result) results.set(name, (result = compute(method, args)));
    return result;
  };
}

/** From now on `crypto.subtle` remembers. */
export function remember() {
  const methods = Object.fromEntries(REMEMBERED.map((method) => [method, remembering(method)]));
  for (const method of ANEW) methods[method] = (...args) => compute(method, args);
  const subtle = {
    generateKey: real.generateKey.bind(real),

    wrapKey: real.wrapKey.bind(real),
    unwrapKey: real.unwrapKey.bind(real),
    ...methods,
  };
  Object.defineProperty(globalThis.crypto, "subtle", { value: subtle, configurable: true });
}
