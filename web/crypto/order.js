/**
 * One order of everything that happens in a room (e2ee.md, 8.5 (10) and 8.4): what stands where nothing can
 * have stood was made with an outdated key, and what a message cites has to be there.
 */
import { roleAt } from "./room_state.js";

/** @import { Cited } from "./content.js" */
/** @import { RoomState } from "./room_state.js" */

/**
 * A revision of a message, a reaction or the deletion of one, at its place.
 *
 * @typedef {object} Row
 * @property {string} mid
 * @property {string} kind
 * @property {number} rev
 * @property {string} by  who made this revision
 * @property {string} author  whose message or reaction it is
 * @property {number} [createdSeq]  of messages
 * @property {number} revSeq
 * @property {number} epoch
 * @property {number} gen
 * @property {string} [ref]  of reactions and their deletions: the message
 */

/**
 * What a client knows of a row. `outdated` ones take their place, but say nothing about generations; lost ones are
 * not to be given.
 *
 * @typedef {Omit<Row, "epoch" | "gen"> & {epoch?: number, gen?: number,
 *   is: "shown" | "gone" | "missing" | "outdated"}} KnownRow
 */

/** Loaded places, both ends in it, followed up to `seq`. @typedef {{from: number, to: number, seq: number}} Interval */
/** A batch of the log: its place, and the seq of its last entry. @typedef {{seq: number, last: number}} LogBatch */

/**
 * The rule of order that a row breaks first. `known`: all rows that can matter, without lost ones: of this mid, of its
 * `ref`, at its places, and of whoever made it.
 *
 * @param {Row} row
 * @param {KnownRow[]} known
 * @param {Interval[]} intervals
 * @param {{state: RoomState, batches: LogBatch[]}} log  batches in the order of their places
 * @returns {"ok" | "a" | "b" | "c"}
 */
export function order(row, known, intervals, log) {
  if (!fitsLog(row, log)) return "a";
  if (!known.every((other) => gensRise(row, other))) return "b";
  return standsAlone(row, known, log.batches) && isNews(row, known, intervals) ? "ok" : "c";
}

/** a. @param {Row} row @param {{state: RoomState, batches: LogBatch[]}} log */
function fitsLog({ epoch, revSeq, by, author }, { state, batches }) {
  const begins = placeOf(state.entryOf[epoch], batches);
  const ends = placeOf(state.entryOf[epoch + 1], batches);
  if (begins === null || begins >= revSeq || (ends !== null && ends <= revSeq)) return false;
  const before = batches.findLast(({ seq }) => seq < revSeq);
  const was = before ? roleAt(state, by, before.last) : null;
  return was !== null && (by === author || was.role !== "member");
}

/** The place of the batch with an entry. @param {number | undefined} entry @param {LogBatch[]} batches */
function placeOf(entry, batches) {
  if (entry === undefined) return null;
  return batches.find(({ last }) => entry <= last)?.seq ?? null;
}

/** b. @param {Row} row @param {KnownRow} other */
function gensRise(row, other) {
  if (other.by !== row.by || other.gen === undefined || other.is === "outdated") return true;
  return other.revSeq < row.revSeq ? other.gen <= row.gen : other.revSeq === row.revSeq || other.gen >= row.gen;
}

/** c: no two changes share a place. @param {Row} row @param {KnownRow[]} known @param {LogBatch[]} batches */
function standsAlone(row, known, batches) {
  const { createdSeq, revSeq, rev, mid } = row;
  if (createdSeq && (rev === 0 ? createdSeq !== revSeq : createdSeq >= revSeq)) return false;
  const places = placesOf(row);
  if (batches.some(({ seq }) => places.includes(seq))) return false;
  return known.every((other) => {
    if (other.mid === mid) return other.createdSeq === createdSeq && (other.rev === rev || other.revSeq !== revSeq);
    return !placesOf(other).some((place) => places.includes(place));
  });
}

