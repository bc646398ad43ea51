/**
 * What is asked of the server about rooms beyond living in them: finding, changing, looking after. One function per
 * question; what changes comes back to every browser by the socket.
 */
import { call } from "../net/http.js";

/**
 * @typedef {{ uid: string, role: string, state: string, joined_at: number, silenced_until?: number, user?: any }}
 *   Member
 */
/**
 * @typedef {{ id: string, name: string, topic?: string, kind: "open" | "closed", members: number, role?: string,
 *   archived?: boolean }} Listed
 */
/**
 * @typedef {{ id: string, label: string, rooms: { id: string, name: string }[], expires_at: number | null, uses:
 *   number, uses_max: number | null, revoked: boolean }} Invitation
 */
/**
 * @typedef {{ name?: string, topic?: string, read_only?: boolean, archived?: boolean, kind?: "open" | "closed",
 *   default?: boolean }} RoomChange
 */

/** @param {string} room */
const path = (room) => `/api/rooms/${encodeURIComponent(room)}`;

/** @param {Record<string, string | number | undefined>} values */
function query(values) {
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return known.length ? `?${new URLSearchParams(known.map(([name, value]) => [name, String(value)]))}` : "";
}

/**
 * @param {{ q?: string, archived?: boolean, after?: string | undefined, limit?: number }} wanted
 * @returns {Promise<{ rooms: Listed[], next?: string, total: number }>}
 */
export const directory = ({ archived, ...wanted }) =>
  call("GET", `/api/rooms/directory${query({ ...wanted, archived: archived ? 1 : undefined })}`);

/**
 * @param {string} room
 * @param {{ q?: string, after?: string | undefined, limit: number }} wanted
 * @returns {Promise<{ members: Member[], next?: string, total: number }>}
 */
export const membersPage = (room, wanted) => call("GET", `${path(room)}/members${query(wanted)}`);

/** A room as the server lets me see it, mine or not. @param {string} room @returns {Promise<Listed>} */
export const readRoom = (room) => call("GET", path(room));

/** @param {string} room @param {RoomChange} change */
export const changeRoom = (room, change) => call("PATCH", path(room), change);

/** @param {string} room @param {{ favourite?: boolean, notify?: string, hidden?: boolean }} liking */
export const preferRoom = (room, liking) => call("PATCH", `${path(room)}/me`, liking);

/** @param {string} room @param {string} uid @param {{ role?: string, silenced_until?: number | null }} change */
export const changeMember = (room, uid, change) => call("PATCH", `${path(room)}/members/${uid}`, change);

/** @param {string} room @param {string} uid */
export const removeMember = (room, uid) => call("DELETE", `${path(room)}/members/${uid}`);

/** @param {string} room @returns {Promise<{ bans: { uid: string, by: string | null, at: number, user?: any }[] }>} */
export const bansOf = (room) => call("GET", `${path(room)}/bans`);

/** @param {string} room @param {string} uid */
export const ban = (room, uid) => call("PUT", `${path(room)}/bans/${uid}`, {});

/** @param {string} room @param {string} uid */
export const unban = (room, uid) => call("DELETE", `${path(room)}/bans/${uid}`);

/** @returns {Promise<{ invites: Invitation[] }>} */
export const invites = () => call("GET", "/api/invites");

/**
 * @param {{ rooms: string[], expires_in_s: number | null, uses_max: number | null }} wanted
 * @returns {Promise<{ id: string, path: string }>}
 */
export const makeInvite = (wanted) => call("POST", "/api/invites", wanted);

/** @param {string} id */
export const revokeInvite = (id) => call("DELETE", `/api/invites/${id}`);
