/**
 * Whom I have blocked. The server keeps the list, and what changes comes back to every browser by the socket; here a
 * change shows at once.
 */
import { call } from "../net/http.js";
import { userFromWire } from "./account.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {State} state
 * @param {string} uid
 */
export function isBlocked(state, uid) {
  return state.blocked.has(uid);
}

/**
 * A direct room whose other one I have blocked: to be read only.
 *
 * @param {State} state
 * @param {import("./types.js").Room} room
 */
export function isBlockedRoom(state, room) {
  return Boolean(room.peer && isBlocked(state, room.peer));
}

/**
 * @param {{ state: State, changed: () => void, learnedUsers: () => void }} client
 */
export function createBlockActions({ state, changed, learnedUsers }) {
  /** @param {string} uid @param {boolean} blocked */
  function mark(uid, blocked) {
    const next = new Set(state.blocked);
    if (blocked) next.add(uid);
    else next.delete(uid);
    state.blocked = next;
    changed();
  }

  /** @satisfies {Partial<import("./types.js").Actions>} */
  return {
    /** @type {import("./types.js").Actions["block"]} */
    async block(uid) {
      await call("PUT", `/api/blocks/${encodeURIComponent(uid)}`);
      mark(uid, true);
    },

    /** @type {import("./types.js").Actions["unblock"]} */
    async unblock(uid) {
      await call("DELETE", `/api/blocks/${encodeURIComponent(uid)}`).catch((error) => {
        // Another browser was faster.
        if (error.code !== "not_found") throw error;
      });
      mark(uid, false);
    },

    /** @type {import("./types.js").Actions["blocks"]} */
    async blocks() {
      const { blocks } = await call("GET", "/api/blocks");
      state.users = new Map(state.users);
      for (const { user } of blocks) if (user) state.users.set(String(user.uid), userFromWire(user));
      learnedUsers();
      changed();
      return blocks.map((/** @type {any} */ wire) => ({ uid: String(wire.uid), at: Number(wire.at) }));
    },
  };
}
