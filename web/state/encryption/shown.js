/** How a message of an encrypted room is shown: what was checked of it, as the same shape that plain ones have. */
import { countReactions } from "../../crypto/order.js";

/** @typedef {import("./ledger.js").Row} Row */
/** @typedef {import("../types.js").Message} Message */

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
 * The reactions that count, and which of them are mine.
 *
 * @param {Row[]} all
 * @param {string} me
 */
function counted(all, me) {
  const given = all.filter(
    ({ kind, verdict, opened, emoji }) => kind === "react" && verdict === "ok" && opened && emoji,
  );
  const reactions = Object.fromEntries(
    countReactions(given.map(({ emoji = "", author, revSeq }) => ({ e: emoji, by: author, revSeq }))),
  );
  /** @type {Record<string, string>} */
  const mine = {};
  for (const { emoji = "", author, mid } of given.toSorted((a, b) => b.revSeq - a.revSeq))
    if (author === me && reactions[emoji]?.includes(me)) mine[emoji] = mid;
  return { reactions, mine };
}
