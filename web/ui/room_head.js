/** The bar above the messages: which room, what about, who is in it. */
import { preferRoom } from "../state/rooms_api.js";
import { el, fill } from "./element.js";
import { errorText, t } from "./i18n.js";
import { icon } from "./icons.js";
import { lookOf, presenceOf, presenceText, roomName, roomPicture } from "./people.js";
import { openRoomDetails } from "./room_dialogs.js";

/**
 * @param {import("./context.js").Context} context
 * @param {string} id
 * @returns {import("./context.js").View}
 */
export function createRoomHead(context, id) {
  const node = el("header", { class: "room-head" });
  let drawn = "";

  return {
    node,
    update(state) {
      const room = state.rooms.get(id);
      if (!room) return;
      const presence = room.peer ? presenceOf(state, room.peer) : "";
      const count = room.members?.length ?? room.memberCount;
      const next = JSON.stringify([roomName(state, room), lookOf(state, room.peer ?? ""), room.topic, room.kind, room.e2ee, room.archived, room.readOnly, room.favourite, presence, count]);
      if (next === drawn) return;
      drawn = next;
      fill(node,
        el("button", { type: "button", class: "icon-button room-back", "aria-label": t("back"), click: () => context.go("/") }, icon("back")),
        roomPicture(state, room),
        el("div", { class: "room-title" },
          el("h1", {}, el("span", { dir: "auto" }, roomName(state, room)),
            room.archived ? el("span", { class: "tag" }, t("archived")) : room.readOnly ? el("span", { class: "tag" }, t("read_only")) : null,
            room.e2ee ? el("span", { title: t("encrypted") }, icon("lock"), el("span", { class: "hidden-visually" }, t("encrypted"))) : null),
          el("p", { dir: "auto" }, room.peer ? presenceText(presence) : room.topic || null)),
        el("button", {
          type: "button", class: "icon-button star-button", "aria-pressed": String(room.favourite), title: t("favourite"), "aria-label": t("favourite"),
          click: () => void preferRoom(id, { favourite: !room.favourite }).catch((error) => context.toast(errorText(error))),
        }, icon("star")),
        el("button", {
          type: "button", class: "icon-button members-button", title: t("members"),
          "aria-label": count ? t("member_count", { n: count }) : t("members"),
          click: () => openRoomDetails(context, id),
        }, icon("people"), count ? String(count) : null));
    },
  };
}
