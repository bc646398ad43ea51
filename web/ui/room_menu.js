/** What one may do with a room in the list without opening it: by the other mouse button, a long press, or the menu key. */
import { iMay } from "../state/rights.js";
import { preferRoom } from "../state/rooms_api.js";
import { openDialog } from "./dialog.js";
import { el } from "./element.js";
import { errorText, t } from "./i18n.js";
import { icon } from "./icons.js";
import { roomName } from "./people.js";
import { openRoomDetails } from "./room_dialogs.js";
import { leaveRoom } from "./room_for_me.js";

/**
 * @param {import("./context.js").Context} context
 * @param {string} id
 */
export function openRoomMenu(context, id) {
  const { state } = context.store;
  const room = state.rooms.get(id);
  if (!room) return;
  const prefer = (/** @type {{ favourite?: boolean, notify?: string }} */ liking) => void preferRoom(id, liking).catch((error) => context.toast(errorText(error)));
  const muted = room.notify === "none";
  openDialog({ title: roomName(state, room), bare: true, class: "dialog-menu" }, (close) => {
    const item = (/** @type {string} */ picture, /** @type {string} */ label, /** @type {() => void} */ act) =>
      el("button", { type: "button", class: "menu-item", click: () => { close(); act(); } }, icon(picture), el("span", {}, label));
    return [el("div", { class: "menu" },
      el("p", { class: "menu-title", dir: "auto" }, roomName(state, room)),
      item("star", t(room.favourite ? "favourite_off" : "favourite_on"), () => prefer({ favourite: !room.favourite })),
      item(muted ? "bell" : "bell_off", t(muted ? "unmute_room" : "mute_room"), () => prefer({ notify: muted ? "usual" : "none" })),
      room.unread ? item("check", t("mark_read"), () => context.actions.markRead(id, room.seq)) : null,
      item("people", t("room_details"), () => openRoomDetails(context, id)),
      iMay(state, room, "leave") ? item("leave", t("leave_room"), () => void leaveRoom(context, id)) : null)];
  });
}
