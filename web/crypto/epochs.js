/**
 * The keys of a room (e2ee.md, 7): what is derived from them, how one is sealed to a member, how it leads to
 * those before it, and the walk from what one holds to the one that is wanted.
 */
import {
  Refused,
  box,
  bytesOf,
  decrypt,
  demand,
  deriveAesKey,
  encrypt,
  equal,
  importSecret,
  kdf,
  pack,
  randomBytes,
  readWidth,
  textOf,
  u64,
  unbox,
} from "./encoding.js";
import { open, seal } from "./hpke.js";
import { pad, unpad } from "./padding.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { ExchangePair } from "./hpke.js" */
/** @import { KeyLink } from "./room_log_entry.js" */
/** @import { RoomState } from "./room_state.js" */

/** @typedef {{epoch: number, gen: number, w: Bytes}} OwnWrap */
/** @typedef {{epoch: number, uid: string, gen: number, w: Bytes}} Wrap */
/** @typedef {{uid: string, gen: number, x: Bytes}} Recipient */

/**
 * What a member has to find keys with. `keys` is the cache and is filled; `broken` are links that have been found not
 * to open, as `brokenName` writes them.
 *
 * @typedef {object} Keyring
 * @property {string} uid
 * @property {RoomState} state
 * @property {OwnWrap[]} wraps
 * @property {Map<number, ExchangePair>} exchange  by generation
 * @property {Map<number, CryptoKey>} keys  by epoch
 * @property {Set<string>} broken
 */

/** @typedef {{epoch: number, gen: number}} BadWrap */

const KEY = 32;
const NONCE = 12;
/** Sealing is slow enough that more at once would not be faster, and would hold up the page. */
const SEALS_AT_ONCE = 32;
const LINKS_MAX = 8;
const NAME_MAX = 80;
const TOPIC_MAX = 500;

/** @returns {Bytes} */
export function makeEpochKey() {
  return randomBytes(KEY);
}

/** kc of 7.1. @param {Bytes | CryptoKey} ek @param {number} n @returns {Promise<Bytes>} */
export function commitment(ek, n) {
  return kdf(ek, "commit", [u64(n)]);
}

/** @typedef {{rid: Bytes, n: number, key: Promise<CryptoKey>}} MessageKey */
/** K_msg of the epoch keys that are in use: as long as those are. @type {WeakMap<CryptoKey, MessageKey>} */
const messageKeys = new WeakMap();

/**
 * K_msg: the same for all envelopes of an epoch, and so derived once.
 *
 * @param {Bytes | CryptoKey} ek
 * @param {Bytes} rid
 * @param {number} n
 * @returns {Promise<CryptoKey>}
 */
export function messageKey(ek, rid, n) {
  if (!(ek instanceof CryptoKey)) return deriveAesKey(ek, "msg", [rid, u64(n)]);
  const known = messageKeys.get(ek);
  if (known?.n === n && equal(known.rid, rid)) return known.key;
  const key = deriveAesKey(ek, "msg", [rid, u64(n)]);
  messageKeys.set(ek, { rid, n, key });
  return key;
}

/** K_hist. @param {Bytes | CryptoKey} ek @param {Bytes} rid @param {number} n @returns {Promise<CryptoKey>} */
export function historyKey(ek, rid, n) {
  return deriveAesKey(ek, "hist", [rid, u64(n)]);
}

/** @param {Bytes} rid @param {number} n @param {string} uid @param {number} gen */
const wrapInfo = (rid, n, uid, gen) => pack("wrap", rid, u64(n), bytesOf("user"), bytesOf(uid), u64(gen));

/**
 * @param {{rid: Bytes, n: number, kc: Bytes}} epoch
 * @param {Recipient} recipient
 * @param {Bytes} ek
 * @param {ExchangePair} [ephemeral]
 * @returns {Promise<Bytes>} 81 bytes
 */
export function wrapFor({ rid, n, kc }, { uid, gen, x }, ek, ephemeral) {
  return seal(x, wrapInfo(rid, n, uid, gen), kc, ek, ephemeral);
}

/**
 * @param {{rid: Bytes, n: number, kc: Bytes}} epoch
 * @param {Recipient[]} recipients
 * @param {Bytes} ek
 * @returns {Promise<Wrap[]>}
 */
export async function wrapAll(epoch, recipients, ek) {
  const wraps = [];
  for (let at = 0; at < recipients.length; at += SEALS_AT_ONCE) {
    const some = recipients.slice(at, at + SEALS_AT_ONCE).map(async (recipient) => {
      const w = await wrapFor(epoch, recipient, ek);
      return { epoch: epoch.n, uid: recipient.uid, gen: recipient.gen, w };
    });
    wraps.push(...(await Promise.all(some)));
  }
  return wraps;
}

/**
 * @param {{rid: Bytes, n: number, kc: Bytes}} epoch
 * @param {{uid: string, gen: number, pair: ExchangePair}} own
 * @param {Bytes} w
 * @returns {Promise<Bytes>}
 * @throws {Refused} `form`, `suite`, `sealed`, `commit`
 */
