/**
 * What an administrator asks of the server, one function per question. Nothing is kept here: the screens hold what
 * they show and ask again, so two administrators never see each other's yesterday for long.
 */
import { call } from "../net/http.js";

/** @typedef {{ "96": string, "384": string } | null} Picture */

/**
 * @typedef {object} Account
 * @property {string} uid
 * @property {string} username
 * @property {string} display_name
 * @property {Picture} [avatar]
 * @property {boolean} admin
 * @property {"active" | "disabled" | "removed"} state
 * @property {boolean} [new]  has no password yet
 * @property {number} created_at
 * @property {number | null} seen_at
 * @property {number} sessions
 * @property {string} [presence]
 * @property {number} [removed_at]
 * @property {number} [purge_at]
 * @property {boolean} [erases]  its messages go with it
 * @property {number} [rooms]
 */

/**
 * @typedef {object} RoomEntry
 * @property {string} id
 * @property {string} name
 * @property {string} [topic]
 * @property {"open" | "closed"} kind
 * @property {boolean} [default]
 * @property {boolean} [read_only]
 * @property {boolean} [archived]
 * @property {"active" | "archived" | "removed"} state
 * @property {number} members
 * @property {string[]} owners
 * @property {number} seq
 * @property {number} created_at
 * @property {number} [removed_at]
 * @property {number} [purge_at]
 */

/**
 * @typedef {object} Invitation
 * @property {string} id
 * @property {string} [label]
 * @property {{ uid?: string, username?: string, display_name?: string } | null} [by]  null: made on the command line
 * @property {{ id: string, name: string }[]} rooms
 * @property {number} created_at
 * @property {number | null} expires_at
 * @property {number} uses
 * @property {number | null} uses_max
 * @property {boolean} revoked
 */

/** @typedef {{ ticket: string, path: string, expires_at: number | null }} Ticket */

/**
 * @typedef {object} ServerSettings
 * @property {string} name
 * @property {"open" | "invite" | "closed"} registration
 * @property {boolean} member_invites
 * @property {"members" | "admins"} room_creation
 * @property {number | null} users_max
 * @property {string} default_locale
 */

/**
 * @typedef {object} AuditEntry
 * @property {number} n
 * @property {number} at
 * @property {{ uid: string | null, name: string }} actor
 * @property {string} action
 * @property {{ kind: string, id: string | null, name: string } | null} target
 * @property {Record<string, unknown>} [detail]
 * @property {string} hash
 */

/**
 * What a database does not tell now is null.
 *
 * @typedef {object} Stats
 * @property {{
 *   users: { total: number, active: number, disabled: number, removed: number, online: number, new_week: number }
 *     | null,
 *   rooms: { open: number, closed: number, direct: number, archived: number, removed: number | null },
 *   connections: number, messages_total: number | null, messages_per_s: number, deliveries_per_s: number,
 *   uptime_s: number, memory_bytes: number | null, database: { chat: boolean, accounts: boolean }, version: string,
 * }} now
 * @property {number} every_s  between two values of a series
 * @property {{ connections: number[], online: number[], messages: number[], deliveries: number[] }} series
 * @property {{ day: string, messages: number, users: number }[]} days
 */

/** @typedef {{ q?: string, state?: string, after?: string | undefined, limit?: number }} Wanted */
/** @typedef {{ next?: string | null, total?: number }} Page */

const USERS = "/api/admin/users";
const ROOMS = "/api/admin/rooms";
const INVITES = "/api/admin/invites";

/** @param {Wanted} wanted @returns {Promise<{ users: Account[] } & Page>} */
export const listUsers = (wanted) => call("GET", USERS + query(wanted));

/** @param {string} uid @returns {Promise<Account>} */
export const readUser = (uid) => call("GET", one(USERS, uid));

/** @param {{ username: string, display_name?: string, admin?: boolean }} user @returns {Promise<Account & Ticket>} */
export const addUser = (user) => call("POST", USERS, user);

