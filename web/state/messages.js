/**
 * The messages of one room as a list: pure functions from the known ones and those that arrived to the new list. The
 * rule is the protocol's: take a message if its `seq` is newer. So live events, replays and pages lead to the same list
 * whatever their order.
 */

import { callsMe } from "./attention.js";

/** @typedef {import("./types.js").Message} Message */

/**
 * @param {Message[]} known
 * @param {Message[]} arrived
 * @returns {Message[]} in the order of creation, mine without a place last
 */
export function merge(known, arrived) {
  if (arrived.length === 1) return withOne(known, /** @type {Message} */ (arrived[0]));
  const byMid = new Map(known.map((message) => [message.mid, message]));
  for (const message of arrived) {
    const old = byMid.get(message.mid);
    if (!old || message.seq >= old.seq) byMid.set(message.mid, message);
  }
  return [...byMid.values()].sort(inOrder);
}

/**
 * Messages that are seen in another way now, without a change in the room: they take the place of themselves alone.
 *
 * @param {Message[]} known
 * @param {Message[]} renewed
 */
export function renew(known, renewed) {
  const mids = new Map(known.map((message) => [message.mid, message]));
  // An edit or a deletion of mine that waits is shown already.
  const fitting = renewed.filter(({ mid, seq, rev }) => mids.get(mid)?.seq === seq && mids.get(mid)?.rev === rev);
  return fitting.length ? merge(known, fitting) : known;
}

/**
 * The same for one message, without sorting. Most are new and belong at the end, where only mine that have no place yet
 * may be the same.
 *
 * @param {Message[]} known
 * @param {Message} message
 */
function withOne(known, message) {
  const end = placedIn(known);
  // One that a backup of the server had lost may come again, at another place.
  const isNewest = message.createdSeq > (known[end - 1]?.createdSeq ?? 0) && !known.some(({ lost }) => lost);
  const at = (isNewest ? known.slice(end) : known).findLastIndex(({ mid }) => mid === message.mid);
  const old = at < 0 ? undefined : known[isNewest ? end + at : at];
  if (old && message.seq < old.seq) return known;
  const others = old ? known.filter((other) => other !== old) : known;
  const before = others.findLastIndex((other) => inOrder(other, message) <= 0);
  return others.toSpliced(before + 1, 0, message);
}

/**
 * How many messages have a place; those that have none come after them.
 *
 * @param {Message[]} messages
 */
export function placedIn(messages) {
  return messages.findLastIndex(({ createdSeq }) => createdSeq > 0) + 1;
}

/**
 * @param {Message[]} known
 * @param {string} mid
 * @param {(message: Message) => Message} change
 */
export function change(known, mid, change) {
  return known.map((message) => (message.mid === mid ? change(message) : message));
}

/**
 * Whether a message is one of others that counts as unread, until it is read.
 *
 * @param {Message} message
 * @param {string} me
 */
export function countsAsUnread({ kind, by, createdSeq }, me) {
  return kind === "msg" && by !== me && createdSeq > 0;
}

/**
 * The messages of others after a read position, of those that the numbers of the room count.
 *
 * @param {Message[]} messages
 * @param {{ read: number, seq: number }} room
 * @param {Pick<import("./types.js").State, "me" | "blocked">} state
 */
export function unreadAfter(messages, { read, seq }, state) {
  const me = state.me?.uid ?? "";
  const unread = messages.filter(
    (message) => message.createdSeq > read && message.createdSeq <= seq && countsAsUnread(message, me),
  );
  return { unread: unread.length, mentions: unread.filter((message) => callsMe(state, message)).length };
}

/**
 * @param {Message} a
 * @param {Message} b
 */
function inOrder(a, b) {
  const unsent = Number(a.createdSeq === 0) - Number(b.createdSeq === 0);
  return unsent || (a.createdSeq === 0 ? a.at - b.at : a.createdSeq - b.createdSeq);
}

/**
 * The `createdSeq` of the oldest message that has a place, or 0.
 *
 * @param {Message[]} messages
 */
export function firstSeqOf(messages) {
  return messages.find(({ createdSeq }) => createdSeq > 0)?.createdSeq ?? 0;
}

/**
 * The `createdSeq` of the newest message that has a place, or 0.
 *
 * @param {Message[]} messages
 */
export function lastSeqOf(messages) {
  return messages.findLast(({ createdSeq }) => createdSeq > 0)?.createdSeq ?? 0;
}

/**
 * @param {Message} message
 * @param {string} emoji
 * @param {string} me
 * @param {string} mid  of the reaction
 * @returns {Message}
 */
export function withReaction(message, emoji, me, mid) {
  const { reactions, mine } = withoutReaction(message, emoji, me);
  return {
    ...message,
    reactions: { ...reactions, [emoji]: [...(reactions?.[emoji] ?? []), me] },
    mine: { ...mine, [emoji]: mid },
  };
}

/**
 * @param {Message} message
 * @param {string} emoji
 * @param {string} me
 * @returns {Message}
 */
export function withoutReaction(message, emoji, me) {
  const { [emoji]: _, ...mine } = message.mine ?? {};
  const others = (message.reactions?.[emoji] ?? []).filter((uid) => uid !== me);
  return { ...message, reactions: { ...message.reactions, [emoji]: others }, mine };
}
