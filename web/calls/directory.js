/** The calls about the list of everybody's keys (e2ee.md, 13.2); texts are base64url. */
import { call, query, readBytes } from "../net/http.js";

/** So many people may be asked for at once. */
export const PEOPLE_MAX = 200;

/**
 * One entry with its place and the name that was told with it; the name of a former member is erased.
 *
 * @typedef {{ n: number, uid: string, e: string, sn: string, so: string, name?: string }} ToldEntry
 */

/** @param {number} from @returns {Promise<Uint8Array<ArrayBuffer>>} the signed head, and the rows from there on */
export const readDirectory = (from) => readBytes(`/api/dir${query({ from })}`);

/** @param {string[]} uids @returns {Promise<ToldEntry[]>} all entries of these people */
export async function readDirectoryEntries(uids) {
  const { entries } = await call("GET", `/api/dir/entries${query({ uids: uids.join(",") })}`);
  return entries.map((/** @type {any} */ { n, uid, e, sn, so, name }) => ({
    n: Number(n),
    uid: String(uid),
    e: String(e),
    sn: String(sn),
    so: String(so ?? ""),
    ...(typeof name === "string" ? { name } : {}),
  }));
}

/**
 * Entries of mine: another name, or ones that the server has lost.
 *
 * @param {{ e: string, sn: string, so?: string }[]} entries
 * @returns {Promise<void>}
 */
export const addDirectoryEntries = (entries) => call("POST", "/api/dir/entries", { entries });

/**
 * What a server that was set back has lost: its own signed head, and what leads to it.
 *
 * @param {{ head: { n: number, h: string, t: number, sig: string }, from: number, rows: string,
 *   entries: { n: number, e: string, sn: string, so?: string, name?: string }[] }} again
 * @returns {Promise<{ n: number, missing: number[] }>}
 */
export const bringDirectoryBack = (again) => call("POST", "/api/dir/again", again);
