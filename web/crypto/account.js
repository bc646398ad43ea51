/**
 * The keys of an account (e2ee.md, 4.1 to 4.5): how the account key is wrapped by password and by recovery
 * code, and the bundle of private keys under it. All of it lies on the server, which can open none of it.
 */
import {
  bytesOf,
  box,
  concat,
  deriveAesKey,
  demand,
  equal,
  kdf,
  pack,
  randomBytes,
  readU64,
  readUid,
  readWidth,
  sha256,
  textOf,
  u64,
  unbox,
  unpack,
} from "./encoding.js";
import { open, seal } from "./hpke.js";
import { edPublicOf, exchangeKey, sign, xPublicOf } from "./signatures.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */
/** @typedef {import("./hpke.js").ExchangePair} ExchangePair */

/**
 * One generation of a person's keys. The seed of every generation but the newest is zeros: only what was sealed to the
 * old X25519 key is still needed.
 *
 * @typedef {object} Generation
 * @property {number} gen
 * @property {Bytes} seed  Ed25519
 * @property {Bytes} x  X25519 private key
 */

/**
 * @typedef {object} Bundle
 * @property {Bytes} trustKey
 * @property {Bytes | null} recoveryPublic  null while there is no recovery code
 * @property {Bytes | null} rmac
 * @property {Generation[]} gens  ascending
 */

/**
 * What comes of a recovery code.
 *
 * @typedef {object} Recovery
 * @property {string} text
 * @property {ExchangePair} pair
 * @property {Bytes} publicKey
 * @property {Bytes} rmac
 * @property {Bytes} rauth  shows the server that one has the code
 * @property {Bytes} rauthDigest  what the server keeps of it
 */

const KEY = 32;
const CODE = 16;
const CHECK = 4;
const WRAP = 81;
const GENERATION = 8 + 2 * KEY;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** KEK of 4.3. @param {Bytes} pwk @param {Bytes} share @returns {Promise<Bytes>} */
export function keyEncryptionKey(pwk, share) {
  return kdf(concat(pwk, share), "kek");
}

/**
 * @param {Bytes} kek
 * @param {string} uid
 * @param {number} akGen
 * @param {Bytes} ak
 * @param {Bytes} [nonce]
 * @returns {Promise<Bytes>} 61 bytes
 */
export function sealAkPassword(kek, uid, akGen, ak, nonce) {
  return box(kek, "ak-password", [bytesOf(uid), u64(akGen)], ak, nonce);
}

/**
 * @param {Bytes} kek
 * @param {string} uid
 * @param {number} akGen
 * @param {Bytes} blob
 * @returns {Promise<Bytes>} AK
 */
export async function openAkPassword(kek, uid, akGen, blob) {
  return readWidth(await unbox(kek, "ak-password", [bytesOf(uid), u64(akGen)], blob), KEY);
}

/**
 * Made without the code, from what the bundle that was just opened says, and from nothing else.
 *
 * @param {{publicKey: Bytes, rmac: Bytes}} recovery
 * @param {string} uid
 * @param {number} akGen
 * @param {Bytes} ak
 * @param {ExchangePair} [ephemeral]
 * @returns {Promise<Bytes>} 113 bytes
 */
export async function sealAkRecovery({ publicKey, rmac }, uid, akGen, ak, ephemeral) {
  const wrap = await seal(publicKey, recoveryInfo(uid, akGen), new Uint8Array(), ak, ephemeral);
  const key = await crypto.subtle.importKey("raw", rmac, HMAC, false, ["sign"]);
  const tag = await crypto.subtle.sign(HMAC, key, recoveryTagged(uid, akGen, wrap));
  return concat(wrap, new Uint8Array(tag));
}

/**
 * The tag is checked first: else a server could present an account key, and so an account, of its own making.
 *
 * @param {Pick<Recovery, "pair" | "rmac">} recovery
 * @param {string} uid
 * @param {number} akGen
 * @param {Bytes} blob
 * @returns {Promise<Bytes>} AK
 * @throws {import("./encoding.js").Refused} `mac`: this is not the account of this code
 */
