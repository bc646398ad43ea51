/** The bytes of the directory (e2ee.md, 5.1): names and their tags, entries, rows, the chain and its head. */
import { bytesOf, concat, demand, pack, readU64, readUid, readWidth, sha256, textOf, u64, unpack } from "./encoding.js";
import { checkEdPublic, checkXPublic, sign, verify } from "./signatures.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */
/** @typedef {"create" | "rotate" | "rename" | "reset"} DirEntryType */

/**
 * @typedef {object} DirEntry
 * @property {string} uid
 * @property {Bytes} tag
 * @property {DirEntryType} type
 * @property {number} gen
 * @property {Bytes} ed
 * @property {Bytes} x
 * @property {Bytes} prevLeaf  empty in a `create`
 * @property {number} time
 */

/**
 * An entry as it travels: its bytes, the signature of its own key, and that of the generation before or empty.
 *
 * @typedef {object} SignedDirEntry
 * @property {Bytes} e
 * @property {Bytes} sn
 * @property {Bytes} so
 */

/** @typedef {{uid: string, tag: Bytes, leaf: Bytes}} Row */
/** @typedef {{n: number, h: Bytes, t: number, sig: Bytes}} Head */

const TYPES = ["create", "rotate", "rename", "reset"];
const HASH = 32;
const TAG = 16;
const SIGNATURE = 64;
export const ROW_BYTES = 8 + TAG + HASH;
const HEAD_BYTES = 8 + HASH + 8 + SIGNATURE;

/**
 * What two spellings of one name have in common. Each code point is mapped by itself: a whole string would turn a
 * final Σ into ς, and the server does not.
 *
 * @param {string} name
 * @returns {string}
 */
export function nameKey(name) {
  const upper = [...name.normalize("NFKC")].map((sign) => sign.toUpperCase()).join("");
  return [...upper]
    .map((sign) => sign.toLowerCase())
    .join("")
    .normalize("NFKC");
}

/** @param {Bytes} instance @param {string} name @returns {Promise<Bytes>} 16 bytes */
export async function tagOf(instance, name) {
  return (await sha256(pack("dir-name", instance, bytesOf(nameKey(name))))).slice(0, TAG);
}

/** @param {Bytes} instance @param {DirEntry} entry @returns {Bytes} */
export function buildDirEntry(instance, { uid, tag, type, gen, ed, x, prevLeaf, time }) {
  return pack("dir-entry", instance, bytesOf(uid), tag, bytesOf(type), u64(gen), ed, x, prevLeaf, u64(time));
}

/**
 * @param {Bytes} instance
 * @param {Bytes} e
 * @returns {DirEntry}
 * @throws {import("./encoding.js").Refused} `form`
 */
export function parseDirEntry(instance, e) {
  const fields = unpack("dir-entry", 9, e);
  const [where, uid, tag, type, gen, ed, x, prevLeaf, time] =
    /** @type {[Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes]} */ (fields);
  const name = textOf(type);
  demand(TYPES.includes(name) && where.length === instance.length, "form");
  demand(
    where.every((byte, at) => byte === instance[at]),
    "form",
  );
  return {
    uid: readUid(uid),
    tag: readWidth(tag, TAG),
    type: /** @type {DirEntryType} */ (name),
    gen: readU64(gen),
    ed: readWidth(ed, HASH),
    x: readWidth(x, HASH),
    prevLeaf: readWidth(prevLeaf, 0, HASH),
    time: readU64(time),
  };
}

/** Refuses (`key`) what 3.4 refuses. @param {DirEntry} entry */
export function checkKeys({ ed, x }) {
  checkEdPublic(ed);
  checkXPublic(x);
}

/**
 * @param {Bytes} instance
 * @param {DirEntry} entry
 * @param {CryptoKey} newKey  of this entry
 * @param {CryptoKey} [oldKey]  of the generation before: for a `rotate`
 * @returns {Promise<SignedDirEntry>}
 */
export async function signDirEntry(instance, entry, newKey, oldKey) {
  const e = buildDirEntry(instance, entry);
  return { e, sn: await sign(newKey, e), so: oldKey ? await sign(oldKey, e) : new Uint8Array() };
}

/**
 * @param {DirEntry} entry
 * @param {SignedDirEntry} signed
 * @param {Bytes | null} oldKey  public key of the generation before, if its signature is wanted
 * @returns {Promise<boolean>}
 */
export async function verifyDirEntry(entry, { e, sn, so }, oldKey) {
  if (!oldKey) return so.length === 0 && verify(entry.ed, e, sn);
  const both = await Promise.all([verify(entry.ed, e, sn), verify(oldKey, e, so)]);
  return both.every(Boolean);
}

/** @param {SignedDirEntry} signed @returns {Promise<Bytes>} */
export function leafOf({ e, sn, so }) {
  return sha256(pack("dir-leaf", e, sn, so));
}

/** H_0. @param {Bytes} instance @returns {Promise<Bytes>} */
export function rootHash(instance) {
  return sha256(pack("dir-root", instance));
}

/** H_n. @param {Bytes} previous @param {number} n @param {Row} row @returns {Promise<Bytes>} */
export function nodeHash(previous, n, { uid, tag, leaf }) {
  return sha256(pack("dir-node", previous, u64(n), bytesOf(uid), tag, leaf));
}

/** The form in which positions travel. @param {Row} row @returns {Bytes} */
export function rowOf({ uid, tag, leaf }) {
  return concat(u64(Number(uid)), tag, leaf);
}

/** @param {Bytes} bytes  rows, one after the other, else `form` @returns {Row[]} */
export function parseRows(bytes) {
  demand(bytes.length % ROW_BYTES === 0, "form");
  const rows = [];
  for (let at = 0; at < bytes.length; at += ROW_BYTES) rows.push(parseRow(bytes.subarray(at, at + ROW_BYTES)));
  return rows;
}

/** @param {Uint8Array} bytes @returns {Row} */
export function parseRow(bytes) {
  const uid = readU64(bytes.subarray(0, 8));
  demand(uid >= 1, "form");
  return {
    uid: String(uid),
    tag: readWidth(bytes.subarray(8, 8 + TAG), TAG),
    leaf: readWidth(bytes.subarray(8 + TAG, ROW_BYTES), HASH),
  };
}

/** @param {Bytes} instance @param {Pick<Head, "n" | "h" | "t">} head @returns {Bytes} */
export function headMessage(instance, { n, h, t }) {
  return pack("dir-head", instance, u64(n), h, u64(t));
}

/** @param {Bytes} instance @param {Bytes} dirKey @param {Head} head @returns {Promise<boolean>} */
export function checkHead(instance, dirKey, head) {
  return verify(dirKey, headMessage(instance, head), head.sig);
}

/**
 * The answer of `GET /api/dir`: the signed head, then rows.
 *
 * @param {Bytes} bytes
 * @returns {{head: Head, rows: Bytes}}
 */
export function parseDirAnswer(bytes) {
  demand(bytes.length >= HEAD_BYTES, "form");
  const head = {
    n: readU64(bytes.subarray(0, 8)),
    h: bytes.slice(8, 8 + HASH),
    t: readU64(bytes.subarray(8 + HASH, 16 + HASH)),
    sig: bytes.slice(16 + HASH, HEAD_BYTES),
  };
  const rows = bytes.slice(HEAD_BYTES);
  demand(rows.length % ROW_BYTES === 0, "form");
  return { head, rows };
}