/** @param {{createdSeq?: number, revSeq: number}} row */
const placesOf = ({ createdSeq, revSeq }) => (createdSeq ? [createdSeq, revSeq] : [revSeq]);

/** c: it stands where nothing stood. @param {Row} row @param {KnownRow[]} known @param {Interval[]} intervals */
function isNews(row, known, intervals) {
  const own = known.find(({ mid }) => mid === row.mid);
  if (own && (own.is === "gone" || own.is === "missing")) return true;
  const target = row.ref ? known.find(({ mid }) => mid === row.ref) : row;
  const at = target?.createdSeq;
  if (!at) return true;
  const inside = intervals.filter(({ from, to }) => from <= at && at <= to);
  if (inside.length > 0 && !row.ref && !own) return false;
  const isFirst = !row.ref && row.rev === 0;
  return isFirst || inside.every(({ seq }) => row.revSeq > seq);
}

/**
 * A row as citing and being cited needs it. `verified`: it has passed 8.5, 1 to 6 and 10, opened or not.
 *
 * @typedef {object} CitableRow
 * @property {string} mid
 * @property {string} kind
 * @property {string} by  the author, whoever deleted it
 * @property {number} [createdSeq]
 * @property {boolean} verified
 * @property {boolean} [gone]
 * @property {boolean} [lost]  with a backup
 */

/** @param {CitableRow} row */
const isMessage = ({ kind, createdSeq }) => kind !== "react" && createdSeq !== undefined && createdSeq > 0;

/**
 * `pv` of 8.4: the newest message that this client has verified.
 *
 * @param {Iterable<CitableRow>} rows
 * @returns {Cited | null}
 */
export function cite(rows) {
  /** @type {Cited | null} */
  let newest = null;
  for (const row of rows) {
    const { mid, by, createdSeq = 0, verified, lost } = row;
    if (!isMessage(row) || !verified || lost) continue;
    if (!newest || createdSeq > newest[0]) newest = [createdSeq, mid, by];
  }
  return newest;
}

/**
 * Whether what a message cites is there. `refers`: it refers to one that is not; `wait`: that part is not loaded;
 * `lost`: it went with a backup.
 *
 * @param {Cited | undefined} cited
 * @param {number} revSeq  of the revision that cites
 * @param {CitableRow[]} rows
 * @param {Interval[]} intervals
 * @returns {"ok" | "refers" | "wait" | "lost"}
 */
export function readPv(cited, revSeq, rows, intervals) {
  if (!cited) return "ok";
  const [place, mid, by] = cited;
  const meant = (/** @type {CitableRow} */ row) =>
    isMessage(row) && row.createdSeq === place && row.mid === mid && row.by === by;
  const found = rows.filter(meant);
  if (found.some(({ lost }) => lost)) return "lost";
  if (place >= revSeq) return "refers";
  if (found.some(({ verified, gone }) => verified || gone)) return "ok";
  return intervals.some(({ from, to }) => from <= place && place <= to) ? "refers" : "wait";
}

const REACTIONS_OF_ONE = 20;
const REACTIONS_OF_ALL = 200;

/**
 * Reactions of one message as they count: one for each author and emoji, within the limits of 8.6.
 *
 * @param {{e: string, by: string, revSeq: number}[]} reactions
 * @returns {Map<string, string[]>} emoji → people, both in the order in which they came
 */
export function countReactions(reactions) {
  const counted = new Map();
  const own = new Map();
  let all = 0;
  for (const { e, by } of [...reactions].sort((one, other) => one.revSeq - other.revSeq)) {
    const people = counted.get(e) ?? [];
    const used = own.get(by) ?? 0;
    if (people.includes(by) || used === REACTIONS_OF_ONE || all === REACTIONS_OF_ALL) continue;
    counted.set(e, [...people, by]);
    own.set(by, used + 1);
    all += 1;
  }
  return counted;
}
