/**
 * Messages of one room as a list: pure functions from what was known and what arrived to what is known. The rule is
 * the protocol's: take a message if its `seq` is newer. So live events, resume and history pages converge whatever
 * their order.
 */

/** @typedef {import("./types.js").Message} Message */

/**
 * A message of the wire, `{seq, at, msg}`, as the views want it.
 *
 * @param {{ seq: number, at: number, msg: any }} entry
 * @param {string} me
 * @returns {Message}
 */
export function fromWire(entry, me) {
  const { msg } = entry;
  /** @type {Record<string, string[]>} */
  const reactions = {};
  /** @type {Record<string, string>} */
  const mine = {};
  for (const { e, by, mids } of msg.reactions ?? []) {
    reactions[e] = by;
    const at = by.indexOf(me);
    if (at >= 0) mine[e] = mids[at];
  }
  return {
    mid: msg.mid,
    rev: msg.rev,
    kind: msg.kind === "del" ? "del" : "msg",
    by: msg.by,
    t: msg.t ?? "",
    at: msg.created ?? entry.at,
    createdSeq: msg.created_seq ?? entry.seq,
    seq: entry.seq,
    status: "sent",
    reactions,
    mine,
    ...(msg.unreadable ? { unreadable: true } : {}),
    ...(msg.re ? { re: msg.re } : {}),
    ...(msg.m ? { m: msg.m } : {}),
    ...(msg.edited ? { edited: msg.edited } : {}),
  };
}

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
