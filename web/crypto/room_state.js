/** What a room's log says so far (e2ee.md, 6.2), and what follows from it at a position of the directory. */
import { equal } from "./encoding.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { DirectoryView } from "./directory.js" */
/** @import { KeyLink, Kind, Role } from "./room_log_entry.js" */

/** @typedef {{root: Bytes, role: Role, sinceSeq: number, sinceDn: number}} Member */

/**
 * What somebody was from one entry to another, which is not in it any more.
 *
 * @typedef {{fromSeq: number, toSeq: number | null, root: Bytes, role: Role}} Interval
 */

/**
 * @typedef {object} Link
 * @property {Bytes} ed
 * @property {number} expires
 * @property {number} max
 * @property {number} uses
 * @property {string} by
 * @property {Bytes} byRoot
 * @property {boolean} ended
 */

/**
 * Everything in it can be kept as it is (a structured clone), and no value in its maps is ever changed, only replaced.
 *
 * @typedef {object} RoomState
 * @property {Bytes} rid
 * @property {Kind} kind
 * @property {number} first  seq of the last founding entry
 * @property {number} seq  -1: no entry yet
 * @property {Bytes} head  hash of the newest entry
 * @property {number} time
 * @property {number} dn
 * @property {Map<string, Member>} members
 * @property {Map<string, Interval[]>} past
 * @property {Set<string>} banned
 * @property {Map<string, Link>} links  by lid in hex
 * @property {Set<string>} usable  lids in hex that may still be live
 * @property {number} epoch
 * @property {Bytes[]} kc  by epoch
 * @property {KeyLink[][]} edges  by epoch: the keys it gives
 * @property {number[]} entryOf  by epoch: seq of its entry
 * @property {string[]} madeBy  by epoch
 * @property {number} epochDn
 * @property {Set<string>} skipped
 * @property {boolean} gone  somebody went since the newest epoch
 * @property {Bytes[]} hashes  by seq
 * @property {number[]} dns  by seq
 * @property {{seq: number, epoch: number, box: Bytes} | null} profile
 */

/** @returns {RoomState} before entry 0 */
export function emptyState() {
  return {
    rid: new Uint8Array(),
    kind: "closed",
    first: 0,
    seq: -1,
    head: new Uint8Array(),
    time: 0,
    dn: 0,
    members: new Map(),
    past: new Map(),
    banned: new Set(),
    links: new Map(),
    usable: new Set(),
    epoch: 0,
    kc: [],
    edges: [],
    entryOf: [],
    madeBy: [],
    epochDn: 0,
    skipped: new Set(),
    gone: false,
    hashes: [],
    dns: [],
    profile: null,
  };
}

/** @param {RoomState} state @returns {RoomState} one that can be changed without the other */
export function copyOf(state) {
  return {
    ...state,
    members: new Map(state.members),
    past: new Map(state.past),
    banned: new Set(state.banned),
    links: new Map(state.links),
    usable: new Set(state.usable),
    kc: [...state.kc],
    edges: [...state.edges],
    entryOf: [...state.entryOf],
    madeBy: [...state.madeBy],
    skipped: new Set(state.skipped),
    hashes: [...state.hashes],
    dns: [...state.dns],
  };
}

const RANKS = { member: 1, admin: 2, owner: 3 };

/** @param {Role} role @returns {1 | 2 | 3} */
export function rankOf(role) {
  return /** @type {1 | 2 | 3} */ (RANKS[role]);
}

/** @param {Role} one @param {Role} other @returns {Role} */
export function lowerRole(one, other) {
  return RANKS[one] < RANKS[other] ? one : other;
}

/**
 * Whether a member's keys were reset and nobody has let the person back in.
 *
 * @param {RoomState} state
 * @param {string} uid  a member
 * @param {number} n
 * @param {DirectoryView} view
 * @returns {boolean}
 */
export function stale(state, uid, n, view) {
  const member = state.members.get(uid);
  const root = view.rootAt(uid, n);
  return !member || !root || !equal(root, member.root);
}

/** @param {RoomState} state @param {string} uid @param {number} n @param {DirectoryView} view @returns {boolean} */
export function able(state, uid, n, view) {
  return !state.skipped.has(uid) && !stale(state, uid, n, view);
}

/** @param {RoomState} state @returns {string[]} */
export function owners(state) {
  return [...state.members].filter(([, { role }]) => role === "owner").map(([uid]) => uid);
}

/**
 * Who keeps the room usable while no owner is able: the able member with the highest role, then the oldest.
 *
 * @param {RoomState} state
 * @param {number} n
 * @param {DirectoryView} view
 * @returns {string | null}
 */
export function acting(state, n, view) {
  if (state.kind === "dm" || owners(state).some((uid) => able(state, uid, n, view))) return null;
  let best = null;
  for (const [uid, member] of state.members) {
    if (best && !isBefore(member, best.member)) continue;
    if (able(state, uid, n, view)) best = { uid, member };
  }
  return best?.uid ?? null;
}

/** @param {Member} one @param {Member} other */
function isBefore(one, other) {
  const higher = RANKS[one.role] - RANKS[other.role];
  return higher > 0 || (higher === 0 && one.sinceSeq < other.sinceSeq);
}

/**
 * @param {RoomState} state
 * @param {string} uid  a member
 * @param {number} n
 * @param {DirectoryView} view
 * @returns {1 | 2 | 3}
 */
export function rank(state, uid, n, view) {
  if (uid === acting(state, n, view)) return owners(state).length === 0 ? 3 : 2;
  return rankOf(state.members.get(uid)?.role ?? "member");
}

/**
 * Whether somebody can join by a link at a time.
 *
 * @param {RoomState} state
 * @param {string} lid  in hex
 * @param {number} time
 * @param {number} n
 * @param {DirectoryView} view
 * @returns {boolean}
 */
export function live(state, lid, time, n, view) {
  const link = state.links.get(lid);
  if (!link || link.ended || time > link.expires || link.uses >= link.max) return false;
  const maker = state.members.get(link.by);
  if (!maker || stale(state, link.by, n, view) || !equal(maker.root, link.byRoot)) return false;
  return RANKS[maker.role] >= 2 || link.by === acting(state, n, view);
}

/**
 * Whether the room needs a new key: somebody went, or a member's keys changed.
 *
 * @param {RoomState} state
 * @param {number} n
 * @param {DirectoryView} view
 * @returns {boolean}
 */
export function due(state, n, view) {
  if (state.gone) return true;
  return [...state.members].some(([uid, { sinceDn }]) => {
    const after = Math.max(state.epochDn, sinceDn);
    return after < n && view.changes(uid).some(({ n: place }) => after < place && place <= n);
  });
}

/**
 * What somebody was at an entry of the log.
 *
 * @param {RoomState} state
 * @param {string} uid
 * @param {number} seq
 * @returns {Interval | null}
 */
export function roleAt(state, uid, seq) {
  const intervals = state.past.get(uid) ?? [];
  return intervals.find(({ fromSeq, toSeq }) => fromSeq <= seq && (toSeq === null || seq < toSeq)) ?? null;
}

/**
 * Whom nobody could let back in if this one left, because nobody else is able: people whose keys were reset, and people
 * who have no present key because their account was shut as it was made. The client asks before.
 *
 * @param {RoomState} state
 * @param {string} uid
 * @param {number} n
 * @param {DirectoryView} view
 * @returns {string[]}
 */
export function lastFor(state, uid, n, view) {
  const others = [...state.members.keys()].filter((each) => each !== uid);
  return others.some((each) => able(state, each, n, view)) ? [] : others;
}
