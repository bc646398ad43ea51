/**
 * A person's keys in this browser (e2ee.md, 4.6). They are imported so that no script can export them, and
 * kept as well as the browser is able to, which is found out by trying: store, read back, use.
 */
import { bytesOf, box, equal, importAesKey, randomBytes, unbox } from "./encoding.js";
import { makeExchangePair } from "./hpke.js";
import {
  diffieHellman,
  edPublicOf,
  exchangeKey,
  exportableExchangeKey,
  sign,
  signingKey,
  verify,
  xPublicOf,
} from "./signatures.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */
/** @typedef {import("./hpke.js").ExchangePair} ExchangePair */
/** @typedef {import("./account.js").Bundle} Bundle */

/**
 * Where keys are kept. One record for each key: WebKit drops a whole record for one key that it cannot store.
 *
 * @typedef {object} KeyRecords
 * @property {(name: string) => Promise<any>} get
 * @property {(name: string, value: any) => Promise<unknown>} put
 * @property {(name: string) => Promise<unknown>} delete
 */

/**
 * 1: the keys themselves; 2: the X25519 keys wrapped, because the browser cannot store them; 3: nothing, the keys are
 * gone with the page.
 *
 * @typedef {1 | 2 | 3} Level
 */

/**
 * @typedef {object} Identity
 * @property {string} uid
 * @property {number} gen  the newest generation
 * @property {number} akGen
 * @property {CryptoKey} sign  Ed25519
 * @property {Bytes} ed  its public key
 * @property {Map<number, ExchangePair>} exchange  by generation
 * @property {CryptoKey} trust
 * @property {Level} level
 */

/** Written last and removed first: without it nothing is there. */
const INDEX = "identity";
const SIGN = "sign";
const TRUST = "trust";
const UNWRAP = "unwrap";
const BROWSER = "browser";
const AES_KW = { name: "AES-KW" };
/** @param {number} gen */
const exchangeName = (gen) => `exchange-${gen}`;

/**
 * Imports the keys of a bundle and keeps them. Whatever was kept before is replaced.
 *
 * @param {KeyRecords | null} records  null: keep nothing
 * @param {string} uid
 * @param {number} akGen
 * @param {Bundle} bundle
 * @returns {Promise<Identity>}
 */
export async function saveIdentity(records, uid, akGen, bundle) {
  const identity = await importIdentity(uid, akGen, bundle);
  if (!records) return identity;
  for (const level of /** @type {const} */ ([1, 2])) {
    const kept = await keep(records, { ...identity, level }, bundle).catch(() => null);
    if (kept) return kept;
  }
  await forgetIdentity(records).catch(() => {});
  return identity;
}

/**
 * @param {string} uid
 * @param {number} akGen
 * @param {Bundle} bundle
 * @returns {Promise<Identity>} of level 3
 */
async function importIdentity(uid, akGen, bundle) {
  const newest = /** @type {import("./account.js").Generation} */ (bundle.gens.at(-1));
  const pairs = bundle.gens.map(async ({ gen, x }) => {
    const [privateKey, publicKey] = await Promise.all([exchangeKey(x), xPublicOf(x)]);
    return /** @type {[number, ExchangePair]} */ ([gen, { privateKey, publicKey }]);
  });
  return {
    uid,
    gen: newest.gen,
    akGen,
    sign: await signingKey(newest.seed),
    ed: await edPublicOf(newest.seed),
    exchange: new Map(await Promise.all(pairs)),
    trust: await importAesKey(bundle.trustKey),
    level: 3,
  };
}

/**
 * Stores the keys, reads them back and uses them.
 *
 * @param {KeyRecords} records
 * @param {Identity} identity
 * @param {Bundle} bundle
 * @returns {Promise<Identity | null>}
 */
async function keep(records, identity, bundle) {
  await forgetIdentity(records);
  await records.put(SIGN, identity.sign);
  await records.put(TRUST, identity.trust);
  const wrapping = identity.level === 2 ? randomBytes(32) : null;
  if (wrapping) {
    await records.put(UNWRAP, await crypto.subtle.importKey("raw", wrapping, AES_KW, false, ["unwrapKey"]));
  }
  for (const { gen, x } of bundle.gens) {
    const key = wrapping ? await wrapExchange(wrapping, x) : identity.exchange.get(gen)?.privateKey;
    await records.put(exchangeName(gen), key);
  }
  const { uid, gen, akGen, ed, level } = identity;
  const publics = [...identity.exchange].map(([of, { publicKey }]) => ({ gen: of, publicKey }));
  await records.put(INDEX, { uid, gen, akGen, ed, level, publics });
  const kept = await loadIdentity(records);
  return kept && (await works(kept)) ? kept : null;
}

