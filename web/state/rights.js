/**
 * Who may do what in a room, as the server decides it (`src/policy.rs`): here it only chooses which buttons are
 * there. Whatever slips through is refused by the server with a sentence.
 */
import { isBlockedRoom } from "./blocks.js";

/** @typedef {"member" | "admin" | "owner"} Role */
/**
 * @typedef {"see" | "read" | "write" | "moderate" | "join" | "leave" | "add" | "remove" | "ban" | "mute" | "role" |
 *   "describe" | "read_only" | "kind" | "archive" | "delete" | "default"} Action
 */

/**
 * @typedef {object} Place
 * @property {"open" | "closed" | "dm"} kind
 * @property {boolean} [readOnly]
 * @property {boolean} [archived]
 * @property {boolean} [group]  a direct room of more than two
 */

/**
 * @typedef {object} Asker
 * @property {boolean} [admin]  of the server
 * @property {string | undefined} [role]
 * @property {boolean} [muted]
 * @property {boolean} [blocked]  one of the two of a direct room has blocked the other
 */

const RANK = { member: 1, admin: 2, owner: 3 };

/**
 * The least role; `+` lets admins of the server do it, too.
 * @type {Record<Action, [open: string, closed: string, direct: string]>}
 */
const LEAST = {
  see: ["anyone", "member+", "member"],
  read: ["anyone", "member", "member"],
  write: ["member", "member", "member"],
  moderate: ["admin+", "admin+", "never"],
  join: ["anyone", "server", "never"],
  leave: ["member", "member", "group"],
  add: ["member+", "admin+", "never"],
  remove: ["admin+", "admin+", "never"],
  ban: ["admin+", "admin+", "never"],
  mute: ["admin+", "admin+", "never"],
  role: ["owner+", "owner+", "never"],
  describe: ["admin+", "admin+", "never"],
  read_only: ["admin+", "admin+", "never"],
  kind: ["owner+", "owner+", "never"],
  archive: ["owner+", "owner+", "never"],
  delete: ["owner+", "owner+", "never"],
  default: ["server", "server", "never"],
};

/**
 * @param {Asker} asker
 * @param {Place} place
 * @param {Action} action
 * @param {string} [target]  the role of the member concerned
 * @returns {boolean}
 */
export function may(asker, place, action, target) {
  const column = place.kind === "open" ? 0 : place.kind === "closed" ? 1 : 2;
  const least = LEAST[action][column];
  const rank = rankOf(asker.role);
  const role = least.replace("+", "");
  const enough =
    least === "anyone" ||
    (asker.admin && (least === "server" || least.endsWith("+"))) ||
    (role === "group" ? Boolean(place.group) && rank > 0 : rank > 0 && rank >= (RANK[/** @type {Role} */ (role)] ?? 9));
  if (!enough) return false;
  if (
    (action === "remove" || action === "mute" || action === "ban") &&
    target &&
    !asker.admin &&
    rank <= rankOf(target)
  )
    return false;
  if (place.archived && (action === "write" || action === "join" || action === "add")) return false;
  if (action === "write" && (asker.muted || asker.blocked || (place.readOnly && rank < RANK.admin))) return false;
  return true;
}

/**
 * The same for me in one of my rooms.
 *
 * @param {import("./types.js").State} state
 * @param {import("./types.js").Room} room
 * @param {Action} action
 * @param {string} [target]
 */
export function iMay(state, room, action, target) {
  const muted = (room.mutedUntil ?? 0) > Date.now();
  return may(
    { admin: Boolean(state.me?.admin), role: room.role, muted, blocked: isBlockedRoom(state, room) },
    { ...room, group: room.others.length > 1 },
    action,
    target,
  );
}

/** @param {string | undefined} role */
function rankOf(role) {
  return RANK[/** @type {Role} */ (role ?? "")] ?? 0;
}
