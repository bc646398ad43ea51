/** The call that finds messages. */
import { call, query } from "../net/http.js";
import { foundFromWire } from "../net/wire.js";

/** A part of a text that matches, from one place up to another, in UTF-16 units. @typedef {[number, number]} Mark */
/** @typedef {{ room: string, message: import("../state/types.js").Message, marks: Mark[] }} Found */
/**
 * A page of what was found, newest first.
 *
 * @typedef {object} FoundPage
 * @property {string} epoch  of every `seq` in it
 * @property {Found[]} results
 * @property {string | undefined} cursor  leads on; also a page without results may have one
 * @property {string[]} cut  `query`: only its beginning counts; `time`: older messages have not been looked at yet
 * @property {number} encrypted  rooms that were left out because the server cannot read them
 * @property {string[]} unknown  operators that name nothing, as they were written
 */

/** A search may have to wait for others. */
const TIMEOUT_MS = 30_000;

/**
 * @param {{ q: string, cursor?: string | undefined, tz: number }} wanted  `tz`: minutes by which its days begin earlier
 *   than in UTC
 * @param {string} me  whose reactions are marked as mine
 * @param {AbortSignal} signal  gives it up
 * @returns {Promise<FoundPage>}
 */
export async function findMessages({ q, cursor, tz }, me, signal) {
  return foundFromWire(await call("GET", `/api/search${query({ q, cursor, tz })}`, undefined, TIMEOUT_MS, signal), me);
}
