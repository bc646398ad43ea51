/** In which order Ctrl+K offers what. */
import { foldText } from "../base/letters.js";

/**
 * What can be switched to: a room of mine, a person, or a room I could join.
 *
 * @typedef {object} Target
 * @property {string} name
 * @property {string} [also]
 * @property {import("../../state/types.js").Room} [room]
 * @property {import("../../state/attention.js").Attention} [calls]  what the room calls for
 * @property {string} [uid]
 * @property {import("../../calls/rooms.js").Room} [notAMember]
 */

const SHOWN_MAX = 30;
const NO_MATCH = 9;

/**
 * Nothing typed: mentions, unread rooms, the last looked at, favourites, the others; the open room comes last and
 * people not at all. Else names that begin with the letters, then words that do, then what contains them.
 *
 * @param {Target[]} targets
 * @param {{ typed: string, open: string | null, recent: string[] }} wish  `recent`: ids, the latest first
 * @returns {Target[]}
 */
export function rankTargets(targets, { typed, open, recent }) {
  const wanted = foldText(typed.trim().replace(/^[@#]/, ""));
  const order = new Map(recent.map((id, index) => [id, index]));
  const recency = (/** @type {Target} */ target) => order.get(target.room?.id ?? "") ?? recent.length;
  const rank = (/** @type {Target} */ target) => (wanted ? fits(target, wanted) : urgency(target, open, order));
  return targets
    .map((target) => ({ target, rank: rank(target), recency: recency(target) }))
    .filter((each) => each.rank < NO_MATCH)
    .sort((a, b) => a.rank - b.rank || a.recency - b.recency || a.target.name.localeCompare(b.target.name))
    .slice(0, SHOWN_MAX)
    .map(({ target }) => target);
}

/**
 * @param {Target} target
 * @param {string | null} open
 * @param {Map<string, number>} recent
 */
function urgency({ room, calls }, open, recent) {
  if (!room) return NO_MATCH;
  if (room.id === open) return 6;
  if (calls?.mentions) return 0;
  if (calls?.unread) return 1;
  return recent.has(room.id) ? 2 : room.favourite ? 3 : room.archived ? 5 : 4;
}

/**
 * @param {Target} target
 * @param {string} wanted
 */
function fits({ name, also, notAMember }, wanted) {
  const names = [foldText(name), ...(also ? [foldText(also)] : [])];
  const words = names.flatMap((each) => each.split(/[\s._-]+/));
  const rank = names.some((each) => each.startsWith(wanted))
    ? 0
    : words.some((word) => word.startsWith(wanted))
      ? 1
      : names.some((each) => each.includes(wanted))
        ? 2
        : NO_MATCH;
  // Mine come first. The server also finds rooms by their topic.
  return notAMember ? Math.min(rank, 3) + 3 : rank;
}
