/** The calls about other people: finding and reading profiles, and blocking. */
import { call, query } from "../net/http.js";
import { userFromWire } from "../net/wire.js";

/** @typedef {import("../state/types.js").User} User */

/**
 * Open accounts by user name; without `q` the first page of all.
 *
 * @param {{ q?: string, limit?: number }} [wanted]
 * @returns {Promise<User[]>}
 */
export async function findUsers(wanted = {}) {
  const { users } = await call("GET", `/api/users${query(wanted)}`);
  return users.map(userFromWire);
}

/** @param {string} uid @returns {Promise<User>} */
export async function readUser(uid) {
  return userFromWire(await call("GET", `/api/users/${encodeURIComponent(uid)}`));
}

/**
 * Whom I have blocked, newest first.
 *
 * @returns {Promise<{ uid: string, at: number, user: User | null }[]>}
 */
export async function listBlocks() {
  const { blocks } = await call("GET", "/api/blocks");
  return blocks.map((/** @type {any} */ wire) => ({
    uid: String(wire.uid),
    at: Number(wire.at),
    user: wire.user ? userFromWire(wire.user) : null,
  }));
}

/** @param {string} uid @returns {Promise<void>} */
export const block = (uid) => call("PUT", `/api/blocks/${encodeURIComponent(uid)}`);

/** @param {string} uid @returns {Promise<void>} */
export const unblock = (uid) => call("DELETE", `/api/blocks/${encodeURIComponent(uid)}`);
