/** What is inside an envelope (e2ee.md, 8.4): texts with all that belongs to them, and reactions. */
import { Refused, bytesOf, demand, equal, fromBase64Url, isUid } from "./encoding.js";

/** @import { Bytes } from "./encoding.js" */

/** created_seq, mid and author of the newest message known. @typedef {[number, string, string]} Cited */

/**
 * @typedef {object} Thumbnail
 * @property {string} id
 * @property {string} k
 * @property {string} d
 * @property {string} t
 * @property {number} s
 * @property {number} w
 * @property {number} h
 */

/**
 * A file: its id, key, digest, name, type, size, and what a picture has. Byte strings are base64url.
 *
 * @typedef {object} FileInfo
 * @property {string} id
 * @property {string} k
 * @property {string} d
 * @property {string} n
 * @property {string} t
 * @property {number} s
 * @property {number} [w]
 * @property {number} [h]
 * @property {Thumbnail} [th]
 */

/**
 * @typedef {object} MessageContent
 * @property {string} t
 * @property {string} [re]  mid of the message it replies to
 * @property {string[]} [m]  mentioned people
 * @property {true} [all]  everybody
 * @property {FileInfo[]} [f]
 * @property {Cited} [pv]
 */

/** @typedef {{e: string}} ReactionContent */
/** @typedef {MessageContent | ReactionContent} Content */

const PLAINTEXT_MAX = 40 * 1024;
const TEXT_MAX = 32 * 1024;
const MENTIONS_MAX = 50;
const FILES_MAX = 10;
const EMOJI_MAX = 64;
const MID = 16;
const KEY = 32;

/** @param {Content} content @returns {Bytes} @throws {Refused} `form`, as for a reader */
export function writeContent(content) {
  const bytes = bytesOf(JSON.stringify(content));
  readContent("e" in content ? "react" : "msg", bytes);
  return bytes;
}

/**
 * Unknown keys are dropped, wrong types refused.
 *
 * @param {"msg" | "react"} kind
 * @param {Bytes} bytes
 * @returns {Content}
 * @throws {Refused} `form`
 */
export function readContent(kind, bytes) {
  demand(bytes.length <= PLAINTEXT_MAX, "form");
  const json = parseJson(bytes);
  demand(isObject(json), "form");
  return kind === "react" ? readReaction(json) : readMessage(json);
}

/** @param {Bytes} bytes */
function parseJson(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Refused("form");
  }
}

/** @param {Record<string, unknown>} json @returns {ReactionContent} */
function readReaction({ ["e"]: e }) {
  demand(typeof e === "string" && e !== "" && bytesOf(e).length <= EMOJI_MAX, "form");
  return { e };
}

/** @param {Record<string, unknown>} json @returns {MessageContent} */
function readMessage({ ["t"]: t, ["re"]: re, ["m"]: m, ["all"]: all, ["f"]: f, ["pv"]: pv }) {
  demand(typeof t === "string" && bytesOf(t).length <= TEXT_MAX, "form");
  demand(all === undefined || all === true, "form");
  return {
    t,
    ...(re === undefined ? {} : { re: readId(re) }),
    ...(m === undefined ? {} : { m: readList(m, MENTIONS_MAX, readPerson) }),
    ...(all ? { all } : {}),
    ...(f === undefined ? {} : { f: readList(f, FILES_MAX, readFile) }),
    ...(pv === undefined ? {} : { pv: readCited(pv) }),
  };
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @template T
 * @param {unknown} value
 * @param {number} most
 * @param {(item: unknown) => T} read
 * @returns {T[]}
 */
function readList(value, most, read) {
  demand(Array.isArray(value) && value.length <= most, "form");
  return value.map(read);
}

/** @param {unknown} value @param {number} width */
function readBytes(value, width) {
  demand(typeof value === "string" && fromBase64Url(value).length === width, "form");
  return value;
}

/** @param {unknown} value */
const readId = (value) => readBytes(value, MID);

/** @param {unknown} value */
function readPerson(value) {
  demand(isUid(value), "form");
  return value;
}

/** @param {unknown} value @param {number} least */
function readCount(value, least) {
  demand(typeof value === "number" && Number.isSafeInteger(value) && value >= least, "form");
  return value;
}

/** @param {unknown} value */
function readString(value) {
  demand(typeof value === "string", "form");
  return value;
}

/** @param {unknown} value @returns {Cited} */
function readCited(value) {
  demand(Array.isArray(value) && value.length === 3, "form");
  return [readCount(value[0], 1), readId(value[1]), readPerson(value[2])];
}

/** @param {unknown} value @returns {FileInfo} */
function readFile(value) {
  demand(isObject(value), "form");
  const { n, w, h, th } = value;
  return {
    ...readBlob(value),
    n: readString(n),
    ...(w === undefined ? {} : { w: readCount(w, 1) }),
    ...(h === undefined ? {} : { h: readCount(h, 1) }),
    ...(th === undefined ? {} : { th: readThumbnail(th) }),
  };
}

/** @param {unknown} value @returns {Thumbnail} */
function readThumbnail(value) {
  demand(isObject(value), "form");
  return { ...readBlob(value), w: readCount(value["w"], 1), h: readCount(value["h"], 1) };
}

/** @param {Record<string, unknown>} value */
function readBlob({ id, k, d, t, s }) {
  return {
    id: readId(id),
    k: readBytes(k, KEY),
    d: readBytes(d, KEY),
    t: readString(t),
    s: readCount(s, 0),
  };
}

/**
 * The ids of the files of a content, each followed by its thumbnail's: what `blobs` of the envelope has to be.
 *
 * @param {Content} content
 * @returns {Bytes[]}
 */
export function blobsOf(content) {
  const files = "f" in content ? (content.f ?? []) : [];
  return files.flatMap(({ id, th }) => (th ? [id, th.id] : [id])).map(fromBase64Url);
}

/** @param {Content} content @param {Bytes[]} blobs @returns {boolean} */
export function hasExactly(content, blobs) {
  const own = blobsOf(content);
  return own.length === blobs.length && own.every((id, at) => equal(id, /** @type {Bytes} */ (blobs[at])));
}
