/**
 * Whom a person has met, and what keys they had (e2ee.md, 11): the trust store and how two of them are
 * joined, what a change of somebody's keys means, and safety numbers.
 */
import {
  Refused,
  bytesOf,
  concat,
  demand,
  equal,
  fromBase64Url,
  hexOf,
  isUid,
  kdf,
  pack,
  sha256,
  toBase64Url,
} from "./encoding.js";

export { compareAfterRestore, afterRestore } from "./restored.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { Head } from "./directory_entry.js" */

/**
 * @typedef {object} Contact
 * @property {Bytes} root
 * @property {number} gen
 * @property {Bytes} tag
 * @property {string} name
 * @property {number} seen  when the keys were first seen
 * @property {number | null} ok  when safety numbers were compared
 */

/** @typedef {{id: string, seq: number, hash: Bytes}} KnownRoom */

/**
 * @typedef {object} Trust
 * @property {{iter: number} | null} kdf  the most rounds that were ever asked for
 * @property {number} akGen
 * @property {{key: Bytes, n: number, h: Bytes, head: Head | null} | null} dir  the directory as far as it was followed
 * @property {Map<string, Contact>} contacts  by uid
 * @property {Map<string, KnownRoom>} rooms  by rid in base64url; they are encrypted for ever
 */

const VERSION = 1;
const HASH = 32;
const TAG = 16;
const SIGNATURE = 64;

/** @returns {Trust} */
export function emptyTrust() {
  return { kdf: null, akGen: 0, dir: null, contacts: new Map(), rooms: new Map() };
}

/** Always the same text for the same trust. @param {Trust} trust @returns {string} JSON */
export function trustText({ kdf: rounds, akGen, dir, contacts, rooms }) {
  return JSON.stringify({
    v: VERSION,
    ...(rounds ? { kdf: { iter: rounds.iter } } : {}),
    ak_gen: akGen,
    ...(dir ? { dir: writeDirectory(dir) } : {}),
    contacts: Object.fromEntries(sorted(contacts).map(([uid, contact]) => [uid, writeContact(contact)])),
    rooms: Object.fromEntries(
      sorted(rooms).map(([rid, { id, seq, hash }]) => [rid, { id, seq, hash: toBase64Url(hash) }]),
    ),
  });
}

/** @template V @param {Map<string, V>} map @returns {[string, V][]} */
function sorted(map) {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}

/** @param {NonNullable<Trust["dir"]>} dir */
function writeDirectory({ key, n, h, head }) {
  const signed = head && { n: head.n, h: toBase64Url(head.h), t: head.t, sig: toBase64Url(head.sig) };
  return { key: toBase64Url(key), n, h: toBase64Url(h), ...(signed ? { head: signed } : {}) };
}

/** @param {Contact} contact */
function writeContact({ root, gen, tag, name, seen, ok }) {
  const bytes = { root: toBase64Url(root), gen, tag: toBase64Url(tag) };
  return { ...bytes, name, seen, ...(ok === null ? {} : { ok }) };
}

/**
 * @param {string} text
 * @returns {Trust}
 * @throws {Refused} `form`; `suite`: written by a newer program
 */
export function parseTrust(text) {
  const json = readJson(text);
  demand(typeof json["v"] === "number", "form");
  demand(json["v"] === VERSION, "suite");
  const rounds = json["kdf"];
  const dir = json["dir"];
  return {
    kdf: rounds === undefined ? null : { iter: readNumber(readObject(rounds)["iter"]) },
    akGen: readNumber(json["ak_gen"] ?? 0),
    dir: dir === undefined ? null : readDirectory(readObject(dir)),
    contacts: readMap(json["contacts"], isUid, readContact),
    rooms: readMap(json["rooms"], isRid, readRoom),
  };
}

/** @param {string} text */
function readJson(text) {
  try {
    return readObject(JSON.parse(text));
  } catch {
    throw new Refused("form");
  }
}

/** @param {unknown} value @returns {Record<string, unknown>} */
function readObject(value) {
  demand(typeof value === "object" && value !== null && !Array.isArray(value), "form");
  return /** @type {Record<string, unknown>} */ (value);
}

/** @param {unknown} value */
function readNumber(value) {
  demand(typeof value === "number" && Number.isSafeInteger(value) && value >= 0, "form");
  return value;
}

/** @param {unknown} value */
function readString(value) {
  demand(typeof value === "string", "form");
  return value;
}

/** @param {unknown} value @param {number} width */
function readBytes(value, width) {
  const bytes = fromBase64Url(readString(value));
  demand(bytes.length === width, "form");
  return bytes;
}

/** @param {string} text */
function isRid(text) {
  return readBytes(text, HASH).length === HASH;
}

/**
 * @template V
 * @param {unknown} value
 * @param {(key: string) => boolean} isKey
 * @param {(value: Record<string, unknown>) => V} read
 * @returns {Map<string, V>}
 */
function readMap(value, isKey, read) {
  if (value === undefined) return new Map();
  const all = Object.entries(readObject(value));
  return new Map(
    all.map(([key, each]) => {
      demand(isKey(key), "form");
      return [key, read(readObject(each))];
    }),
  );
}

