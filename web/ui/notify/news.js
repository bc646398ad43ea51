/** What of a change of the state is worth a notification. */
import { attentionOf, callsMe } from "../../state/attention.js";
import { isBlocked } from "../../state/blocks.js";

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
 * What somebody I have blocked says is not announced.
 *
 * @param {State} state
 * @param {Room} room
 * @param {number} since  the room's `seq` until now
 * @returns {Message | null | undefined} null if there is none, undefined where what has come is not known here
 */
export function newestCall(state, room, since) {
  const timeline = state.timelines.get(room.id);
  const isCurrent = timeline?.loaded && !timeline.moreAfter && !timeline.stale && timeline.seq >= room.seq;
  if (!isCurrent) return undefined;
  const all = levelOf(room) === "all";
  const found = timeline.messages.findLast((message) => {
    const { kind, by, seq, createdSeq } = message;
    const isNew = kind === "msg" && by !== state.me?.uid && seq > since && createdSeq > room.read;
    return isNew && (all ? !isBlocked(state, by) : callsMe(state, message));
  });
  return found ?? null;
}
