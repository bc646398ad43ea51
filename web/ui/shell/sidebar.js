/** The rooms of this person, with what is unread, and the person. */
import { mayInvite } from "../../state/rights.js";
import { attentionOf } from "../../state/attention.js";
import { el } from "../base/element.js";
import { formatter } from "../base/formatters.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { addressedRoom } from "../base/navigation.js";
import { Roving } from "../base/roving.js";
import { openInvite } from "../people/doors.js";
import { roomName } from "../people/people.js";
import { openBrowse, openCreate, openNewDirect } from "../rooms/doors.js";
import { openSearch } from "../search/doors.js";
import { createMe } from "./profile_me.js";
import { createRoomItem } from "./sidebar_item.js";
import { createSection } from "./sidebar_section.js";
import { openSwitcher } from "./doors.js";
import { createUnreadBeyond } from "./unread_beyond.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View & { notes: HTMLElement }}  `notes` takes what else is said above a room
 */
export function createSidebar(store, actions) {
  const sections = createSections(store, actions, () => update(store.state));
  const lists = el("div", { class: "room-lists" }, ...sections.flatMap((section) => section.nodes));
  const beyond = createUnreadBeyond(lists);
  const invite = inviteButton(store, actions);
  const me = createMe(store, actions);
  const notes = el("div", { class: "sidebar-notes" });
  const node = el(
    "nav",
    { class: "sidebar", "aria-label": t("rooms") },
    el(
      "header",
      { class: "sidebar-head" },
      el("span", { class: "mark" }, icon("pulse")),
      el("h1", {}, t("app_name")),
      searchButton(store, actions),
    ),
    notes,
    jumpButton(store, actions),
    el("div", { class: "room-lists-frame" }, lists, beyond.nodes),
    invite,
    me.node,
  );
  /** @type {Map<string, ReturnType<typeof createRoomItem>>} */
  const items = new Map();
  new Roving(lists, {
    items: ".room-lists :is(a, button)",
    arrival: () => lists.querySelector("[aria-current=page]"),
    letters: true,
  });

  /** @param {State} state */
  function update(state) {
    const all = orderedRooms(state);
    const calls = (/** @type {Room} */ room) => attentionOf(state, room).unread > 0;
    for (const id of items.keys()) if (!state.rooms.has(id)) items.delete(id);
    const current = addressedRoom();
    const entries = all.map((room) => {
      const item = items.get(room.id) ?? createRoomItem(store, actions, room.id);
      items.set(room.id, item);
      item.update(state, room, room.id === current);
      return { node: item.node, belongs: sectionOf(room), stays: calls(room) || room.id === current };
    });
    sections.forEach((section, index) => section.show(entries.filter(({ belongs }) => belongs === index)));
    sections[FAVOURITE]?.hide(!entries.some(({ belongs }) => belongs === FAVOURITE));
    beyond.update(all.filter(calls).map((room) => room.id));
    invite.hidden = !mayInvite(state);
    me.update(state);
  }

  return { node, notes, update, close: beyond.close };
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {() => void} changed
 */
function createSections(store, actions, changed) {
  return [
    createSection("favourites", t("favourites"), changed),
    createSection(
      "rooms",
      t("rooms"),
      changed,
      iconButton("compass", t("browse_rooms"), () => openBrowse(store, actions)),
      iconButton("plus", t("new_room"), () => openCreate(store, actions)),
    ),
    createSection(
      "direct",
      t("direct"),
      changed,
      iconButton("plus", t("new_message_to"), () => openNewDirect(store, actions)),
    ),
  ];
}

/** @param {Store} store @param {Actions} actions */
function jumpButton(store, actions) {
  return el(
    "button",
    {
      type: "button",
      class: "jump",
      title: t("find_room"),
      click: () => openSwitcher(store, actions),
      "aria-keyshortcuts": "Control+K",
    },
    icon("forward"),
    el("span", {}, t("jump")),
    el("kbd", { "aria-hidden": "true" }, "Ctrl K"),
  );
}

/** @param {Store} store @param {Actions} actions */
function searchButton(store, actions) {
  const label = t("search_messages");
  return el(
    "button",
    {
      type: "button",
      class: "icon-button search-button",
      "aria-label": label,
      title: label,
      "aria-keyshortcuts": "Control+Shift+F",
      click: () => openSearch(store, actions, null),
    },
    icon("search"),
  );
}

/** @param {Store} store @param {Actions} actions */
function inviteButton(store, actions) {
  return el(
    "button",
    { type: "button", class: "sidebar-invite", hidden: true, click: () => openInvite(store, actions) },
    icon("invite"),
    el("span", {}, t("invite_people")),
  );
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
 * @param {string} name
 * @param {string} label
 * @param {() => void} click
 */
function iconButton(name, label, click) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, click }, icon(name));
}