/** @param {Record<string, unknown>} value @returns {NonNullable<Trust["dir"]>} */
function readDirectory({ key, n, h, head }) {
  return {
    key: readBytes(key, HASH),
    n: readNumber(n),
    h: readBytes(h, HASH),
    head: head === undefined ? null : readHead(readObject(head)),
  };
}

/** @param {Record<string, unknown>} value @returns {Head} */
function readHead({ n, h, t, sig }) {
  return { n: readNumber(n), h: readBytes(h, HASH), t: readNumber(t), sig: readBytes(sig, SIGNATURE) };
}

/** @param {Record<string, unknown>} value @returns {Contact} */
function readContact({ root, gen, tag, name, seen, ok }) {
  return {
    root: readBytes(root, HASH),
    gen: readNumber(gen),
    tag: readBytes(tag, TAG),
    name: readString(name),
    seen: readNumber(seen),
    ok: ok === undefined ? null : readNumber(ok),
  };
}

/** @param {Record<string, unknown>} value @returns {KnownRoom} */
function readRoom({ id, seq, hash }) {
  return { id: readString(id), seq: readNumber(seq), hash: readBytes(hash, HASH) };
}

/**
 * What two browsers have noted, together: all contacts and rooms, the greatest positions. Of two roots of one contact
 * the unverified one gives way; the person is told about these (`conflicts`: uids).
 *
 * @param {Trust} mine
 * @param {Trust} theirs
 * @returns {{trust: Trust, conflicts: string[]}}
 */
export function mergeTrust(mine, theirs) {
  const conflicts = [];
  const contacts = new Map(mine.contacts);
  for (const [uid, other] of theirs.contacts) {
    const own = contacts.get(uid);
    if (own && !equal(own.root, other.root)) conflicts.push(uid);
    contacts.set(uid, own ? mergeContact(own, other) : other);
  }
  const rooms = new Map(mine.rooms);
  for (const [rid, other] of theirs.rooms) {
    const own = rooms.get(rid);
    if (!own || other.seq > own.seq) rooms.set(rid, other);
  }
  const iter = Math.max(mine.kdf?.iter ?? 0, theirs.kdf?.iter ?? 0);
  const trust = {
    kdf: iter ? { iter } : null,
    akGen: Math.max(mine.akGen, theirs.akGen),
    dir: mergeDirectory(mine.dir, theirs.dir),
    contacts,
    rooms,
  };
  return { trust, conflicts };
}

/** @param {Contact} own @param {Contact} other @returns {Contact} */
function mergeContact(own, other) {
  if (!equal(own.root, other.root)) {
    if ((own.ok === null) !== (other.ok === null)) return own.ok === null ? other : own;
    return other.gen > own.gen ? other : own;
  }
  const newest = other.gen > own.gen ? other : own;
  const ok = Math.max(own.ok ?? 0, other.ok ?? 0);
  return { ...newest, seen: Math.min(own.seen, other.seen), ok: ok || null };
}

/**
 * The key of the instance is pinned: of two, the own one stays.
 *
 * @param {Trust["dir"]} own
 * @param {Trust["dir"]} other
 */
function mergeDirectory(own, other) {
  if (!own || !other) return own ?? other;
  return equal(own.key, other.key) && other.n > own.n ? other : own;
}

/**
 * What somebody's keys in the verified directory are to those that were recorded, 11.2. `reset`: no key is given until
 * somebody approves; `old`: the server shows an old key, no key is given.
 *
 * @param {Pick<Contact, "root" | "gen" | "tag"> | undefined} known
 * @param {{root: Bytes, gen: number, tag: Bytes}} now
 * @returns {"first" | "same" | "rotated" | "renamed" | "reset" | "old"}
 */
export function judgeContact(known, now) {
  if (!known) return "first";
  if (now.gen < known.gen) return "old";
  if (!equal(now.root, known.root)) return "reset";
  if (!equal(now.tag, known.tag)) return "renamed";
  return now.gen > known.gen ? "rotated" : "same";
}

/** @param {Bytes} instance @param {string} uid @param {Bytes} root @returns {Promise<Bytes>} */
export function fingerprint(instance, uid, root) {
  return sha256(pack("fingerprint", instance, bytesOf(uid), root));
}

/**
 * The same on both screens: twelve groups of five digits.
 *
 * @param {Bytes} one  fingerprint
 * @param {Bytes} other
 * @returns {Promise<string>}
 */
export async function safetyNumber(one, other) {
  const [lower, higher] = hexOf(one) < hexOf(other) ? [one, other] : [other, one];
  const bytes = await kdf(concat(lower, higher), "safety", [], 60);
  const groups = [];
  for (let at = 0; at < bytes.length; at += 5) {
    const number = bytes.subarray(at, at + 5).reduce((sum, byte) => sum * 256 + byte, 0);
    groups.push(String(number % 100_000).padStart(5, "0"));
  }
  return groups.join(" ");
}