export async function openWrap({ rid, n, kc }, { uid, gen, pair }, w) {
  const ek = readWidth(await open(pair, wrapInfo(rid, n, uid, gen), kc, w), KEY);
  demand(equal(await commitment(ek, n), kc), "commit");
  return ek;
}

/** @param {Bytes} rid @param {number} n @param {number} m @param {Bytes} kcM */
const linkAad = (rid, n, m, kcM) => pack("hist-aad", rid, u64(n), u64(m), kcM);

/**
 * The key of epoch m under that of epoch n.
 *
 * @param {{rid: Bytes, n: number, ek: Bytes | CryptoKey}} from
 * @param {{m: number, kc: Bytes, ek: Bytes}} to
 * @param {Bytes} [nonce]
 * @returns {Promise<KeyLink>}
 */
export async function makeLink({ rid, n, ek }, { m, kc, ek: target }, nonce = randomBytes(NONCE)) {
  const key = await historyKey(ek, rid, n);
  return { m, nonce, box: await encrypt(key, nonce, linkAad(rid, n, m, kc), target) };
}

/**
 * @param {{rid: Bytes, n: number, key: CryptoKey}} from  its K_hist
 * @param {Bytes} kc  of epoch m
 * @param {KeyLink} link
 * @returns {Promise<Bytes>}
 * @throws {Refused} `form`, `sealed`, `commit`
 */
export async function openLink({ rid, n, key }, kc, { m, nonce, box: sealed }) {
  const ek = readWidth(await decrypt(key, nonce, linkAad(rid, n, m, kc), sealed), KEY);
  demand(equal(await commitment(ek, m), kc), "commit");
  return ek;
}

/** @typedef {{name: string, topic: string}} Profile */

/** @param {unknown} text @param {number} min @param {number} max */
function isLine(text, min, max) {
  if (typeof text !== "string" || text !== text.normalize("NFC") || /[\p{Cc}\u2028\u2029]/u.test(text)) return false;
  const length = [...text].length;
  return length >= min && length <= max;
}

/**
 * @param {Bytes | CryptoKey} ek
 * @param {Bytes} rid
 * @param {number} epoch
 * @param {Profile} profile
 * @param {Bytes} [nonce]
 * @returns {Promise<Bytes>}
 */
export async function sealProfile(ek, rid, epoch, { name, topic }, nonce) {
  demand(isLine(name, 1, NAME_MAX) && isLine(topic, 0, TOPIC_MAX), "form");
  const key = await deriveAesKey(ek, "profile", [rid, u64(epoch)]);
  return box(key, "profile", [rid, u64(epoch)], pad(bytesOf(JSON.stringify({ name, topic }))), nonce);
}

/**
 * @param {Bytes | CryptoKey} ek
 * @param {Bytes} rid
 * @param {number} epoch
 * @param {Bytes} boxed
 * @returns {Promise<Profile>}
 * @throws {Refused} `form`, `suite`, `sealed`
 */
export async function openProfile(ek, rid, epoch, boxed) {
  const key = await deriveAesKey(ek, "profile", [rid, u64(epoch)]);
  const text = textOf(unpad(await unbox(key, "profile", [rid, u64(epoch)], boxed)));
  try {
    const { name, topic } = JSON.parse(text);
    demand(isLine(name, 1, NAME_MAX) && isLine(topic, 0, TOPIC_MAX), "form");
    return { name, topic };
  } catch {
    throw new Refused("form");
  }
}

/** How a link is written in the set of broken ones. @param {number} n @param {number} m */
export const brokenName = (n, m) => `${n}>${m}`;

/**
 * The key of an epoch, or null if nothing that this member has leads to it. Higher epochs come first: one wrap opens
 * everything below. What is found on the way goes into the cache.
 *
 * @param {number} target
 * @param {Keyring} ring
 * @returns {Promise<{key: CryptoKey | null, bad: BadWrap[]}>} `bad`: own wraps that give no key, to be reported
 */
export async function findKey(target, ring) {
  const bad = await walk(target, ring, ring.keys, importSecret);
  return { key: ring.keys.get(target) ?? null, bad };
}

/**
 * The same for the bytes, which wrapping, linking and naming a room need. They are to be dropped at once.
 *
 * @param {number} target
 * @param {Keyring} ring
 * @param {Map<number, Bytes>} [found]  by epoch, of an earlier call
 * @returns {Promise<Bytes | null>}
 */
export async function findRawKey(target, ring, found = new Map()) {
  await walk(target, ring, found, async (raw) => raw);
  return found.get(target) ?? null;
}

/**
 * 7.2.
 *
 * @template {Bytes | CryptoKey} K
 * @param {number} target
 * @param {Keyring} ring
 * @param {Map<number, K>} cache
 * @param {(raw: Bytes) => Promise<K>} keep
 * @returns {Promise<BadWrap[]>}
 */
async function walk(target, ring, cache, keep) {
  /** @type {BadWrap[]} */
  const bad = [];
  const { epoch } = ring.state;
  if (!(target >= 1 && target <= epoch)) return bad;
  for (let e = epoch; e > target && !cache.has(target); e -= 1) {
    if (!cache.has(e)) await openOwn(e, ring, cache, keep, bad);
    const ek = cache.get(e);
    if (ek) await followLinks(e, ek, target, ring, cache, keep);
  }
  if (!cache.has(target)) await openOwn(target, ring, cache, keep, bad);
  return bad;
}

