/** Keys that work everywhere: switch rooms, the sheet of shortcuts, Esc, and typing that finds the composer. */
import { attentionOf } from "../../state/attention.js";
import { isComposing } from "../base/composing.js";
import { dialogIsOpen } from "../base/dialog.js";
import { takesText } from "../base/drops.js";
import { focusComposer } from "../base/focus.js";
import { addressedRoom, navigate } from "../base/navigation.js";
import { parseRoute, roomPath } from "../base/routes.js";
import { openChatSearch, openSearch } from "../search/doors.js";
import { openShortcuts } from "../settings/doors.js";
import { orderedRooms } from "./sidebar.js";
import { openSwitcher } from "./doors.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {() => boolean} toPresent  back to the newest message; false when it is shown already
 */
export function bindKeys(store, actions, toPresent) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isComposing(event) || store.state.phase !== "signed_in") return;
    const control = event.ctrlKey || event.metaKey;
    if (control && !event.altKey && !event.shiftKey && event.code === "KeyK") {
      event.preventDefault();
      if (!dialogIsOpen()) openSwitcher(store, actions);
    } else if (control && !event.altKey && (event.key === "/" || event.code === "Slash")) {
      event.preventDefault();
      if (!dialogIsOpen()) openShortcuts();
    } else if (dialogIsOpen() || parseRoute(location).name === "admin") {
      return;
    } else if (control && !event.altKey && event.code === "KeyF") {
      if (find(store, actions, event.shiftKey)) event.preventDefault();
    } else if (event.altKey && !control && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      step(store, event.key === "ArrowUp" ? -1 : 1, event.shiftKey);
    } else if (event.key === "Escape") {
      if (toPresent()) event.preventDefault();
    } else if (
      !control &&
      !event.altKey &&
      event.key.length === 1 &&
      event.key !== " " &&
      !takesText(document.activeElement)
    ) {
      focusComposer();
    }
  });
}

/**
 * Opens the search; false where the browser's own is meant: a second time, and without a room.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {boolean} isEverywhere
 */
function find(store, actions, isEverywhere) {
  const id = addressedRoom();
  const room = id === null ? undefined : store.state.rooms.get(id);
  if (isEverywhere) openSearch(store, actions, null);
  else if (!room || document.activeElement?.matches(".search-panel input")) return false;
  else (room.e2ee ? openChatSearch : openSearch)(store, actions, room.id);
  return true;
}

/**
 * @param {Store} store
 * @param {number} by
 * @param {boolean} unreadOnly
 */
function step(store, by, unreadOnly) {
  const rooms = orderedRooms(store.state);
  const at = rooms.findIndex((room) => room.id === addressedRoom());
  for (let tried = 1; tried <= rooms.length; tried += 1) {
    const next = rooms[(at + by * tried + rooms.length * 2) % rooms.length];
    if (next && next.id !== addressedRoom() && (!unreadOnly || attentionOf(store.state, next).unread > 0))
      return navigate(roomPath(next.id));
  }
}
