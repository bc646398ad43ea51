/**
 * Desktop notifications: of every message, of mentions, or of nothing, chosen per room. Only while nobody looks at
 * the page. They are made from the unread counts, so my own words from another tab never come back to me, and a
 * message read elsewhere is not announced.
 */
import { preferRoom } from "../../calls/rooms.js";
import { notificationPermission, showNotification } from "../../platform/notifications.js";
import { takeOldLevels } from "../../platform/preferences.js";
import { chosenOf } from "../../state/people_status.js";
import { excerpt } from "../base/excerpt.js";
import { t } from "../base/i18n.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { nameOf, roomName } from "../people/people.js";

/** @typedef {"all" | "mentions" | "none"} Level */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

const TEXT_MAX = 140;

/**
 * What a room is announced for: direct rooms everything, others mentions, until somebody chooses.
 *
 * @param {Room} room
 * @returns {Level}
 */
export function levelOf(room) {
  if (room.notify !== "usual") return room.notify;
  return room.kind === "dm" ? "all" : "mentions";
}

/** Choices from when each browser kept its own go to the server, once. @param {State} state */
function moveOldChoices(state) {
  for (const { room, level } of takeOldLevels()) {
    if (state.rooms.get(room)?.notify === "usual") void preferRoom(room, { notify: level }).catch(() => {});
  }
}

/** */
export function createNotifier() {
  /** The rooms as they were: rooms are replaced, never changed. @type {State["rooms"]} */
  let before = new Map();
  let ready = false;

  /** @param {State} state */
  function update(state) {
    const isSeen = document.visibilityState === "visible" && document.hasFocus();
    const quiet = state.me !== null && chosenOf(state.me) === "dnd";
    if (ready && state.rooms !== before && !isSeen && !quiet && notificationPermission() === "granted") {
      for (const room of state.rooms.values()) if (isNews(room, before.get(room.id))) announce(state, room);
    }
    before = state.rooms;
    const now = state.phase === "signed_in" && !state.loadingRooms;
    if (now && !ready) moveOldChoices(state);
    ready = now;
  }

  return { update };
}

/**
 * @param {Room} room
 * @param {Room | undefined} before
 */
function isNews(room, before) {
  if (!before || before === room) return false;
  const level = levelOf(room);
  return level === "all" ? room.unread > before.unread : level === "mentions" && room.mentions > before.mentions;
}

/**
 * @param {State} state
 * @param {Room} room
 */
function announce(state, room) {
  const last = state.timelines
    .get(room.id)
    ?.messages.findLast((message) => message.kind === "msg" && message.by !== state.me?.uid);
  const body =
    last && last.createdSeq >= room.seq
      ? `${nameOf(state, last.by)}: ${excerpt(last, TEXT_MAX)}`
      : t("unread_count", { n: room.unread });
  const options = { body, tag: `impulse-${room.id}`, icon: "/icons/icon-192.png" };
  showNotification(roomName(state, room), options, () => navigate(roomPath(room.id)));
}
