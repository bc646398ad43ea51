/** The bytes of a room's log (e2ee.md, 6.1): ten types of entries, built from values and parsed strictly. */
import {
  bytesOf,
  concat,
  demand,
  pack,
  readPrefixed,
  readU64,
  readUid,
  readWidth,
  sha256,
  textOf,
  u32,
  u64,
  unpack,
} from "./encoding.js";
import { sign } from "./signatures.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */
/** @typedef {"member" | "admin" | "owner"} Role */
/** @typedef {"closed" | "dm"} Kind */
/** @typedef {"left" | "removed" | "banned"} RemoveReason */
/** @typedef {"member" | "keys" | "shut" | "repair" | "manual"} EpochReason */

/**
 * The key of epoch m, encrypted under that of a later one.
 *
 * @typedef {object} KeyLink
 * @property {number} m
 * @property {Bytes} nonce
 * @property {Bytes} box
 */

/**
 * @typedef {{type: "create", nonce: Bytes, root: Bytes, kind: Kind, first: number, kc: Bytes} |
 *   {type: "add", uid: string, root: Bytes, role: Role} |
 *   {type: "remove", uid: string, reason: RemoveReason} |
 *   {type: "unban", uid: string} |
 *   {type: "role", uid: string, role: Role} |
 *   {type: "epoch", n: number, kc: Bytes, links: KeyLink[], skip: string[], reason: EpochReason} |
 *   {type: "link", lid: Bytes, ed: Bytes, expires: number, max: number} |
 *   {type: "unlink", lid: Bytes} |
 *   {type: "join", lid: Bytes, root: Bytes, linkSig: Bytes} |
 *   {type: "profile", epoch: number, box: Bytes}} Body
 */

/**
 * @typedef {object} Entry
 * @property {Bytes} rid  empty at seq 0
 * @property {number} seq
 * @property {Bytes} prev  empty at seq 0
 * @property {string} actor
 * @property {number} gen  of the actor's key
 * @property {number} time
 * @property {number} dn
 * @property {Bytes} dh
 * @property {Body} body
 */

/** An entry as it travels. @typedef {{e: Bytes, s: Bytes}} SignedEntry */

const HASH = 32;
const LID = 8;
const NONCE = 12;
const SEALED_KEY = 48;
const LINK = 8 + NONCE + SEALED_KEY;
const LINKS_MAX = 8;
const SIGNATURE = 64;
const PROFILE = { min: 93, max: 4200 };
const ROLES = /** @type {const} */ (["member", "admin", "owner"]);
const KINDS = /** @type {const} */ (["closed", "dm"]);
const REMOVE_REASONS = /** @type {const} */ (["left", "removed", "banned"]);
const EPOCH_REASONS = /** @type {const} */ (["member", "keys", "shut", "repair", "manual"]);
/** History is for all who are in; there is no other value. */
const HISTORY = "all";

/**
 * How the body of each type is written and read: `pack("b/" + type, …)`.
 *
 * @type {{[type: string]: {count: number, write: (body: any) => Bytes[], read: (...fields: Bytes[]) => any}}}
 */
const BODIES = {
  create: {
    count: 7,
    write: ({ nonce, root, kind, first, kc }) => [nonce, root, bytesOf(kind), bytesOf(HISTORY), u64(first), u64(1), kc],
    read: (nonce, root, kind, history, first, epoch, kc) => {
      demand(readWord(history, [HISTORY]) && readU64(epoch) === 1, "form");
      return {
        nonce: readWidth(nonce, 16),
        root: readWidth(root, HASH),
        kind: readWord(kind, KINDS),
        first: readU64(first),
        kc: readWidth(kc, HASH),
      };
    },
  },
  add: {
    count: 3,
    write: ({ uid, root, role }) => [bytesOf(uid), root, bytesOf(role)],
    read: (uid, root, role) => ({ uid: readUid(uid), root: readWidth(root, HASH), role: readWord(role, ROLES) }),
  },
  remove: {
    count: 2,
    write: ({ uid, reason }) => [bytesOf(uid), bytesOf(reason)],
    read: (uid, reason) => ({ uid: readUid(uid), reason: readWord(reason, REMOVE_REASONS) }),
  },
  unban: {
    count: 1,
    write: ({ uid }) => [bytesOf(uid)],
    read: (uid) => ({ uid: readUid(uid) }),
  },
  role: {
    count: 2,
    write: ({ uid, role }) => [bytesOf(uid), bytesOf(role)],
    read: (uid, role) => ({ uid: readUid(uid), role: readWord(role, ROLES) }),
  },
  epoch: {
    count: 5,
    write: ({ n, kc, links, skip, reason }) => [u64(n), kc, writeLinks(links), writeUids(skip), bytesOf(reason)],
    read: (n, kc, links, skip, reason) => ({
      n: readU64(n),
      kc: readWidth(kc, HASH),
      links: readLinks(links, readU64(n)),
      skip: readUids(skip),
      reason: readWord(reason, EPOCH_REASONS),
    }),
  },
  link: {
    count: 4,
    write: ({ lid, ed, expires, max }) => [lid, ed, u64(expires), u64(max)],
    read: (lid, ed, expires, max) => ({
      lid: readWidth(lid, LID),
      ed: readWidth(ed, HASH),
      expires: readU64(expires),
      max: readU64(max),
    }),
  },
  unlink: {
    count: 1,
    write: ({ lid }) => [lid],
    read: (lid) => ({ lid: readWidth(lid, LID) }),
  },
  join: {
    count: 3,
    write: ({ lid, root, linkSig }) => [lid, root, linkSig],
    read: (lid, root, linkSig) => ({
      lid: readWidth(lid, LID),
      root: readWidth(root, HASH),
      linkSig: readWidth(linkSig, SIGNATURE),
    }),
  },
  profile: {
    count: 2,
    write: ({ epoch, box }) => [u64(epoch), box],
    read: (epoch, box) => {
      demand(box.length >= PROFILE.min && box.length <= PROFILE.max, "form");
      return { epoch: readU64(epoch), box };
    },
  },
};