/**
 * @param {Bytes} wrapping
 * @param {Bytes} x
 */
async function wrapExchange(wrapping, x) {
  const wrapper = await crypto.subtle.importKey("raw", wrapping, AES_KW, false, ["wrapKey"]);
  const wrapped = await crypto.subtle.wrapKey("pkcs8", await exportableExchangeKey(x), wrapper, AES_KW);
  return new Uint8Array(wrapped);
}

/** Whether every key does what it is for. @param {Identity} identity */
async function works({ sign: key, ed, trust, exchange }) {
  const message = randomBytes(32);
  if (!(await verify(ed, message, await sign(key, message)))) return false;
  const opened = await unbox(trust, "probe", [], await box(trust, "probe", [], message));
  if (!equal(opened, message)) return false;
  const other = await makeExchangePair();
  for (const { privateKey, publicKey } of exchange.values()) {
    const [ours, theirs] = await Promise.all([
      diffieHellman(privateKey, other.publicKey),
      diffieHellman(other.privateKey, publicKey),
    ]);
    if (!equal(ours, theirs)) return false;
  }
  return true;
}

/**
 * The keys that were kept, or null if they are not all there.
 *
 * @param {KeyRecords} records
 * @returns {Promise<Identity | null>}
 */
export async function loadIdentity(records) {
  const index = await records.get(INDEX);
  if (!index) return null;
  const { uid, gen, akGen, ed, level, publics } = index;
  const [signKey, trust] = [await records.get(SIGN), await records.get(TRUST)];
  if (!(signKey instanceof CryptoKey) || !(trust instanceof CryptoKey)) return null;
  const exchange = new Map();
  for (const { gen: of, publicKey } of publics) {
    const privateKey = await loadExchange(records, level, of);
    if (!privateKey) return null;
    exchange.set(of, { privateKey, publicKey });
  }
  return { uid, gen, akGen, sign: signKey, ed, exchange, trust, level };
}

/**
 * @param {KeyRecords} records
 * @param {Level} level
 * @param {number} gen
 * @returns {Promise<CryptoKey | null>}
 */
async function loadExchange(records, level, gen) {
  const record = await records.get(exchangeName(gen));
  if (level === 1) return record instanceof CryptoKey ? record : null;
  const unwrapper = await records.get(UNWRAP);
  if (!record || !unwrapper) return null;
  try {
    const x25519 = { name: "X25519" };
    return await crypto.subtle.unwrapKey("pkcs8", record, unwrapper, AES_KW, x25519, false, ["deriveBits"]);
  } catch {
    return null;
  }
}

/** @param {KeyRecords} records */
export async function forgetIdentity(records) {
  const index = await records.get(INDEX);
  await records.delete(INDEX);
  for (const { gen } of index?.publics ?? []) await records.delete(exchangeName(gen));
  for (const name of [SIGN, TRUST, UNWRAP]) await records.delete(name);
}

/**
 * The key of this browser, under which it keeps opened messages and drafts. Without records a new one for this page.
 *
 * @param {KeyRecords | null} records
 * @returns {Promise<CryptoKey>}
 */
export async function browserKey(records) {
  const kept = await records?.get(BROWSER);
  if (kept instanceof CryptoKey) return kept;
  const key = await importAesKey(randomBytes(32));
  await records?.put(BROWSER, key);
  return key;
}

/**
 * A record of this browser's database, tied to its place there.
 *
 * @param {CryptoKey} key
 * @param {string} store
 * @param {string} room
 * @param {string} id
 * @param {Bytes} plaintext
 * @returns {Promise<Bytes>}
 */
export function sealLocal(key, store, room, id, plaintext) {
  return box(key, "local", [bytesOf(store), bytesOf(room), bytesOf(id)], plaintext);
}

/**
 * @param {CryptoKey} key
 * @param {string} store
 * @param {string} room
 * @param {string} id
 * @param {Bytes} boxed
 * @returns {Promise<Bytes>}
 */
export function openLocal(key, store, room, id, boxed) {
  return unbox(key, "local", [bytesOf(store), bytesOf(room), bytesOf(id)], boxed);
}
