/** People and rooms as small pictures and names. */
import { el } from "./element.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** @typedef {import("./context.js").State} State */
/** @typedef {import("./context.js").Room} Room */
/** @typedef {import("./context.js").User} User */

const TINTS = 12;

/**
 * The name people see.
 *
 * @param {State} state
 * @param {string} uid
 */
export function nameOf(state, uid) {
  const user = state.users.get(uid) ?? (state.me?.uid === uid ? state.me : undefined);
  return user?.displayName || user?.username || `#${uid}`;
}

/**
 * A room's name; a direct room is called after the other person.
 *
 * @param {State} state
 * @param {Room} room
 */
export function roomName(state, room) {
  return room.kind === "dm" && room.peer ? nameOf(state, room.peer) : room.name || `#${room.id}`;
}

/**
 * @param {State} state
 * @param {string} uid
 */
export function presenceOf(state, uid) {
  return state.users.get(uid)?.state ?? "offline";
}

/**
 * The same tint for the same id, everywhere.
 *
 * @param {string} id
 */
export function tintOf(id) {
  let sum = 7;
  for (const character of id) sum = (sum * 31 + character.charCodeAt(0)) % 9973;
  return `tint-${(sum * 5) % TINTS}`;
}

/**
 * @param {string} name
 * @param {string} uid
 * @param {{ small?: boolean, presence?: string }} [options]
 */
export function avatar(name, uid, options = {}) {
  return el("span", { class: `avatar ${options.small ? "avatar-small " : ""}${tintOf(uid)}`, "aria-hidden": "true" },
    initials(name),
    options.presence ? el("span", { class: "presence", "data-state": options.presence }) : null);
}

/**
 * @param {State} state
 * @param {Room} room
 */
export function roomPicture(state, room) {
  if (room.kind === "dm" && room.peer) {
    return avatar(nameOf(state, room.peer), room.peer, { small: true, presence: presenceOf(state, room.peer) });
  }
  return el("span", { class: `room-tile ${tintOf("room" + room.id)}`, "aria-hidden": "true" }, icon(room.kind === "closed" ? "lock" : "hash"));
}

/** @param {string} presence */
export function presenceText(presence) {
  if (presence === "online" || presence === "away" || presence === "dnd") return t(presence);
  return t("offline");
}

/**
 * The first letters of the first and last word.
 *
 * @param {string} name
 */
function initials(name) {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toLocaleUpperCase() || "?";
}