/**
 * @param {string} uid
 * @param {{ admin?: boolean, disabled?: boolean, username?: string, display_name?: string }} change
 * @returns {Promise<Account>}
 */
export const changeUser = (uid, change) => call("PATCH", one(USERS, uid), change);

/** @param {string} uid @param {"keep" | "erase"} messages @returns {Promise<void>} */
export const removeUser = (uid, messages) => call("DELETE", one(USERS, uid), { messages });

/** @param {string} uid @returns {Promise<Account>} */
export const restoreUser = (uid) => call("POST", `${one(USERS, uid)}/restore`, {});

/** @param {string} uid @param {boolean} compromised @returns {Promise<Ticket>} */
export const resetUser = (uid, compromised) => call("POST", `${one(USERS, uid)}/reset`, { compromised });

/** @param {string} uid @returns {Promise<void>} */
export const endSessions = (uid) => call("DELETE", `${one(USERS, uid)}/sessions`);

/** @param {Wanted} wanted @returns {Promise<{ rooms: RoomEntry[] } & Page>} */
export const listRooms = (wanted) => call("GET", ROOMS + query(wanted));

/**
 * @param {{ name: string, topic?: string, kind: "open" | "closed", default?: boolean, owner?: string }} room
 * @returns {Promise<RoomEntry>}
 */
export const addRoom = (room) => call("POST", ROOMS, room);

/**
 * @param {string} id
 * @param {{ name?: string, topic?: string, default?: boolean, read_only?: boolean, archived?: boolean, owner?: string
 *   }} change
 * @returns {Promise<RoomEntry>}
 */
export const changeRoom = (id, change) => call("PATCH", one(ROOMS, id), change);

/** @param {string} id @returns {Promise<void>} */
export const removeRoom = (id) => call("DELETE", one(ROOMS, id));

/** @param {string} id @returns {Promise<RoomEntry>} */
export const restoreRoom = (id) => call("POST", `${one(ROOMS, id)}/restore`, {});

/** @param {Wanted} wanted @returns {Promise<{ invites: Invitation[] } & Page>} */
export const listInvites = (wanted) => call("GET", INVITES + query(wanted));

/**
 * @param {{ label?: string, rooms?: string[], expires_in_s?: number | null, uses_max?: number | null }} invite
 * @returns {Promise<Invitation & { code: string, path: string }>}
 */
export const addInvite = (invite) => call("POST", INVITES, invite);

/** @param {string} id @returns {Promise<void>} */
export const revokeInvite = (id) => call("DELETE", one(INVITES, id));

/** @returns {Promise<ServerSettings>} */
export const readSettings = () => call("GET", "/api/admin/settings");

/**
 * Refused as `conflict` when somebody else has changed what is `expected`.
 *
 * @param {Partial<ServerSettings>} change
 * @param {Partial<ServerSettings>} expected
 * @returns {Promise<ServerSettings>}
 */
export const changeSettings = (change, expected) => call("PATCH", "/api/admin/settings", { ...change, expected });

/**
 * @param {{ action?: string, actor?: string, before?: string | undefined, limit?: number, q?: string }} wanted
 * @returns {Promise<{ entries: AuditEntry[], more: boolean }>}
 */
export const listAudit = (wanted) => call("GET", "/api/admin/audit" + query(wanted));

/** @returns {Promise<{ ok: boolean, entries: number, head: string, broken_at?: number }>} */
export const verifyAudit = () => call("GET", "/api/admin/audit/verify");

/** @returns {Promise<Stats>} */
export const readStats = () => call("GET", "/api/admin/stats");

/**
 * @param {string} collection
 * @param {string} id
 */
function one(collection, id) {
  return `${collection}/${encodeURIComponent(id)}`;
}

/** @param {Record<string, string | number | undefined>} wanted */
function query(wanted) {
  const set = Object.entries(wanted).filter(([, value]) => value !== undefined && value !== "");
  return set.length ? `?${new URLSearchParams(set.map(([name, value]) => [name, String(value)]))}` : "";
}
