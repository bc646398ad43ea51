/**
 * The calls of the administration. Nothing is kept here: the screens hold what they show and read it again, so an
 * administrator never works for long with what another one has changed meanwhile.
 */
import { call, query } from "../net/http.js";
import { namesFromWire, namesToWire, pictureFromWire } from "../net/wire.js";

/**
 * @typedef {object} Account
 * @property {string} uid
 * @property {string} username
 * @property {string} displayName
 * @property {import("../state/types.js").Picture | null} avatar
 * @property {boolean} admin
 * @property {"active" | "disabled" | "removed"} state
 * @property {boolean} [new]  has no password yet
 * @property {number} createdAt
 * @property {number | null} seenAt
 * @property {number} sessions
 * @property {string} [presence]
 * @property {number} [removedAt]
 * @property {number} [purgeAt]
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
 * @property {boolean} [readOnly]
 * @property {boolean} [archived]
 * @property {"active" | "archived" | "removed"} state
 * @property {number} members
 * @property {string[]} owners
 * @property {number} seq
 * @property {number} createdAt
 * @property {number} [removedAt]
 * @property {number} [purgeAt]
 */

/** @typedef {{ ticket: string, path: string, expiresAt: number | null }} Ticket */

/**
 * @typedef {object} ServerSettings
 * @property {string} name
 * @property {"open" | "invite" | "closed"} registration
 * @property {boolean} memberInvites
 * @property {"members" | "admins"} roomCreation
 * @property {"off" | "on" | "required"} encryption
 * @property {number | null} usersMax
 * @property {number} fileSizeMax  in bytes, as the next three
 * @property {number | null} filesUserMax
 * @property {number | null} filesRoomMax
 * @property {number | null} filesServerMax
 * @property {string} defaultLocale
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
 * A figure is null while its database does not answer.
 *
 * @typedef {object} Stats
 * @property {{
 *   users: { total: number, active: number, disabled: number, removed: number, online: number, newWeek: number }
 *     | null,
 *   rooms: { open: number, closed: number, direct: number, archived: number, removed: number | null },
 *   connections: number, messagesTotal: number | null, messagesPerS: number, deliveriesPerS: number,
 *   uptimeS: number, memoryBytes: number | null, database: { chat: boolean, accounts: boolean }, version: string,
 *   directory?: { state: "open" | "closed" | "conflict", missing: number },
 *   backup?: { at: number | null, bytes: number | null, failure: string | null } | null,
 * }} now
 * @property {number} everyS  between two values of a series
 * @property {{ connections: number[], online: number[], messages: number[], deliveries: number[] }} series
 * @property {{ day: string, messages: number, users: number }[]} days
 */

/** @typedef {{ q?: string, state?: string, after?: string | undefined, limit?: number }} Wanted */
/** @typedef {{ next?: string | null, total?: number }} Page */

const USERS = "/api/admin/users";
const ROOMS = "/api/admin/rooms";

/** @param {Wanted} wanted @returns {Promise<{ users: Account[] } & Page>} */
export async function listUsers(wanted) {
  const page = await call("GET", USERS + query(wanted));
  return { ...page, users: page.users.map(accountFromWire) };
}

/** @param {string} uid @returns {Promise<Account>} */
export const readUser = async (uid) => accountFromWire(await call("GET", one(USERS, uid)));

/** @param {{ username: string, displayName?: string, admin?: boolean }} user @returns {Promise<Account & Ticket>} */
export const addUser = async (user) => accountFromWire(await call("POST", USERS, namesToWire(user)));

/**
 * @param {string} uid
 * @param {{ admin?: boolean, disabled?: boolean, username?: string, displayName?: string }} change
 * @returns {Promise<Account>}
 */
export const changeUser = async (uid, change) =>
  accountFromWire(await call("PATCH", one(USERS, uid), namesToWire(change)));