/**
 * @template {Bytes | CryptoKey} K
 * @param {number} n
 * @param {Keyring} ring
 * @param {Map<number, K>} cache
 * @param {(raw: Bytes) => Promise<K>} keep
 * @param {BadWrap[]} bad
 */
async function openOwn(n, { uid, state, wraps, exchange }, cache, keep, bad) {
  const kc = /** @type {Bytes} */ (state.kc[n]);
  for (const { gen, w } of wraps.filter(({ epoch }) => epoch === n)) {
    const pair = exchange.get(gen);
    if (!pair || cache.has(n)) continue;
    const raw = await openWrap({ rid: state.rid, n, kc }, { uid, gen, pair }, w).catch(refusedAsNull);
    if (raw) cache.set(n, await keep(raw));
    else bad.push({ epoch: n, gen });
  }
}

/**
 * @template {Bytes | CryptoKey} K
 * @param {number} n
 * @param {K} ek
 * @param {number} lowest
 * @param {Keyring} ring
 * @param {Map<number, K>} cache
 * @param {(raw: Bytes) => Promise<K>} keep
 */
async function followLinks(n, ek, lowest, { state, broken }, cache, keep) {
  const wanted = (state.edges[n] ?? []).filter(
    ({ m }) => m >= lowest && !cache.has(m) && !broken.has(brokenName(n, m)),
  );
  if (wanted.length === 0) return;
  const key = await historyKey(ek, state.rid, n);
  for (const link of wanted) {
    const raw = await openLink({ rid: state.rid, n, key }, kcOf(state, link.m), link).catch(refusedAsNull);
    if (raw) cache.set(link.m, await keep(raw));
    else broken.add(brokenName(n, link.m));
  }
}

/**
 * Opens every link of an epoch whose key is in the cache, also where the target is known already, so that a broken one
 * is known at once.
 *
 * @param {number} n
 * @param {Keyring} ring
 * @returns {Promise<number[]>} the epochs that it links to wrongly
 */
export async function checkLinks(n, { state, keys, broken }) {
  const ek = keys.get(n);
  if (!ek) return [];
  const key = await historyKey(ek, state.rid, n);
  const wrong = [];
  for (const link of state.edges[n] ?? []) {
    const raw = await openLink({ rid: state.rid, n, key }, kcOf(state, link.m), link).catch(refusedAsNull);
    if (raw) continue;
    broken.add(brokenName(n, link.m));
    wrong.push(link.m);
  }
  return wrong;
}

/** @param {RoomState} state @param {number} n */
const kcOf = (state, n) => /** @type {Bytes} */ (state.kc[n]);

/** @param {unknown} error @returns {null} */
function refusedAsNull(error) {
  if (!(error instanceof Refused)) throw error;
  return null;
}

/**
 * The epochs that one reaches over links that are not known as broken, itself included.
 *
 * @param {number} from
 * @param {RoomState} state
 * @param {Set<string>} broken
 * @returns {Set<number>}
 */
export function reachedFrom(from, state, broken) {
  const reached = new Set([from]);
  for (const n of reached) for (const { m } of state.edges[n] ?? []) if (!broken.has(brokenName(n, m))) reached.add(m);
  return reached;
}

/**
 * The epochs that the next one links to, with their keys: the newest that this member holds, then each that is not
 * reached over these.
 *
 * @param {Keyring} ring
 * @returns {Promise<{m: number, ek: Bytes}[]>} falling; empty: this member holds no key
 */
export async function chooseLinks(ring) {
  const { state, broken } = ring;
  const found = new Map();
  const chosen = [];
  const reached = new Set();
  for (let m = state.epoch; m >= 1 && chosen.length < LINKS_MAX; m -= 1) {
    if (reached.has(m)) continue;
    const ek = await findRawKey(m, ring, found);
    if (!ek) continue;
    chosen.push({ m, ek });
    for (const each of reachedFrom(m, state, broken)) reached.add(each);
  }
  return chosen;
}

/**
 * The epochs that the newest does not reach over good links. Whoever has the key of one of them, cached or from an own
 * wrap, has to rotate for it (7.5): each is to be looked for with `findKey`.
 *
 * @param {RoomState} state
 * @param {Set<string>} broken
 * @returns {number[]} falling
 */
export function leftOut(state, broken) {
  const reached = reachedFrom(state.epoch, state, broken);
  const all = Array.from({ length: state.epoch }, (_, at) => state.epoch - at);
  return all.filter((n) => !reached.has(n));
}

/**
 * Whether somebody who holds `held` has to rotate for an epoch that the newest does not reach: 7.5.
 *
 * @param {Iterable<number>} held  epochs whose key this member has
 * @param {RoomState} state
 * @param {Set<string>} broken
 * @returns {boolean}
 */
export function holdsLeftOut(held, state, broken) {
  const keys = new Set(held);
  return leftOut(state, broken).some((n) => keys.has(n));
}
