/** A room in the list: its picture, its name, whether there is a draft, and how much is unread. */
import { attentionOf } from "../../state/attention.js";
import { isBlockedRoom } from "../../state/blocks.js";
import { el, fill, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { lookOf, roomName, roomPicture } from "../people/people.js";
import { openRoomMenu } from "../rooms/menu.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * One room. Its parts stay the same nodes while they change: a click begins on one and must end on it, and leaving
 * the composer (which marks a draft here) happens in between.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
export function createRoomItem(store, actions, id) {
  const picture = el("span", { class: "room-item-picture" });
  const name = el("span", { class: "room-item-name", dir: "auto" });
  const draft = el(
    "span",
    { class: "room-item-draft", title: t("draft"), hidden: true },
    icon("edit"),
    el("span", { class: "hidden-visually" }, t("draft")),
  );
  const unread = el("span", { class: "room-item-unread" });
  const link = el(
    "a",
    {
      class: "room-item",
      href: roomPath(id),
      draggable: "false",
      click: (/** @type {MouseEvent} */ event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        navigate(roomPath(id));
      },
      contextmenu: (/** @type {MouseEvent} */ event) => {
        event.preventDefault();
        // The menu key has no point of its own.
        const pressed = event.button === 2 && { x: event.clientX, y: event.clientY };
        openRoomMenu(store, actions, id, pressed || link);
      },
    },
    picture,
    name,
    draft,
    unread,
  );
  let drawn = { picture: "", unread: "" };
  /** What it was drawn from. @type {unknown[]} */
  let inputs = [];

  return {
    node: el("li", {}, link),
    /** @param {State} state @param {Room} room @param {boolean} current */
    update(state, room, current) {
      const now = [
        room,
        current,
        state.users,
        state.blocked,
        state.drafts.get(id),
        state.attached.get(id),
        state.attended === id,
      ];
      if (now.every((input, index) => input === inputs[index])) return;
      inputs = now;
      const attention = attentionOf(state, room);
      const next = {
        picture: [
          room.kind,
          room.archived,
          isBlockedRoom(state, room),
          lookOf(state, room.peer ?? ""),
          state.users.get(room.peer ?? "")?.state,
        ].join("/"),
        unread: `${attention.unread}/${attention.mentions}`,
      };
      if (next.picture !== drawn.picture)
        fill(
          picture,
          roomPicture(state, room),
          isBlockedRoom(state, room) ? el("span", { class: "hidden-visually" }, `${t("blocked")}, `) : null,
        );
      if (next.unread !== drawn.unread) fill(unread, badge(room, attention));
      drawn = next;
      setText(name, roomName(state, room));
      draft.hidden = current || !hasDraft(state, room);
      link.toggleAttribute("data-unread", attention.unread > 0);
      link.toggleAttribute("data-muted", room.notify === "none" || room.archived || isBlockedRoom(state, room));
      if (current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    },
  };
}

/**
 * How many messages call for the reader.
 *
 * @param {Room} room
 * @param {import("../../state/attention.js").Attention} attention
 */
function badge(room, { unread, mentions }) {
  if (!unread) return null;
  const words = t("unread_count", { n: unread });
  return [
    el(
      "span",
      { class: mentions || room.kind === "dm" ? "badge badge-mention" : "badge", "aria-hidden": "true" },
      unread > 99 ? "99+" : unread,
    ),
    el("span", { class: "hidden-visually" }, mentions ? `${words}, ${t("mention_count", { n: mentions })}` : words),
  ];
}

/**
 * @param {State} state
 * @param {Room} room
 */
function hasDraft(state, room) {
  return Boolean(state.drafts.get(room.id)?.trim()) || state.attached.has(room.id);
}