/**
 * @template {string} W
 * @param {Bytes} field
 * @param {readonly W[]} words
 * @returns {W}
 */
function readWord(field, words) {
  const word = textOf(field);
  const found = words.find((each) => each === word);
  demand(found !== undefined, "form");
  return found;
}

/** @param {KeyLink[]} links */
function writeLinks(links) {
  return concat(...links.map(({ m, nonce, box }) => concat(u64(m), nonce, box)));
}

/** @param {Bytes} field @param {number} n @returns {KeyLink[]} */
function readLinks(field, n) {
  const count = field.length / LINK;
  demand(Number.isInteger(count) && count >= 1 && count <= LINKS_MAX, "form");
  const links = [];
  for (let at = 0, above = n; at < field.length; at += LINK) {
    const m = readU64(field.subarray(at, at + 8));
    demand(m >= 1 && m < above, "form");
    above = m;
    links.push({ m, nonce: field.slice(at + 8, at + 8 + NONCE), box: field.slice(at + 8 + NONCE, at + LINK) });
  }
  return links;
}

/** @param {string[]} uids */
function writeUids(uids) {
  return concat(...uids.flatMap((uid) => [u32(bytesOf(uid).length), bytesOf(uid)]));
}

/** @param {Bytes} field @returns {string[]} as numbers strictly rising */
function readUids(field) {
  const uids = readPrefixed(field).map(readUid);
  demand(
    uids.every((uid, at) => at === 0 || Number(uids[at - 1]) < Number(uid)),
    "form",
  );
  return uids;
}

/** @param {Entry} entry @returns {Bytes} */
export function buildEntry({ rid, seq, prev, actor, gen, time, dn, dh, body }) {
  const { write } = /** @type {NonNullable<typeof BODIES[string]>} */ (BODIES[body.type]);
  const packed = pack(`b/${body.type}`, ...write(body));
  const numbers = [u64(gen), u64(time), u64(dn)];
  return pack("log", rid, u64(seq), prev, bytesOf(body.type), bytesOf(actor), ...numbers, dh, packed);
}

/** @param {Bytes} e @returns {Entry} @throws {import("./encoding.js").Refused} `form` */
export function parseEntry(e) {
  const [rid, seq, prev, type, actor, gen, time, dn, dh, packed] =
    /** @type {[Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes]} */ (unpack("log", 10, e));
  const name = textOf(type);
  const body = Object.hasOwn(BODIES, name) ? BODIES[name] : undefined;
  demand(body, "form");
  return {
    rid: readWidth(rid, 0, HASH),
    seq: readU64(seq),
    prev: readWidth(prev, 0, HASH),
    actor: readUid(actor),
    gen: readU64(gen),
    time: readU64(time),
    dn: readU64(dn),
    dh: readWidth(dh, HASH),
    body: { type: name, ...body.read(...unpack(`b/${name}`, body.count, packed)) },
  };
}

/** @param {Bytes} e @param {Bytes} s @returns {Promise<Bytes>} */
export function entryHash(e, s) {
  return sha256(pack("log-hash", e, s));
}

/** @param {Entry} entry @param {CryptoKey} key @returns {Promise<SignedEntry>} */
export async function signEntry(entry, key) {
  const e = buildEntry(entry);
  return { e, s: await sign(key, e) };
}

/**
 * What a joiner signs with the key of a link.
 *
 * @param {Bytes} rid
 * @param {Bytes} lid
 * @param {string} uid
 * @param {Bytes} root
 * @returns {Bytes}
 */
export function joinMessage(rid, lid, uid, root) {
  return pack("join", rid, lid, bytesOf(uid), root);
}

/**
 * The binary log of `GET …/log`: for each entry its batch's place among messages, when it came, and its bytes.
 *
 * @param {Bytes} bytes
 * @returns {(SignedEntry & {batch: number, at: number})[]}
 */
export function parseLog(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries = [];
  for (let at = 0; at < bytes.length;) {
    demand(bytes.length - at >= 20 + SIGNATURE, "form");
    const length = view.getUint32(at + 16);
    const end = at + 20 + length;
    demand(bytes.length >= end + SIGNATURE, "form");
    entries.push({
      batch: readU64(bytes.subarray(at, at + 8)),
      at: readU64(bytes.subarray(at + 8, at + 16)),
      e: bytes.slice(at + 20, end),
      s: bytes.slice(end, end + SIGNATURE),
    });
    at = end + SIGNATURE;
  }
  return entries;
}
