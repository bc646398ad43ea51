/**
 * WebCrypto that remembers: many clients in one program check the same signatures and derive the same keys. Only what
 * always gives the same result is remembered; Node signs the same message always in the same way.
 */
const REMEMBERED = ["decrypt", "deriveBits", "deriveKey", "digest", "exportKey", "importKey", "sign", "verify"];

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

/** @param {string} method */
function remembering(method) {
  return (...args) => {
    const name = `${method}|${args.map(textOf).join("|")}`;
    if (!results.has(name)) results.set(name, real[method](...args));
    return results.get(name);
  };
}

/** From now on `crypto.subtle` remembers. */
export function remember() {
  const methods = Object.fromEntries(REMEMBERED.map((method) => [method, remembering(method)]));
  const subtle = {
    encrypt: real.encrypt.bind(real),
    generateKey: real.generateKey.bind(real),

    wrapKey: real.wrapKey.bind(real),
    unwrapKey: real.unwrapKey.bind(real),
    ...methods,
  };
  Object.defineProperty(globalThis.crypto, "subtle", { value: subtle, configurable: true });
}
