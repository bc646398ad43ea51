/** What of a change of the state is worth a notification. */
import { attentionOf } from "../../state/attention.js";
import { callsMe } from "../people/mentions.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {"all" | "mentions" | "none"} Level */

/**
 * What a room is announced for: direct rooms everything, others mentions, until somebody chooses.
 *
 * @param {Room} room
 * @returns {Level}
 */
export function levelOf(room) {
  if (room.notify !== "usual") return room.notify;
  return room.kind === "dm" ? "all" : "mentions";
}

/**
 * How much a room calls for, of what it is announced for.
 *
 * @param {State} state
 * @param {Room} room
 */
export function callsOf(state, room) {
  const { unread, mentions } = attentionOf(state, room);
  return levelOf(room) === "all" ? unread : mentions;
}

/**
 * The message to announce: the newest that calls for me and that I have not read, of those that have come or changed.
 *
 * @param {State} state
 * @param {Room} room
 * @param {number} since  the room's `seq` until now
 * @returns {Message | undefined} none where the room is not followed
 */
export function newestCall(state, room, since) {
  const all = levelOf(room) === "all";
  return state.timelines.get(room.id)?.messages.findLast((message) => {
    const { kind, by, seq, createdSeq } = message;
    const isNew = kind === "msg" && by !== state.me?.uid && seq > since && createdSeq > room.read;
    return isNew && (all || callsMe(state, message));
  });
}
