/** People and rooms as small pictures and names. Whatever carries `data-person` opens that person's card. */
import { statusOf } from "../../state/people_status.js";
import { el } from "../base/element.js";
import { listOf, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../state/types.js").User} User */

const TINTS = 12;

/**
 * @param {State} state
 * @param {string} uid
 */
export function userOf(state, uid) {
  return state.users.get(uid) ?? (state.me?.uid === uid ? state.me : undefined);
}

/**
 * The name somebody chose to be shown with, for places that have the user name beside it anyway.
 *
 * @param {State} state
 * @param {string} uid
 */
export function chosenNameOf(state, uid) {
  const user = userOf(state, uid);
  return user?.removed ? t("former_member") : user?.displayName || user?.username || `#${uid}`;
}

/**
 * The name people see: with the user name beside it where it could be taken for another person's.
 *
 * @param {State} state
 * @param {string} uid
 */
export function nameOf(state, uid) {
  const user = userOf(state, uid);
  const name = chosenNameOf(state, uid);
  return user?.ambiguous && !user.removed ? `${name} (@${user.username})` : name;
}

/**
 * @param {State} state
 * @param {string[]} uids
 */
export function namesOf(state, uids) {
  return listOf(uids.map((uid) => nameOf(state, uid)));
}

/**
 * The mark of a bot, which stands beside its name.
 *
 * @param {State} state
 * @param {string} uid
 */
export function botTag(state, uid) {
  return userOf(state, uid)?.bot ? el("span", { class: "tag" }, t("bot")) : null;
}

/** Names of a group before the rest is only counted. */
const NAMED_MAX = 3;

/**
 * A room's name; a direct room is called after the other people in it.
 *
 * @param {State} state
 * @param {Room} room
 */
export function roomName(state, room) {
  if (room.kind !== "dm") return room.name || `#${room.id}`;
  if (!room.others.length) return t("only_you");
  const names = room.others.map((uid) => nameOf(state, uid));
  // The two may have a chat of their own besides.
  if (room.wasGroup && room.peer) return t("left_of_group", { name: names[0] ?? "" });
  if (names.length <= NAMED_MAX) return listOf(names);
  return listOf([...names.slice(0, NAMED_MAX - 1), t("and_more", { n: names.length - NAMED_MAX + 1 })]);
}

/**
 * @param {State} state
 * @param {string} uid
 */
export function presenceOf(state, uid) {
  return presenceNow(state, state.users.get(uid)?.state);
}

/**
 * What can be said now of the presence that was heard of last: without a line nobody knows.
 *
 * @param {State} state
 * @param {string | undefined} last
 */
export function presenceNow(state, last) {
  return state.connection.isLost ? "unknown" : (last ?? "offline");
}

/**
 * Everything `avatar`, `nameOf` and `moodOf` show of a person, as one string: a view that keeps what it drew draws
 * again when this changes.
 *
 * @param {State} state
 * @param {string} uid
 */
export function lookOf(state, uid) {
  const user = userOf(state, uid);
  const name = user?.bot ? `${nameOf(state, uid)}\nbot` : nameOf(state, uid);
  return `${name}\n${user?.avatar?.small ?? ""}\n${user ? statusOf(user).text : ""}`;
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
 * @typedef {object} FaceOptions
 * @property {"small" | "large"} [size]
 * @property {string} [presence]
 * @property {boolean} [opens]  a press opens the card; out of the tab order, for the name beside it does the same
 */

/**
 * The face of somebody the state knows.
 *
 * @param {State} state
 * @param {string} uid
 * @param {FaceOptions} [options]
 */
export function avatar(state, uid, options = {}) {
  return face(
    { uid, name: chosenNameOf(state, uid), avatar: userOf(state, uid)?.avatar, removed: userOf(state, uid)?.removed },
    options,
  );
}

/**
 * A face: the picture, or initials on the person's tint. It is decoration, the name is always beside it.
 *
 * @param {{ uid: string, name: string, avatar?: import("../../state/types.js").Picture | null | undefined, removed?:
 *   boolean | undefined }} person
 * @param {FaceOptions} [options]
 */
export function face(person, options = {}) {
  const size = options.size ? `avatar-${options.size} ` : "";
  const plain = person.removed ? icon("person") : initials(person.name);
  const picture = person.avatar
    ? el("img", {
        src: options.size === "large" ? person.avatar.large : person.avatar.small,
        alt: "",
        decoding: "async",
        draggable: "false",
        error: () => picture?.replaceWith(plain),
      })
    : null;
  return el(
    options.opens ? "button" : "span",
    {
      class: `avatar ${size}${person.removed ? "avatar-gone" : tintOf(person.uid)}`,
      "aria-hidden": "true",
      ...(options.opens ? { type: "button", tabindex: "-1", "data-person": person.uid } : {}),
    },
    picture ?? plain,
    options.presence ? el("span", { class: "presence", "data-state": options.presence }) : null,
  );
}

/**
 * The emoji of a person's status, with the words as its tip; null without one.
 *
 * @param {State} state
 * @param {string} uid
 */
export function moodOf(state, uid) {
  const user = userOf(state, uid);
  const { emoji, text } = user ? statusOf(user) : { emoji: "", text: "" };
  return emoji
    ? el("span", { class: "mood", role: "img", title: text, "aria-label": t("status_of", { text }) }, emoji)
    : null;
}

/**
 * @param {State} state
 * @param {Room} room
 */
export function roomPicture(state, room) {
  if (room.kind === "dm" && room.peer)
    return avatar(state, room.peer, { size: "small", presence: presenceOf(state, room.peer) });
  const picture = room.kind === "dm" ? "people" : room.archived ? "archive" : room.kind === "closed" ? "lock" : "hash";
  return el("span", { class: `room-tile ${tintOf("room" + room.id)}`, "aria-hidden": "true" }, icon(picture));
}

/** @param {string} presence */
export function presenceText(presence) {
  if (presence === "online" || presence === "away" || presence === "dnd") return t(presence);
  return presence === "unknown" ? t("presence_unknown") : t("offline");
}

/**
 * The first letters of the first and last word.
 *
 * @param {string} name
 */
function initials(name) {
  const words = name
    .trim()
    .split(/[\s._-]+/)
    .filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}
