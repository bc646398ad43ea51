/**
 * What calls for my attention: the one rule for the badges of rooms, the title and the icon of the tab, the keys that
 * lead to unread rooms, and notifications.
 */
import { isBlocked, isBlockedRoom } from "./blocks.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {{ unread: number, mentions: number }} Attention */

/** Stands for every member, in a text and among those whom a message mentions. */
export const EVERYBODY = "all";
/** The server counts no further. */
export const COUNTED_MAX = 1000;

/** @type {Attention} */
const NONE = { unread: 0, mentions: 0 };

/**
 * What one of my rooms calls for. A room that I have muted, hidden or blocked calls for nothing, and neither does the
 * one that I am reading: its messages are read as they come.
 *
 * @param {State} state
 * @param {Room} room
 * @returns {Attention}
 */
export function attentionOf(state, room) {
  if (room.notify === "none" || room.hidden || isBlockedRoom(state, room) || state.attended === room.id) return NONE;
  return { unread: room.unread, mentions: room.mentions };
}

/**
 * What all my rooms together call for.
 *
 * @param {State} state
 * @returns {Attention}
 */
export function attentionOfAll(state) {
  let [unread, mentions] = [0, 0];
  for (const room of state.rooms.values()) {
    const one = attentionOf(state, room);
    unread += one.unread;
    mentions += one.mentions;
  }
  return { unread, mentions };
}

/**
 * Whether a message calls me, by my name or with everybody; one of somebody I have blocked does not.
 *
 * @param {Pick<State, "me" | "blocked">} state
 * @param {Message} message
 */
export function callsMe(state, { m = [], by }) {
  const { me } = state;
  return me !== null && by !== me.uid && !isBlocked(state, by) && (m.includes(me.uid) || m.includes(EVERYBODY));
}