/** @param {string} uid @param {"keep" | "erase"} messages @returns {Promise<void>} */
export const removeUser = (uid, messages) => call("DELETE", one(USERS, uid), { messages });

/** @param {string} uid @returns {Promise<Account>} */
export const restoreUser = async (uid) => accountFromWire(await call("POST", `${one(USERS, uid)}/restore`, {}));

/** @param {string} uid @param {boolean} compromised @returns {Promise<Ticket>} */
export const resetUser = async (uid, compromised) =>
  namesFromWire(await call("POST", `${one(USERS, uid)}/reset`, { compromised }));

/** @param {string} uid @returns {Promise<void>} */
export const endSessions = (uid) => call("DELETE", `${one(USERS, uid)}/sessions`);

/** @param {Wanted} wanted @returns {Promise<{ rooms: RoomEntry[] } & Page>} */
export const listRooms = async (wanted) => namesFromWire(await call("GET", ROOMS + query(wanted)));

/**
 * @param {{ name: string, topic?: string, kind: "open" | "closed", default?: boolean, owner?: string }} room
 * @returns {Promise<RoomEntry>}
 */
export const addRoom = async (room) => namesFromWire(await call("POST", ROOMS, namesToWire(room)));

/**
 * @param {string} id
 * @param {Partial<Pick<RoomEntry, "name" | "topic" | "default" | "readOnly" | "archived">> & { owner?: string }} change
 * @returns {Promise<RoomEntry>}
 */
export const changeRoom = async (id, change) => namesFromWire(await call("PATCH", one(ROOMS, id), namesToWire(change)));

/** @param {string} id @returns {Promise<void>} */
export const removeRoom = (id) => call("DELETE", one(ROOMS, id));

/** @param {string} id @returns {Promise<RoomEntry>} */
export const restoreRoom = async (id) => namesFromWire(await call("POST", `${one(ROOMS, id)}/restore`, {}));

/** @returns {Promise<ServerSettings>} */
export const readSettings = async () => namesFromWire(await call("GET", "/api/admin/settings"));

/**
 * Refused as `conflict` when somebody else has changed what is `expected`.
 *
 * @param {Partial<ServerSettings>} change
 * @param {Partial<ServerSettings>} expected
 * @returns {Promise<ServerSettings>}
 */
export const changeSettings = async (change, expected) =>
  namesFromWire(await call("PATCH", "/api/admin/settings", namesToWire({ ...change, expected })));

/**
 * @param {{ action?: string, actor?: string, before?: string | undefined, limit?: number, q?: string }} wanted
 * @returns {Promise<{ entries: AuditEntry[], more: boolean }>}  the keys of a `detail` are data and stay as they are
 */
export const listAudit = (wanted) => call("GET", "/api/admin/audit" + query(wanted));

/** @returns {Promise<{ ok: boolean, entries: number, head: string, brokenAt?: number }>} */
export const verifyAudit = async () => namesFromWire(await call("GET", "/api/admin/audit/verify"));

/** @returns {Promise<Stats>} */
export const readStats = async () => namesFromWire(await call("GET", "/api/admin/stats"));

/**
 * @typedef {{ files: number, bytes: number }} FileCount
 * @typedef {object} FileUsage
 * @property {FileCount} total
 * @property {FileCount} unsent
 * @property {number | null} free
 * @property {(FileCount & { id: string, username: string | null, displayName: string | null })[]} users
 * @property {(FileCount & { id: string, name: string | null })[]} rooms
 */

/** @returns {Promise<FileUsage>} */
export const readFileUsage = async () => namesFromWire(await call("GET", "/api/admin/files"));

/**
 * @param {string} collection
 * @param {string} id
 */
function one(collection, id) {
  return `${collection}/${encodeURIComponent(id)}`;
}

/** @param {any} wire */
function accountFromWire(wire) {
  return { ...namesFromWire(wire), avatar: pictureFromWire(wire?.avatar) };
}
