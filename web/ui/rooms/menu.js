/**
 * What one may do with a room in the list without opening it: by the other mouse button, a long press, or the menu
 * key.
 */
import { preferRoom } from "../../calls/rooms.js";
import { isBlocked } from "../../state/blocks.js";
import { iMay } from "../../state/rights.js";
import { errorText, t } from "../base/i18n.js";
import { openMenu } from "../base/menu.js";
import { toast } from "../base/toast.js";
import { toggleBlock } from "../people/blocking.js";
import { roomName } from "../people/people.js";
import { roomWords } from "../people/room_words.js";
import { beginBeside, isPlainDirect } from "../people/direct.js";
import { openChatSearch, openSearch } from "../search/doors.js";
import { openRoomDetails, openShield } from "./doors.js";
import { hideRoom, leaveRoom } from "./for_me.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {import("../base/beside.js").Anchor} anchor
 */
export function openRoomMenu(store, actions, id, anchor) {
  const { state } = store;
  const room = state.rooms.get(id);
  if (!room) return;
  const prefer = (/** @type {{ favourite?: boolean, notify?: string }} */ liking) =>
    void preferRoom(id, liking).catch((error) => toast(errorText(error)));
  const item = (/** @type {string} */ picture, /** @type {string} */ label, /** @type {() => void} */ act) => ({
    picture,
    label,
    act,
  });
  const { peer } = room;
  const muted = room.notify === "none";
  const blocked = Boolean(peer && isBlocked(state, peer));
  const name = roomName(state, room);
  openMenu({ title: name, heading: name, anchor }, [
    item("star", t(room.favourite ? "favourite_off" : "favourite_on"), () => prefer({ favourite: !room.favourite })),
    item(muted ? "bell" : "bell_off", t(muted ? "unmute_room" : "mute_room"), () =>
      prefer({ notify: muted ? "usual" : "none" }),
    ),
    room.unread ? item("check", t("mark_read"), () => actions.rooms.markAllRead(id)) : null,
    item("people", t("room_details"), () => openRoomDetails(store, actions, id)),
    item("search", t(room.kind === "dm" ? "search_chat" : "search_room"), () =>
      (room.e2ee ? openChatSearch : openSearch)(store, actions, id),
    ),
    room.e2ee ? item("shield", t("encrypted"), () => openShield(store, id)) : null,
    isPlainDirect(room) ? item("shield", t("begin_encrypted"), () => void beginBeside(store, actions, room)) : null,
    room.kind === "dm" ? item("eye_off", t("hide_chat"), () => void hideRoom(store, actions, id)) : null,
    peer
      ? item(blocked ? "undo" : "ban", t(blocked ? "unblock" : "block"), () => void toggleBlock(store, actions, peer))
      : null,
    iMay(state, room, "leave")
      ? item("leave", roomWords(state, room).leave, () => void leaveRoom(store, actions, id))
      : null,
  ]);
}
