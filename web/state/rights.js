/**
 * Who may do what in a room, as the server decides it (`src/policy.rs`). Here it only chooses which buttons are shown:
 * the server decides again, and also knows what this browser does not, such as whom others have blocked.
 */
import { isBlockedRoom } from "./blocks.js";
import { clock } from "./clock.js";

/** @typedef {"member" | "admin" | "owner"} Role */
/**
 * @typedef {"see" | "read" | "write" | "moderate" | "join" | "leave" | "add" | "remove" | "ban" | "mute" | "role" |
 *   "describe" | "hooks" | "readOnly" | "kind" | "archive" | "delete" | "default"} Action
 */

/**
 * @typedef {object} RoomFacts
 * @property {"open" | "closed" | "dm"} kind
 * @property {boolean} [readOnly]
 * @property {boolean} [archived]
 * @property {boolean} [group]  a direct room of more than two
 */

/**
 * @typedef {object} Subject
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
const REQUIREMENTS = {
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
  hooks: ["admin+", "admin+", "never"],
  readOnly: ["admin+", "admin+", "never"],
  kind: ["owner+", "owner+", "never"],
  archive: ["owner+", "owner+", "never"],
  delete: ["owner+", "owner+", "never"],
  default: ["server", "server", "never"],
};

/**
 * @param {Subject} subject
 * @param {RoomFacts} facts
 * @param {Action} action
 * @param {string} [target]  the role of the member concerned
 * @returns {boolean}
 */
export function may(subject, facts, action, target) {
  const column = facts.kind === "open" ? 0 : facts.kind === "closed" ? 1 : 2;
  const requirement = REQUIREMENTS[action][column];
  const rank = rankOf(subject.role);
  if (!meets(subject, facts, requirement)) return false;
  const concernsLower = action === "remove" || action === "mute" || action === "ban";
  if (concernsLower && target && !subject.admin && rank <= rankOf(target)) return false;
  if (facts.archived && (action === "write" || action === "join" || action === "add")) return false;
  if (action === "write" && (subject.muted || subject.blocked || (facts.readOnly && rank < RANK.admin))) return false;
  return true;
}

/**
 * @param {Subject} subject
 * @param {RoomFacts} facts
 * @param {string} requirement
 */
function meets({ admin, role }, { group }, requirement) {
  if (requirement === "anyone") return true;
  if (admin && (requirement === "server" || requirement.endsWith("+"))) return true;
  if (requirement === "group") return Boolean(group) && rankOf(role) > 0;
  const needed = rankOf(requirement.replace("+", ""));
  return needed > 0 && rankOf(role) >= needed;
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
  const muted = (room.mutedUntil ?? 0) > clock.now();
  return may(
    { admin: Boolean(state.me?.admin), role: room.role, muted, blocked: isBlockedRoom(state, room) },
    { ...room, group: room.others.length > 1 },
    action,
    target,
  );
}

/** Everybody may be called by anybody in rooms of at most this many people. */
const CALLED_BY_ANYBODY_MAX = 25;

/**
 * Whether I may call everybody in a room by `@all`. Direct rooms have no need of it: everybody hears of each message.
 *
 * @param {import("./types.js").Room} room
 */
export function mayCallEverybody({ kind, role, memberCount }) {
  return kind !== "dm" && (rankOf(role) >= RANK.admin || memberCount <= CALLED_BY_ANYBODY_MAX);
}

/**
 * Whether I may make links that let people in, into a room if one is given. What admins allow comes with the server's
 * info.
 *
 * @param {import("./types.js").State} state
 * @param {import("./types.js").Room} [room]
 */
export function mayInvite(state, room) {
  const { me, info } = state;
  const intoRoom = !room || (room.kind !== "dm" && iMay(state, room, "add"));
  return intoRoom && Boolean(me?.admin || info?.memberInvites);
}

/** @param {string | undefined} role */
function rankOf(role) {
  return RANK[/** @type {Role} */ (role ?? "")] ?? 0;
}
