/** The form of an envelope (e2ee.md, 8.1 and 8.3): its JSON, what is bound to it, and what is signed. */
import { bytesOf, concat, demand, fromBase64Url, isUid, pack, sha256, toBase64Url, u64 } from "./encoding.js";

/** @import { Bytes } from "./encoding.js" */

/** @typedef {"msg" | "del" | "react"} EnvelopeKind */

/**
 * What the author says beside the content. Byte strings are bytes.
 *
 * @typedef {object} Header
 * @property {Bytes} mid
 * @property {number} rev
 * @property {EnvelopeKind} kind
 * @property {Bytes | null} ref  target of a reaction
 * @property {number} epoch
 * @property {string} by
 * @property {number} gen
 * @property {number} ts
 * @property {number} ls
 * @property {Bytes} lh
 * @property {number} dn
 * @property {Bytes} dh
 */

/** `n` and `c` are empty in a `del`. @typedef {Header & {blobs: Bytes[], n: Bytes, c: Bytes, s: Bytes}} Envelope */

const VERSION = 1;
const KINDS = ["msg", "del", "react"];
const HASH = 32;
const ID = 16;
export const NONCE = 12;
const SIGNATURE = 64;
const TAG = 16;
const BUCKET_MIN = 64;
export const CIPHERTEXT_MAX = 44 * 1024;
/** Ten files, each with a thumbnail. */
const BLOBS_MAX = 20;
const EMPTY = new Uint8Array();

/**
 * The JSON of 8.3, strictly; unknown keys are ignored.
 *
 * @param {unknown} json
 * @returns {Envelope}
 * @throws {import("./encoding.js").Refused} `form`; `suite`: another version, made by a newer program
 */
export function parseEnvelope(json) {
  demand(typeof json === "object" && json !== null && !Array.isArray(json), "form");
  const fields = /** @type {Record<string, unknown>} */ (json);
  demand(Number.isSafeInteger(fields["v"]), "form");
  demand(fields["v"] === VERSION, "suite");
  const kind = fields["kind"];
  demand(typeof kind === "string" && KINDS.includes(kind), "form");
  demand(isUid(fields["by"]), "form");
  const envelope = {
    mid: bytesAt(fields, "mid", ID),
    rev: numberAt(fields, "rev", 0),
    kind: /** @type {EnvelopeKind} */ (kind),
    ref: kind === "react" ? bytesAt(fields, "ref", ID) : null,
    epoch: numberAt(fields, "epoch", 1),
    by: /** @type {string} */ (fields["by"]),
    gen: numberAt(fields, "gen", 1),
    ts: numberAt(fields, "ts", 0),
    ls: numberAt(fields, "ls", 0),
    lh: bytesAt(fields, "lh", HASH),
    dn: numberAt(fields, "dn", 0),
    dh: bytesAt(fields, "dh", HASH),
    blobs: blobsAt(fields),
    n: kind === "del" ? EMPTY : bytesAt(fields, "n", NONCE),
    c: kind === "del" ? EMPTY : ciphertextAt(fields),
    s: bytesAt(fields, "s", SIGNATURE),
  };
  const absent = { msg: ["ref"], react: ["blobs"], del: ["ref", "blobs", "n", "c"] }[envelope.kind];
  demand(
    absent.every((key) => fields[key] === undefined),
    "form",
  );
  return envelope;
}

/** @param {Record<string, unknown>} fields @param {string} key @param {number} width @returns {Bytes} */
function bytesAt(fields, key, width) {
  const text = fields[key];
  demand(typeof text === "string", "form");
  const bytes = fromBase64Url(text);
  demand(bytes.length === width, "form");
  return bytes;
}

/** @param {Record<string, unknown>} fields @param {string} key @param {number} least @returns {number} */
function numberAt(fields, key, least) {
  const n = fields[key];
  demand(typeof n === "number" && Number.isSafeInteger(n) && n >= least && !Object.is(n, -0), "form");
  return n;
}

/** @param {Record<string, unknown>} fields @returns {Bytes} */
function ciphertextAt({ c }) {
  demand(typeof c === "string" && c.length <= 2 * CIPHERTEXT_MAX, "form");
  const bytes = fromBase64Url(c);
  demand(bytes.length >= BUCKET_MIN + TAG && bytes.length <= CIPHERTEXT_MAX, "form");
  return bytes;
}

/** @param {Record<string, unknown>} fields @returns {Bytes[]} */
function blobsAt({ blobs }) {
  if (blobs === undefined) return [];
  demand(Array.isArray(blobs) && blobs.length >= 1 && blobs.length <= BLOBS_MAX, "form");
  return blobs.map((id) => bytesAt({ id }, "id", ID));
}

/** The JSON of 8.3; what is empty is left out. @param {Envelope} envelope */
export function envelopeJson({ mid, rev, kind, ref, epoch, by, gen, ts, ls, lh, dn, dh, blobs, n, c, s }) {
  return {
    v: VERSION,
    mid: toBase64Url(mid),
    rev,
    kind,
    ...(ref ? { ref: toBase64Url(ref) } : {}),
    epoch,
    by,
    gen,
    ts,
    ls,
    lh: toBase64Url(lh),
    dn,
    dh: toBase64Url(dh),
    ...(blobs.length ? { blobs: blobs.map(toBase64Url) } : {}),
    ...(n.length ? { n: toBase64Url(n), c: toBase64Url(c) } : {}),
    s: toBase64Url(s),
  };
}

/**
 * A of 8.1.
 *
 * @param {Bytes} rid
 * @param {Bytes} kc  commitment of the epoch, from the log
 * @param {Header & {blobs: Bytes[]}} header
 * @returns {Bytes}
 */
export function aad(rid, kc, { mid, rev, kind, ref, epoch, by, gen, ts, ls, lh, dn, dh, blobs }) {
  const start = [rid, mid, u64(rev), bytesOf(kind), ref ?? EMPTY, u64(epoch), kc];
  return pack("env", ...start, bytesOf(by), u64(gen), u64(ts), u64(ls), lh, u64(dn), dh, concat(...blobs));
}

/**
 * What is signed.
 *
 * @param {Bytes} rid
 * @param {Bytes} kc
 * @param {Omit<Envelope, "s">} envelope
 * @returns {Bytes}
 */
export function signedBytes(rid, kc, envelope) {
  return pack("env-sig", aad(rid, kc, envelope), envelope.n, envelope.c);
}

/**
 * What a server keeps of a superseded one.
 *
 * @param {Bytes} rid
 * @param {Bytes} kc
 * @param {Envelope} envelope
 * @returns {Promise<Bytes>}
 */
export function envelopeDigest(rid, kc, envelope) {
  return sha256(concat(signedBytes(rid, kc, envelope), envelope.s));
}
