/**
 * Whom I have blocked. The server keeps the list and sends every change to all my browsers; in the one that made it
 * the change shows with the answer of the call.
 */
import * as api from "../calls/people.js";

/** @typedef {import("./types.js").State} State */

/**
 * @param {Pick<State, "blocked">} state
 * @param {string} uid
 */
export function isBlocked(state, uid) {
  return state.blocked.has(uid);
}

/**
 * Whether this is the direct room of a person I have blocked, which can only be read.
 *
 * @param {State} state
 * @param {import("./types.js").Room} room
 */
export function isBlockedRoom(state, room) {
  return Boolean(room.peer && isBlocked(state, room.peer));
}

/**
 * Whether what a person writes in a room is covered: I have blocked them, and others are in the room, too.
 *
 * @param {State} state
 * @param {string} room
 * @param {string} uid
 */
export function isCovered(state, room, uid) {
  return isBlocked(state, uid) && !state.rooms.get(room)?.peer;
}

export class BlockActions {
  #store;
  #users;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./users.js").Users} users
   */
  constructor(store, users) {
    this.#store = store;
    this.#users = users;
  }

  /** @param {string} uid */
  async block(uid) {
    await api.block(uid);
    this.#store.update({ blocked: new Set(this.#store.state.blocked).add(uid) });
  }

  /** @param {string} uid */
  async unblock(uid) {
    await api.unblock(uid).catch((error) => {
      // Another browser was faster.
      if (error.code !== "not_found") throw error;
    });
    const blocked = new Set(this.#store.state.blocked);
    blocked.delete(uid);
    this.#store.update({ blocked });
  }

  /**
   * Whom I have blocked, newest first.
   *
   * @returns {Promise<{ uid: string, at: number }[]>}
   */
  list() {
    return this.#users.read(api.listBlocks, (blocks) => blocks.map(({ user }) => user));
  }
}
