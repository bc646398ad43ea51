/** The bar above the messages: which room, what about, who is in it. Its buttons stay, so that they keep the focus. */
import { preferRoom } from "../../calls/rooms.js";
import { isBlockedRoom } from "../../state/blocks.js";
import { el, fill, setText } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { toast } from "../base/toast.js";
import { lookOf, presenceOf, presenceText, roomName, roomPicture } from "../people/people.js";
import { openChatSearch, openSearch } from "../search/doors.js";
import { openRoomDetails } from "./doors.js";
import { createShieldButton } from "./shield_button.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @returns {import("../base/view.js").View}
 */
export function createRoomHead(store, actions, id) {
  const picture = el("span", { class: "room-head-picture" });
  const name = el("span", { dir: "auto" });
  const marks = el("span", { class: "room-marks" });
  const about = el("p", { dir: "auto" });
  const shield = createShieldButton(store, actions, id);
  const search = el(
    "button",
    {
      type: "button",
      class: "icon-button chat-search-button",
      "aria-keyshortcuts": "Control+F",
      click: () => (store.state.rooms.get(id)?.e2ee ? openChatSearch : openSearch)(store, actions, id),
    },
    icon("search"),
  );
  const star = el(
    "button",
    {
      type: "button",
      class: "icon-button star-button",
      title: t("favourite"),
      "aria-label": t("favourite"),
      click: like,
    },
    icon("star"),
  );
  const number = el("span", { class: "members-number" });
  const members = el(
    "button",
    {
      type: "button",
      class: "icon-button members-button",
      title: t("room_details"),
      click: () => openRoomDetails(store, actions, id),
    },
    icon("people"),
    number,
  );
  const node = el(
    "header",
    { class: "room-head" },
    el(
      "button",
      { type: "button", class: "icon-button room-back", "aria-label": t("back"), click: () => navigate("/") },
      icon("back"),
    ),
    picture,
    el("div", { class: "room-title" }, el("h1", {}, name, marks), about),
    shield.node,
    search,
    star,
    members,
  );
  let drawn = "";

  function like() {
    const favourite = !store.state.rooms.get(id)?.favourite;
    preferRoom(id, { favourite }).catch((error) => toast(errorText(error)));
  }

  return {
    node,
    update(state) {
      const room = state.rooms.get(id);
      if (!room) return;
      const presence = room.peer ? presenceOf(state, room.peer) : "";
      const count = room.members?.length ?? room.memberCount;
      setText(name, roomName(state, room));
      setText(about, room.peer ? presenceText(presence) : (room.topic ?? ""));
      setText(number, count ? String(count) : "");
      star.setAttribute("aria-pressed", String(room.favourite));
      shield.update(state, room);
      search.title = t(room.kind === "dm" ? "search_chat" : "search_room");
      search.setAttribute("aria-label", search.title);
      members.setAttribute("aria-label", `${t("room_details")}, ${t("member_count", { n: count })}`);
      const next = JSON.stringify(drawnFrom(state, room, presence));
      if (next === drawn) return;
      drawn = next;
      fill(picture, roomPicture(state, room));
      fill(marks, marksOf(state, room));
    },
  };
}

/**
 * What the picture and the marks are drawn from: they are drawn again when one of these is another.
 *
 * @param {State} state
 * @param {Room} room
 * @param {string} presence
 */
function drawnFrom(state, room, presence) {
  return [
    lookOf(state, room.peer ?? ""),
    room.kind,
    room.archived,
    room.readOnly,
    room.notify,
    presence,
    isBlockedRoom(state, room),
  ];
}

/**
 * @param {State} state
 * @param {Room} room
 */
function marksOf(state, room) {
  return [
    isBlockedRoom(state, room) ? mark("ban", t("blocked")) : null,
    room.archived ? mark("archive", t("archived")) : room.readOnly ? mark("eye", t("read_only")) : null,
    room.notify === "none"
      ? el(
          "span",
          { class: "room-quiet", role: "img", title: t("room_muted"), "aria-label": t("room_muted") },
          icon("bell_off"),
        )
      : null,
  ];
}

/**
 * A word on a desk, a picture on a phone.
 *
 * @param {string} picture
 * @param {string} text
 */
function mark(picture, text) {
  return el(
    "span",
    { class: "tag room-mark", title: text },
    icon(picture),
    el("span", { class: "room-mark-text" }, text),
  );
}