export async function openAkRecovery(recovery, uid, akGen, blob) {
  demand(blob.length === WRAP + KEY, "form");
  const [wrap, tag] = [blob.slice(0, WRAP), blob.slice(WRAP)];
  const key = await crypto.subtle.importKey("raw", recovery.rmac, HMAC, false, ["verify"]);
  demand(await crypto.subtle.verify(HMAC, key, tag, recoveryTagged(uid, akGen, wrap)), "mac");
  return readWidth(await open(recovery.pair, recoveryInfo(uid, akGen), new Uint8Array(), wrap), KEY);
}

/** @param {string} uid @param {number} akGen */
const recoveryInfo = (uid, akGen) => pack("ak-recovery", bytesOf(uid), u64(akGen));
/** @param {string} uid @param {number} akGen @param {Bytes} wrap */
const recoveryTagged = (uid, akGen, wrap) => pack("ak-recovery-tag", bytesOf(uid), u64(akGen), wrap);

/**
 * @param {string} uid
 * @param {Bundle} bundle
 * @returns {Bytes}
 */
export function bundleText(uid, { trustKey, recoveryPublic, rmac, gens }) {
  const none = new Uint8Array();
  const all = gens.map(({ gen, seed, x }) => concat(u64(gen), seed, x));
  return pack("bundle-pt", bytesOf(uid), trustKey, recoveryPublic ?? none, rmac ?? none, concat(...all));
}

/**
 * @param {Bytes} ak
 * @param {string} uid
 * @param {number} akGen
 * @param {Bundle} bundle
 * @param {Bytes} [nonce]
 * @returns {Promise<Bytes>}
 */
export async function sealBundle(ak, uid, akGen, bundle, nonce) {
  const key = await deriveAesKey(ak, "bundle");
  return box(key, "bundle", [bytesOf(uid), u64(akGen)], bundleText(uid, bundle), nonce);
}

/**
 * @param {Bytes} ak
 * @param {string} uid
 * @param {number} akGen
 * @param {Bytes} blob
 * @returns {Promise<Bundle>}
 */
export async function openBundle(ak, uid, akGen, blob) {
  const key = await deriveAesKey(ak, "bundle");
  return parseBundle(uid, await unbox(key, "bundle", [bytesOf(uid), u64(akGen)], blob));
}

/** @param {string} uid @param {Bytes} text @returns {Bundle} */
export function parseBundle(uid, text) {
  const [owner, trustKey, recoveryPublic, rmac, gens] = /** @type {[Bytes, Bytes, Bytes, Bytes, Bytes]} */ (
    unpack("bundle-pt", 5, text)
  );
  demand(readUid(owner) === uid && recoveryPublic.length === rmac.length, "form");
  const widths = [0, KEY];
  return {
    trustKey: readWidth(trustKey, KEY),
    recoveryPublic: readWidth(recoveryPublic, ...widths).length ? recoveryPublic : null,
    rmac: readWidth(rmac, ...widths).length ? rmac : null,
    gens: parseGenerations(gens),
  };
}

/** @param {Bytes} bytes @returns {Generation[]} */
function parseGenerations(bytes) {
  demand(bytes.length > 0 && bytes.length % GENERATION === 0, "form");
  const gens = [];
  for (let at = 0, before = 0; at < bytes.length; at += GENERATION) {
    const gen = readU64(bytes.slice(at, at + 8));
    demand(gen > before, "form");
    before = gen;
    gens.push({ gen, seed: bytes.slice(at + 8, at + 8 + KEY), x: bytes.slice(at + 8 + KEY, at + GENERATION) });
  }
  return gens;
}

/** New keys. @param {number} gen @returns {Generation} */
export function makeGeneration(gen) {
  return { gen, seed: randomBytes(KEY), x: randomBytes(KEY) };
}

/** @param {Generation} generation @returns {Promise<{ed: Bytes, x: Bytes}>} its public keys */
export async function publicKeysOf({ seed, x }) {
  const [ed, xPublic] = await Promise.all([edPublicOf(seed), xPublicOf(x)]);
  return { ed, x: xPublic };
}

/**
 * With a new generation the seed of the one before is overwritten: nothing is signed with it any more.
 *
 * @param {Generation[]} gens
 * @param {Generation} next
 * @returns {Generation[]}
 */
