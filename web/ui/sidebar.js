/** The rooms of this person, with what is unread, and the person. */
import { openBrowse, openCreate, openNewDirect } from "./room_dialogs.js";
import { el, fill } from "./element.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { avatar, nameOf, presenceText, roomName, roomPicture } from "./people.js";
import { roomPath } from "./routes.js";
import { openSettings } from "./settings.js";
import { openSwitcher } from "./switcher.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").State} State */
/** @typedef {import("./context.js").Room} Room */

/**
 * @param {Context} context
 * @returns {import("./context.js").View}
 */
export function createSidebar(context) {
  const rooms = el("ul");
  const direct = el("ul");
  const me = el("div", { class: "me" });
  const node = el("nav", { class: "sidebar", "aria-label": t("rooms") },
    el("header", { class: "sidebar-head" }, el("span", { class: "mark" }, icon("pulse")), el("h1", {}, t("app_name"))),
    el("button", { type: "button", class: "jump", click: () => openSwitcher(context), "aria-keyshortcuts": "Control+K" },
      icon("search"), el("span", {}, t("find_room")), el("kbd", { "aria-hidden": "true" }, "Ctrl K")),
    el("div", { class: "room-lists" },
      section(t("rooms"),
        iconButton("compass", t("browse_rooms"), () => openBrowse(context)),
        iconButton("plus", t("new_room"), () => openCreate(context))),
      rooms,
      section(t("direct"), iconButton("plus", t("new_message_to"), () => openNewDirect(context))),
      direct),
    me);
  let drawn = "";

  return {
    node,
    update(state) {
      const all = orderedRooms(state);
      const next = JSON.stringify([context.signals.room, state.me, all.map((room) => [
        room.id, roomName(state, room), room.unread, room.mentions, room.kind, hasDraft(state, room),
        room.peer ? state.users.get(room.peer)?.state : "",
      ])]);
      if (next === drawn) return;
      drawn = next;
      const focused = document.activeElement?.getAttribute("data-room");
      list(rooms, all.filter((room) => room.kind !== "dm"), context, state);
      list(direct, all.filter((room) => room.kind === "dm"), context, state);
      drawMe(me, context, state);
      if (focused) /** @type {HTMLElement | null} */ (node.querySelector(`[data-room="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
    },
  };
}

/**
 * Rooms in the order people see them: by name, direct ones after the others.
 *
 * @param {State} state
 * @returns {Room[]}
 */
export function orderedRooms(state) {
  const compare = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
  return [...state.rooms.values()].sort((a, b) =>
    Number(a.kind === "dm") - Number(b.kind === "dm") || compare(roomName(state, a), roomName(state, b)));
}

/**
 * @param {State} state
 * @param {Room} room
 */
function hasDraft(state, room) {
  return Boolean(state.drafts.get(room.id)?.trim());
}

/**
 * @param {HTMLElement} parent
 * @param {Room[]} rooms
 * @param {Context} context
 * @param {State} state
 */
function list(parent, rooms, context, state) {
  fill(parent, rooms.map((room) => el("li", {}, item(room, context, state))));
}

/**
 * @param {Room} room
 * @param {Context} context
 * @param {State} state
 */
function item(room, context, state) {
  const current = context.signals.room === room.id;
  return el("a", {
    class: "room-item",
    href: roomPath(room.id),
    draggable: "false",
    "data-room": room.id,
    "data-unread": room.unread > 0,
    "aria-current": current ? "page" : null,
    click: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      context.go(roomPath(room.id));
    },
  },
  roomPicture(state, room),
  el("span", { class: "room-item-name", dir: "auto" }, roomName(state, room)),
  !current && hasDraft(state, room) ? el("span", { class: "room-item-draft", title: t("draft") }, icon("edit"), el("span", { class: "hidden-visually" }, t("draft"))) : null,
  badge(room));
}

/** @param {Room} room */
function badge(room) {
  if (!room.unread) return null;
  const label = room.mentions ? `${t("unread_count", { n: room.unread })}, ${t("mention_count", { n: room.mentions })}` : t("unread_count", { n: room.unread });
  return [
    el("span", { class: room.mentions || room.kind === "dm" ? "badge badge-mention" : "badge", "aria-hidden": "true" }, room.unread > 99 ? "99+" : room.unread),
    el("span", { class: "hidden-visually" }, label),
  ];
}

/**
 * @param {HTMLElement} parent
 * @param {Context} context
 * @param {State} state
 */
function drawMe(parent, context, state) {
  if (!state.me) return;
  const { uid } = state.me;
  const presence = state.connection.online ? state.me.state ?? "online" : "offline";
  fill(parent,
    avatar(nameOf(state, uid), uid, { presence }),
    el("span", { class: "me-name" }, el("strong", { dir: "auto" }, nameOf(state, uid)), el("small", {}, presenceText(presence))),
    iconButton("gear", t("settings"), () => openSettings(context)));
}

/**
 * @param {string} title
 * @param {...HTMLElement} buttons
 */
function section(title, ...buttons) {
  return el("div", { class: "section-head" }, el("h2", {}, title), el("span", {}, buttons));
}

/**
 * @param {string} name
 * @param {string} label
 * @param {() => void} click
 */
export function iconButton(name, label, click) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, click }, icon(name));
}
