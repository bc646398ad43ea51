/** The calls about encrypted rooms: their logs and the keys that members hand to one another (13.2 of e2ee.md). */
import { call, query, readBytes } from "../net/http.js";
import { logHeadFromWire, roomFromWire } from "../net/wire.js";
import { pairFromWire } from "../net/wire_frames.js";

/** @typedef {import("../state/types.js").Room} Room */
/** @typedef {import("../state/types.js").LogHead} LogHead */
/** @typedef {import("../net/wire_frames.js").Pair} Pair */
/** An entry of a log and its signature, in base64url. @typedef {{ e: string, s: string }} SignedEntry */
/** A key of a room, sealed to one generation of a person's own. @typedef {Pair & { w: string }} Wrap */

/** A batch may be large, and a slow line takes its time. */
const APPEND_MS = 60_000;

/** @param {string} room */
const path = (room) => `/api/rooms/${encodeURIComponent(room)}`;

/**
 * Makes an encrypted room, or answers with the direct one that exists for the same people.
 *
 * @param {SignedEntry[]} entries  the founding ones
 * @param {Wrap[]} wraps
 * @returns {Promise<Room>}
 */
export async function createEncryptedRoom(entries, wraps) {
  return roomFromWire(await call("POST", "/api/rooms", { e2ee: { entries, wraps } }, APPEND_MS));
}

/**
 * Up to 5,000 entries of the log as bytes, each with its batch and time.
 *
 * @param {string} room
 * @param {number} from  the number of the first one
 */
export const readLog = (room, from) => readBytes(`${path(room)}/log${query({ from })}`);

/**
 * Appends a batch if the log still ends with `head`.
 *
 * @param {string} room
 * @param {{ head: LogHead, entries: SignedEntry[], wraps: Wrap[] }} batch
 * @returns {Promise<{ seq: number, head: LogHead }>} the batch's place among the messages, and the new end of the log
 */
export async function appendLog(room, { head, entries, wraps }) {
  const answer = await call("POST", `${path(room)}/log`, { head, entries, wraps, cards: [] }, APPEND_MS);
  return { seq: Number(answer.seq), head: logHeadFromWire(answer.head) };
}

/**
 * My own wraps, the newest first: two of them, or those before an epoch.
 *
 * @param {string} room
 * @param {number} [before]
 * @returns {Promise<{ wraps: { epoch: number, gen: number, w: string }[], epoch: number, shut: string[],
 *   needed: Pair[], why: string | null }>} with what the server says: whose accounts are shut, who lacks the key, and
 *   why a new one is due
 */
export async function readWraps(room, before) {
  const { wraps, epoch, shut, needed, why } = await call("GET", `${path(room)}/wraps${query({ before })}`);
  return {
    wraps: wraps.map((/** @type {any} */ wrap) => ({
      epoch: Number(wrap.epoch),
      gen: Number(wrap.gen),
      w: String(wrap.w),
    })),
    epoch: Number(epoch),
    shut: (shut ?? []).map(String),
    needed: (needed ?? []).map(pairFromWire),
    why: why ?? null,
  };
}

/**
 * Hands the room's key to those who lack it; what is not needed is ignored.
 *
 * @param {string} room
 * @param {Wrap[]} wraps
 * @returns {Promise<number>} how many were taken
 */
export async function giveWraps(room, wraps) {
  return Number((await call("POST", `${path(room)}/wraps`, { wraps })).taken);
}

/**
 * My wrap does not open: it is deleted, and needed again.
 *
 * @param {string} room
 * @param {{ epoch: number, gen: number }} wrap
 * @returns {Promise<void>}
 */
export const reportWrap = (room, wrap) => call("POST", `${path(room)}/wraps/bad`, wrap);
