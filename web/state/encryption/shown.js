/** How a message of an encrypted room is shown: what was checked of it, as the same shape that plain ones have. */

/** @typedef {import("./ledger.js").Row} Row */
/** @typedef {import("../types.js").Message} Message */

/** Reactions that are counted (8.6): of one author, and on one message. */
const OF_ONE = 20;
const ON_ONE = 200;
/** A clock that is so far off the server's is shown in the details. */
const CLOCK_MS = 10 * 60_000;

/**
 * @param {Row} row
 * @param {Row[]} reactions
 * @param {string} me
 * @param {number} place
 * @returns {Message}
 */
export function messageOf(row, reactions, me, place) {
  const isShown = row.verdict === "ok" && row.kind !== "del";
  const { text = "", ts, at } = row;
  return {
    mid: row.mid,
    rev: row.rev,
    kind: row.kind === "del" ? "del" : "msg",
    by: row.author,
    t: isShown ? text : "",
    at,
    createdSeq: place,
    // A lost message is replaced by whatever comes of it again.
    seq: row.lost ? 0 : row.seq,
    status: "sent",
    verdict: row.verdict,
    ...(row.bad ? { failure: row.bad } : {}),
    ...(row.gone && row.verdict === "gone" ? { gone: row.gone } : {}),
    ...(row.refers ? { refers: row.refers } : {}),
    ...(row.lost ? { lost: true } : {}),
    ...(isShown && row.re ? { re: row.re } : {}),
    ...(isShown && row.m ? { m: row.m } : {}),
    ...(isShown && row.edited ? { edited: row.edited } : {}),
    ...(isShown && ts !== undefined && row.rev === 0 && Math.abs(ts - at) > CLOCK_MS ? { writtenAt: ts } : {}),
    ...(isShown ? counted(reactions, me) : { reactions: {}, mine: {} }),
  };
}

/**
 * One reaction for each author and emoji, in the order in which they came.
 *
 * @param {Row[]} all
 * @param {string} me
 */
function counted(all, me) {
  /** @type {Record<string, string[]>} */
  const reactions = {};
  /** @type {Record<string, string>} */
  const mine = {};
  /** @type {Map<string, number>} */
  const ofOne = new Map();
  let count = 0;
  for (const { kind, verdict, opened, emoji = "", author, mid } of all.toSorted((a, b) => a.revSeq - b.revSeq)) {
    const given = ofOne.get(author) ?? 0;
    const people = reactions[emoji] ?? [];
    if (kind !== "react" || verdict !== "ok" || !opened || !emoji || people.includes(author)) continue;
    if (given === OF_ONE || count === ON_ONE) continue;
    ofOne.set(author, given + 1);
    count += 1;
    reactions[emoji] = [...people, author];
    if (author === me) mine[emoji] = mid;
  }
  return { reactions, mine };
}
