/** The calls about rooms, their members and their messages. What changes also comes to every browser as an event. */
import { call, query } from "../net/http.js";
import { memberFromWire, memberToWire, pageFromWire, roomFromWire, roomToWire, userFromWire } from "../net/wire.js";

/** @typedef {import("../state/types.js").Room} Room */
/** @typedef {import("../state/types.js").Member} Member */
/** @typedef {import("../state/types.js").User} User */

/**
 * @typedef {object} RoomChange
 * @property {string} [name]
 * @property {string} [topic]
 * @property {"open" | "closed"} [kind]
 * @property {boolean} [readOnly]
 * @property {boolean} [archived]
 * @property {boolean} [isDefault]
 */

/** @param {string} room */
const path = (room) => `/api/rooms/${encodeURIComponent(room)}`;

/** @param {string} room @param {string} uid */
const memberPath = (room, uid) => `${path(room)}/members/${encodeURIComponent(uid)}`;

/**
 * My rooms and the open ones, by id.
 *
 * @param {string} [after]  the last id of the page before
 * @returns {Promise<{ rooms: Room[], more: boolean, epoch: string }>}
 */
export async function listRooms(after) {
  const { rooms, more, epoch } = await call("GET", `/api/rooms${query({ after })}`);
  return { rooms: rooms.map(roomFromWire), more: Boolean(more), epoch: String(epoch ?? "") };
}

/**
 * The directory: open rooms and my closed ones, by name.
 *
 * @param {{ q?: string, archived?: boolean, after?: string | undefined, limit?: number }} wanted
 * @returns {Promise<{ rooms: Room[], next: string | undefined, total: number }>}
 */
export async function findRooms({ archived, ...wanted }) {
  const page = await call("GET", `/api/rooms/directory${query({ ...wanted, archived: archived ? 1 : undefined })}`);
  return { rooms: page.rooms.map(roomFromWire), next: page.next ?? undefined, total: page.total };
}

/**
 * A room as the server lets me see it, mine or not.
 *
 * @param {string} room
 * @returns {Promise<Room>}
 */
export async function readRoom(room) {
  return roomFromWire(await call("GET", path(room)));
}

/**
 * @param {{ name: string, topic?: string, kind: "open" | "closed", members?: string[] }} room
 * @returns {Promise<Room>}
 */
export async function createRoom({ name, topic, kind, members = [] }) {
  return roomFromWire(
    await call("POST", "/api/rooms", {
      name,
      kind,
      ...(topic ? { topic } : {}),
      ...(members.length ? { members } : {}),
    }),
  );
}

/**
 * The direct room with these people; it is made if there is none.
 *
 * @param {string[]} uids
 * @returns {Promise<Room>}
 */
export async function openDirectRoom(uids) {
  return roomFromWire(await call("POST", "/api/rooms", { kind: "dm", members: uids }));
}

/**
 * @param {string} room
 * @param {RoomChange} change
 * @returns {Promise<Room>}
 */
export async function changeRoom(room, change) {
  return roomFromWire(await call("PATCH", path(room), roomToWire(change)));
}

/**
 * How I like the room, in all my browsers.
 *
 * @param {string} room
 * @param {{ favourite?: boolean, notify?: string, hidden?: boolean }} preference
 * @returns {Promise<Room>}
 */
export async function preferRoom(room, preference) {
  return roomFromWire(await call("PATCH", `${path(room)}/me`, preference));
}

/** @param {string} room @returns {Promise<void>} */
export const removeRoom = (room) => call("DELETE", path(room));

/** @param {string} room @returns {Promise<Room>} */
export async function restoreRoom(room) {
  return roomFromWire(await call("POST", `${path(room)}/restore`, {}));
}

/**
 * All members by id, without their profiles.
 *
 * @param {string} room
 * @returns {Promise<{ members: Member[], total: number }>}
 */
export async function listMembers(room) {
  const { members, total } = await call("GET", `${path(room)}/members`);
  return { members: members.map(memberFromWire), total: total ?? members.length };
}

/**
 * A page of the members by name, with their profiles.
 *
 * @param {string} room
 * @param {{ q?: string, begins?: string, after?: string | undefined, limit: number }} wanted
 * @returns {Promise<{ members: Member[], next: string | undefined, total: number }>}
 */
export async function findMembers(room, wanted) {
  const page = await call("GET", `${path(room)}/members${query(wanted)}`);
  return { members: page.members.map(memberFromWire), next: page.next ?? undefined, total: page.total };
}

/** @param {string} room @param {string} uid @returns {Promise<void>} */
export const addMember = (room, uid) => call("POST", `${path(room)}/members`, { uid });

/**
 * @param {string} room
 * @param {string} uid
 * @param {{ role?: string, mutedUntil?: number | null }} change
 * @returns {Promise<void>}
 */
export const changeMember = (room, uid, change) => call("PATCH", memberPath(room, uid), memberToWire(change));

/** @param {string} room @param {string} uid @returns {Promise<void>} */
export const removeMember = (room, uid) => call("DELETE", memberPath(room, uid));

/**
 * @param {string} room
 * @returns {Promise<{ uid: string, at: number, user: User | null }[]>}
 */
export async function listBans(room) {
  const { bans } = await call("GET", `${path(room)}/bans`);
  return bans.map((/** @type {any} */ wire) => ({
    uid: String(wire.uid),
    at: wire.at,
    user: wire.user ? userFromWire(wire.user) : null,
  }));
}

/** @param {string} room @param {string} uid @returns {Promise<void>} */
export const ban = (room, uid) => call("PUT", `${path(room)}/bans/${encodeURIComponent(uid)}`, {});

/** @param {string} room @param {string} uid @returns {Promise<void>} */
export const unban = (room, uid) => call("DELETE", `${path(room)}/bans/${encodeURIComponent(uid)}`);

/**
 * A page of messages in the order of creation, and whether the history goes on at its ends.
 *
 * @param {string} room
 * @param {import("../net/wire.js").Where & { limit: number }} wanted
 * @returns {Promise<import("../net/wire.js").Page>}
 */
export async function readMessages(room, wanted) {
  return pageFromWire(await call("GET", `${path(room)}/messages${query({ ...wanted })}`), wanted);
}