export function withGeneration(gens, next) {
  return [...gens.map((each) => ({ ...each, seed: new Uint8Array(KEY) })), next];
}

/**
 * @param {Bytes | CryptoKey} trustKey
 * @param {string} uid
 * @param {number} rev
 * @param {string} text  JSON
 * @param {Bytes} [nonce]
 * @returns {Promise<Bytes>}
 */
export function sealTrust(trustKey, uid, rev, text, nonce) {
  return box(trustKey, "trust", [bytesOf(uid), u64(rev)], bytesOf(text), nonce);
}

/**
 * @param {Bytes | CryptoKey} trustKey
 * @param {string} uid
 * @param {number} rev
 * @param {Bytes} blob
 * @returns {Promise<string>} JSON
 */
export async function openTrust(trustKey, uid, rev, blob) {
  return textOf(await unbox(trustKey, "trust", [bytesOf(uid), u64(rev)], blob));
}

/** A new recovery code. @returns {Promise<Recovery>} */
export async function makeRecovery() {
  return recoveryFrom(randomBytes(CODE));
}

/**
 * @param {string} text  as somebody has typed it
 * @returns {Promise<Recovery>}
 * @throws {import("./encoding.js").Refused} `form`: not 32 letters and digits; `check`: a typing error
 */
export async function recoveryOf(text) {
  return recoveryFrom(await parseCode(text));
}

/** @param {Bytes} code @returns {Promise<Recovery>} */
async function recoveryFrom(code) {
  const [seed, rmac, rauth] = await Promise.all([kdf(code, "rc-x25519"), kdf(code, "rc-mac"), kdf(code, "rc-auth")]);
  const publicKey = await xPublicOf(seed);
  const pair = { privateKey: await exchangeKey(seed), publicKey };
  return { text: await codeText(code), pair, publicKey, rmac, rauth, rauthDigest: await sha256(rauth) };
}

/** @param {Bytes} code @returns {Promise<string>} 8 groups of 4 */
export async function codeText(code) {
  const bytes = concat(code, await checkOf(code));
  let text = "";
  for (let at = 0; at < bytes.length * 8; at += 5) {
    let value = 0;
    for (let bit = at; bit < at + 5; bit += 1) value = 2 * value + (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
    text += CROCKFORD.charAt(value);
  }
  return (text.match(/.{4}/g) ?? []).join("-");
}

/** Ignores case, spaces and hyphens, and reads O as 0, I and L as 1. @param {string} typed @returns {Promise<Bytes>} */
export async function parseCode(typed) {
  const text = typed.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const values = [...text].map((sign) => CROCKFORD.indexOf(sign));
  demand(values.length === ((CODE + CHECK) * 8) / 5 && !values.includes(-1), "form");
  const bytes = new Uint8Array(CODE + CHECK);
  values.forEach((value, index) => {
    for (let bit = 0; bit < 5; bit += 1) {
      const at = 5 * index + bit;
      if ((value >> (4 - bit)) & 1) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (0x80 >> (at & 7));
    }
  });
  const code = bytes.slice(0, CODE);
  demand(equal(bytes.slice(CODE), await checkOf(code)), "check");
  return code;
}

/** @param {Bytes} code */
async function checkOf(code) {
  return (await sha256(concat(bytesOf("impulse/e2ee/1/rc-check"), code))).slice(0, CHECK);
}

/**
 * What is signed to show that one has the keys of an account.
 *
 * @param {Bytes} instance
 * @param {string} uid
 * @param {"rewrap" | "password"} purpose
 * @param {Bytes} challenge
 * @returns {Bytes}
 */
export function proofMessage(instance, uid, purpose, challenge) {
  return pack("proof", instance, bytesOf(uid), bytesOf(purpose), challenge);
}

/**
 * @param {CryptoKey} key
 * @param {Bytes} instance
 * @param {string} uid
 * @param {"rewrap" | "password"} purpose
 * @param {Bytes} challenge
 * @returns {Promise<Bytes>}
 */
export function prove(key, instance, uid, purpose, challenge) {
  return sign(key, proofMessage(instance, uid, purpose, challenge));
}
