/**
 * The messages of one room as a list: pure functions from the known ones and those that arrived to the new list. The
 * rule is the protocol's: take a message if its `seq` is newer. So live events, replays and pages lead to the same list
 * whatever their order.
 */

/** @typedef {import("./types.js").Message} Message */

/**
 * @param {Message[]} known
 * @param {Message[]} arrived
 * @returns {Message[]} in the order of creation, unsent ones last
 */
export function merge(known, arrived) {
  const byMid = new Map(known.map((message) => [message.mid, message]));
  for (const message of arrived) {
    const old = byMid.get(message.mid);
    if (!old || message.seq >= old.seq || old.status !== "sent") byMid.set(message.mid, message);
  }
  return [...byMid.values()].sort(inOrder);
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
 * Messages of others after a read position.
 *
 * @param {Message[]} messages
 * @param {number} read
 * @param {string} me
 * @param {Set<string>} [blocked]  whose mentions do not count
 */
export function unreadAfter(messages, read, me, blocked = new Set()) {
  const unread = messages.filter((message) => message.createdSeq > read && message.by !== me && message.kind === "msg");
  return {
    unread: unread.length,
    mentions: unread.filter((message) => message.m?.includes(me) && !blocked.has(message.by)).length,
  };
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
 * The `createdSeq` of the oldest message that is loaded, or 0.
 *
 * @param {Message[]} messages
 */
export function firstSeqOf(messages) {
  return messages.find((message) => message.createdSeq > 0)?.createdSeq ?? 0;
}

/**
 * Whether a message has its place among those that are loaded. One that is older than all of them comes with its page;
 * taken in before, it would hide that everything between is missing.
 *
 * @param {import("./types.js").Timeline} timeline
 * @param {Message} message
 */
export function inLoadedRange({ messages, moreBefore }, message) {
  return !moreBefore || message.createdSeq === 0 || message.createdSeq >= firstSeqOf(messages);
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
