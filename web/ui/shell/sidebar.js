/** The rooms of this person, with what is unread, and the person. */
import { isBlockedRoom } from "../../state/blocks.js";
import { el, fill, place, setText } from "../base/element.js";
import { formatter } from "../base/formatters.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { addressedRoom, navigate } from "../base/navigation.js";
import { Roving } from "../base/roving.js";
import { roomPath } from "../base/routes.js";
import { lookOf, roomName, roomPicture } from "../people/people.js";
import { openCreate, openNewDirect } from "../rooms/create.js";
import { openBrowse } from "../rooms/directory.js";
import { openRoomMenu } from "../rooms/menu.js";
import { createMe } from "./profile_me.js";
import { openSwitcher } from "./switcher.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createSidebar(store, actions) {
  const favourites = el("ul");
  const rooms = el("ul");
  const directs = el("ul");
  const favouriteHead = section(t("favourites"));
  const me = createMe(store, actions);
  const node = el(
    "nav",
    { class: "sidebar", "aria-label": t("rooms") },
    el("header", { class: "sidebar-head" }, el("span", { class: "mark" }, icon("pulse")), el("h1", {}, t("app_name"))),
    el(
      "button",
      { type: "button", class: "jump", click: () => openSwitcher(store, actions), "aria-keyshortcuts": "Control+K" },
      icon("search"),
      el("span", {}, t("find_room")),
      el("kbd", { "aria-hidden": "true" }, "Ctrl K"),
    ),
    el(
      "div",
      { class: "room-lists" },
      favouriteHead,
      favourites,
      section(
        t("rooms"),
        iconButton("compass", t("browse_rooms"), () => openBrowse(store, actions)),
        iconButton("plus", t("new_room"), () => openCreate(store, actions)),
      ),
      rooms,
      section(
        t("direct"),
        iconButton("plus", t("new_message_to"), () => openNewDirect(store, actions)),
      ),
      directs,
    ),
    me.node,
  );
  /** @type {Map<string, ReturnType<typeof createItem>>} */
  const items = new Map();
  const lists = /** @type {HTMLElement} */ (node.querySelector(".room-lists"));
  new Roving(lists, {
    items: ".room-lists :is(a, button)",
    arrival: () => lists.querySelector("[aria-current=page]"),
    letters: true,
  });

  return {
    node,
    update(state) {
      const all = orderedRooms(state);
      for (const id of items.keys()) if (!state.rooms.has(id)) items.delete(id);
      const current = addressedRoom();
      for (const room of all) {
        const item = items.get(room.id) ?? createItem(store, actions, room.id);
        items.set(room.id, item);
        item.update(state, room, room.id === current);
      }
      for (const [list, belongs] of /** @type {const} */ ([
        [favourites, FAVOURITE],
        [rooms, ROOM],
        [directs, DIRECT],
      ])) {
        place(
          list,
          all
            .filter((room) => sectionOf(room) === belongs)
            .map((room) => /** @type {HTMLElement} */ (items.get(room.id)?.node)),
        );
      }
      favouriteHead.hidden = favourites.hidden = !favourites.childElementCount;
      me.update(state);
    },
  };
}

const [FAVOURITE, ROOM, DIRECT] = [0, 1, 2];

/** @param {Room} room */
function sectionOf(room) {
  return room.favourite ? FAVOURITE : room.kind === "dm" ? DIRECT : ROOM;
}

/**
 * Rooms in the order people see them: favourites, rooms, direct ones, each by name; what is put away comes last, what
 * is hidden not at all.
 *
 * @param {State} state
 * @returns {Room[]}
 */
export function orderedRooms(state) {
  const shown = [...state.rooms.values()].filter((room) => !room.hidden);
  const places = new Map(shown.map((room) => [room.id, placeOf(state, room)]));
  const isKnown = places.size === order.size && [...places].every(([id, place]) => order.get(id) === place);
  if (!isKnown) {
    const { compare } = formatter(Intl.Collator, document.documentElement.lang, { numeric: true });
    order = new Map([...places].sort(([, a], [, b]) => compare(a, b)));
  }
  return [...order.keys()].map((id) => /** @type {Room} */ (state.rooms.get(id)));
}

/**
 * The rooms in the order of the last time, each with what decided its place: sorting names is slow, and most changes
 * of a room leave it where it is.
 *
 * @type {Map<string, string>}
 */
let order = new Map();

/**
 * What decides the place of a room.
 *
 * @param {State} state
 * @param {Room} room
 */
function placeOf(state, room) {
  return `${document.documentElement.lang}/${sectionOf(room)}/${Number(room.archived)}/${roomName(state, room)}`;
}

/**
 * @param {State} state
 * @param {Room} room
 */
function hasDraft(state, room) {
  return Boolean(state.drafts.get(room.id)?.trim());
}

/**
 * One room. Its parts stay the same nodes while they change: a click begins on one and must end on it, and leaving
 * the composer (which marks a draft here) happens in between.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
function createItem(store, actions, id) {
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
      const now = [room, current, state.users, state.blocked, state.drafts.get(id)];
      if (now.every((input, index) => input === inputs[index])) return;
      inputs = now;
      const next = {
        picture: [
          room.kind,
          room.archived,
          isBlockedRoom(state, room),
          lookOf(state, room.peer ?? ""),
          state.users.get(room.peer ?? "")?.state,
        ].join("/"),
        unread: `${room.unread}/${room.mentions}/${room.notify}`,
      };
      if (next.picture !== drawn.picture)
        fill(
          picture,
          roomPicture(state, room),
          isBlockedRoom(state, room) ? el("span", { class: "hidden-visually" }, `${t("blocked")}, `) : null,
        );
      if (next.unread !== drawn.unread) fill(unread, badge(room));
      drawn = next;
      setText(name, roomName(state, room));
      draft.hidden = current || !hasDraft(state, room);
      link.toggleAttribute("data-unread", room.unread > 0 && room.notify !== "none");
      link.toggleAttribute("data-muted", room.notify === "none" || room.archived || isBlockedRoom(state, room));
      if (current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    },
  };
}

/** What calls for the reader: nothing in a muted room. @param {Room} room */
function badge(room) {
  if (!room.unread || room.notify === "none") return null;
  const label = room.mentions
    ? `${t("unread_count", { n: room.unread })}, ${t("mention_count", { n: room.mentions })}`
    : t("unread_count", { n: room.unread });
  return [
    el(
      "span",
      { class: room.mentions || room.kind === "dm" ? "badge badge-mention" : "badge", "aria-hidden": "true" },
      room.unread > 99 ? "99+" : room.unread,
    ),
    el("span", { class: "hidden-visually" }, label),
  ];
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
function iconButton(name, label, click) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, click }, icon(name));
}
