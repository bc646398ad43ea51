/**
 * HPKE (RFC 9180) in base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. AES-128-GCM is here
 * for the samples of the RFC only, so that they run through the same key schedule.
 */
import { Refused, SUITE, bytesOf, concat, decrypt, demand, encrypt } from "./encoding.js";
import { diffieHellman } from "./signatures.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */

/**
 * @typedef {object} ExchangePair
 * @property {CryptoKey} privateKey
 * @property {Bytes} publicKey
 */

/** @typedef {{id: number, keyLength: number}} Aead */

/** @type {Aead} */
export const AES_256_GCM = { id: 2, keyLength: 32 };
/** @type {Aead} */
export const AES_128_GCM = { id: 1, keyLength: 16 };

const VERSION = bytesOf("HPKE-v1");
const KEM_SUITE = concat(bytesOf("KEM"), Uint8Array.of(0, 0x20));
const ENC = 32;
const TAG = 16;
const NONCE = 12;
const MODE_BASE = 0;
const EMPTY = new Uint8Array();

/** WebKitGTK fails now and then to make a key, after some two hundred of them: it is asked again. */
const ATTEMPTS = 3;
const PAUSE_MS = 50;

/** A new pair whose private key cannot be exported. @returns {Promise<ExchangePair>} */
export async function makeExchangePair() {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
      const { privateKey, publicKey } = /** @type {CryptoKeyPair} */ (pair);
      return { privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)) };
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/**
 * `0x01 || enc || ciphertext`
 *
 * @param {Bytes} publicKey
 * @param {Bytes} info
 * @param {Bytes} aad
 * @param {Bytes} plaintext
 * @param {ExchangePair} [ephemeral]  given by the published examples only
 * @returns {Promise<Bytes>}
 * @throws {import("./encoding.js").Refused} `key`
 */
export async function seal(publicKey, info, aad, plaintext, ephemeral) {
  const own = ephemeral ?? (await makeExchangePair());
  return concat(Uint8Array.of(SUITE), await sealBase(AES_256_GCM, publicKey, info, aad, plaintext, own));
}

/**
 * @param {ExchangePair} pair
 * @param {Bytes} info
 * @param {Bytes} aad
 * @param {Bytes} sealed
 * @returns {Promise<Bytes>}
 * @throws {import("./encoding.js").Refused} `form`, `suite`, `sealed`
 */
export async function open(pair, info, aad, sealed) {
  demand(sealed.length >= 1 + ENC + TAG, "form");
  demand(sealed[0] === SUITE, "suite");
  return openBase(AES_256_GCM, pair, info, aad, sealed.slice(1));
}

/**
 * `enc || ciphertext`, as the RFC has it.
 *
 * @param {Aead} aead
 * @param {Bytes} publicKey
 * @param {Bytes} info
 * @param {Bytes} aad
 * @param {Bytes} plaintext
 * @param {ExchangePair} ephemeral
 * @returns {Promise<Bytes>}
 */
export async function sealBase(aead, publicKey, info, aad, plaintext, ephemeral) {
  const dh = await diffieHellman(ephemeral.privateKey, publicKey);
  const shared = await sharedSecret(dh, concat(ephemeral.publicKey, publicKey));
  const { key, nonce } = await keySchedule(aead, MODE_BASE, shared, info);
  return concat(ephemeral.publicKey, await encrypt(key, nonce, aad, plaintext));
}

/**
 * @param {Aead} aead
 * @param {ExchangePair} pair
 * @param {Bytes} info
 * @param {Bytes} aad
 * @param {Bytes} sealed
 * @returns {Promise<Bytes>}
 */
export async function openBase(aead, pair, info, aad, sealed) {
  const enc = sealed.slice(0, ENC);
  const dh = await diffieHellman(pair.privateKey, enc).catch(() => {
    throw new Refused("sealed");
  });
  const shared = await sharedSecret(dh, concat(enc, pair.publicKey));
  const { key, nonce } = await keySchedule(aead, MODE_BASE, shared, info);
  return decrypt(key, nonce, aad, sealed.slice(ENC));
}

/**
 * `ExtractAndExpand` of the RFC, 4.1. WebCrypto extracts and expands in one step, which is what is wanted here.
 *
 * @param {Bytes} dh
 * @param {Bytes} kemContext
 * @returns {Promise<Bytes>}
 */
export function sharedSecret(dh, kemContext) {
  const ikm = concat(VERSION, KEM_SUITE, bytesOf("eae_prk"), dh);
  return expand(EMPTY, ikm, KEM_SUITE, "shared_secret", kemContext, 32);
}

/**
 * `KeySchedule` of the RFC, 5.1, without a pre-shared key.
 *
 * @param {Aead} aead
 * @param {number} mode  0: base; another one in the samples of the RFC only
 * @param {Bytes} shared
 * @param {Bytes} info
 * @returns {Promise<{key: CryptoKey, nonce: Bytes, keyBytes: Bytes}>}
 */
export async function keySchedule(aead, mode, shared, info) {
  const suite = concat(bytesOf("HPKE"), Uint8Array.of(0, 0x20, 0, 1, 0, aead.id));
  const [pskIdHash, infoHash] = await Promise.all([
    extract(concat(VERSION, suite, bytesOf("psk_id_hash"))),
    extract(concat(VERSION, suite, bytesOf("info_hash"), info)),
  ]);
  const context = concat(Uint8Array.of(mode), pskIdHash, infoHash);
  const ikm = concat(VERSION, suite, bytesOf("secret"));
  const [keyBytes, nonce] = await Promise.all([
    expand(shared, ikm, suite, "key", context, aead.keyLength),
    expand(shared, ikm, suite, "base_nonce", context, NONCE),
  ]);
  const key = await crypto.subtle.importKey("raw", keyBytes, { name: "AES-GCM" }, false, ["encrypt", "decrypt"]);
  return { key, nonce, keyBytes };
}

/** `Extract` with an empty salt, which HMAC pads to these zeros. @param {Bytes} ikm @returns {Promise<Bytes>} */
async function extract(ikm) {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new Uint8Array(32), hmac, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(hmac, key, ikm));
}

/**
 * `LabeledExpand(Extract(salt, ikm), label, info, length)`
 *
 * @param {Bytes} salt
 * @param {Bytes} ikm
 * @param {Bytes} suite
 * @param {string} label
 * @param {Bytes} context
 * @param {number} length
 * @returns {Promise<Bytes>}
 */
async function expand(salt, ikm, suite, label, context, length) {
  const info = concat(Uint8Array.of(0, length), VERSION, suite, bytesOf(label), context);
  const key = await crypto.subtle.importKey("raw", ikm, { name: "HKDF" }, false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, 8 * length));
}
