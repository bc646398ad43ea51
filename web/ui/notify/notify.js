/**
 * Desktop notifications: of every message, of mentions, or of nothing, chosen per room. Only while nobody looks at
 * the page. They are made from the numbers of what calls for attention, so my own words from another tab never come
 * back to me, what is read elsewhere is not announced, and what was announced goes once it is read.
 */
import { preferRoom } from "../../calls/rooms.js";
import { notificationPermission, showNotification } from "../../platform/notifications.js";
import { isAttended } from "../../platform/page.js";
import { takeOldLevels } from "../../platform/preferences.js";
import { chosenOf } from "../../state/people_status.js";
import { excerpt } from "../base/excerpt.js";
import { t } from "../base/i18n.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { nameOf, roomName } from "../people/people.js";
import { callsOf, levelOf, newestCall } from "./news.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */
/** What a room called for, up to where. @typedef {{ calls: number, seq: number }} Known */

const TEXT_MAX = 140;

/** Choices from when each browser kept its own go to the server, once. @param {State} state */
function moveOldChoices(state) {
  for (const { room, level } of takeOldLevels()) {
    if (state.rooms.get(room)?.notify === "usual") void preferRoom(room, { notify: level }).catch(() => {});
  }
}

export function createNotifier() {
  /** The rooms as they were: they are replaced, never changed. @type {State["rooms"]} */
  let rooms = new Map();
  /** @type {Map<string, Known>} */
  let known = new Map();
  /** What is shown, to be closed when it is read. @type {Map<string, { close: () => void }>} */
  const shown = new Map();
  let ready = false;

  /** @param {State} state */
  function update(state) {
    const now = state.phase === "signed_in" && !state.loadingRooms;
    if (now && !ready) moveOldChoices(state);
    if (state.rooms !== rooms || now !== ready) follow(state, now);
    ready = now;
  }

  /** @param {State} state @param {boolean} now  whether all my rooms are known */
  function follow(state, now) {
    const quiet = state.me === null || chosenOf(state.me) === "dnd";
    const mayAnnounce = ready && now && !isAttended() && !quiet && notificationPermission() === "granted";
    /** @type {typeof known} */
    const next = new Map();
    for (const room of state.rooms.values()) {
      const calls = callsOf(state, room);
      next.set(room.id, { calls, seq: room.seq });
      // Somebody who writes to me first makes a direct room, which is new and unread at once.
      const before = known.get(room.id) ?? { calls: room.kind === "dm" ? 0 : calls, seq: 0 };
      const notification = mayAnnounce && calls > before.calls ? announce(state, room, before.seq) : null;
      if (notification) shown.set(room.id, notification);
    }
    for (const [id, notification] of shown) if (!next.get(id)?.calls) close(id, notification);
    rooms = state.rooms;
    known = next;
  }

  /** @param {string} id @param {{ close: () => void }} notification */
  function close(id, notification) {
    notification.close();
    shown.delete(id);
  }

  return { update };
}

/**
 * @param {State} state
 * @param {Room} room
 * @param {number} since
 */
function announce(state, room, since) {
  const message = newestCall(state, room, since);
  if (message === null) return null;
  const body = message
    ? `${nameOf(state, message.by)}: ${excerpt(message, TEXT_MAX)}`
    : levelOf(room) === "all"
      ? t("unread_count", { n: room.unread })
      : t("mention_count", { n: room.mentions });
  const options = { body, tag: `impulse-${room.id}`, icon: "/icons/icon-192.png" };
  return showNotification(roomName(state, room), options, () => navigate(roomPath(room.id)));
}
