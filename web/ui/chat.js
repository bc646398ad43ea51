/** The signed-in page: rooms at the side, one room on the panel, the banner when the connection is gone. */
import { createBanner } from "./banner.js";
import { createComposer } from "./composer.js";
import { el, fill } from "./element.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { createRoomHead } from "./room_head.js";
import { joinRefusalText } from "./room_refusals.js";
import { roomPath } from "./routes.js";
import { createSidebar } from "./sidebar.js";
import { createTimeline } from "./timeline.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").View} View */
/** @typedef {import("./context.js").State} State */

const LAST_ROOM = "impulse.last-room";

/**
 * @param {Context} context
 * @returns {View}
 */
export function createChat(context) {
  const sidebar = createSidebar(context);
  const banner = createBanner(context);
  const panel = el("section", { class: "room", id: "room" });
  // On a phone one of the two is hidden, so the landmark is around both.
  const node = el("main", { class: "shell", "data-view": "rooms" },
    el("a", { class: "skip", href: "#room", click: (/** @type {Event} */ event) => { event.preventDefault(); context.timeline.focusLast(); } }, t("skip_to_messages")),
    sidebar.node, panel);
  /** @type {{ key: string, views: View[] } | null} */
  let open = null;

  /** @param {State} state */
  function choose(state) {
    const id = context.signals.room;
    const known = id !== null && state.rooms.has(id);
    if (id === null && state.rooms.size > 0 && !matchMedia("(max-width: 47.99rem)").matches) {
      const last = remembered();
      const next = last && state.rooms.has(last) ? last : [...state.rooms.keys()][0];
      if (next) return queueMicrotask(() => context.go(roomPath(next), true));
    }
    const key = known ? id : id !== null && !state.loadingRooms ? `?${id}` : "";
    if (open?.key === key) return;
    const before = open?.key;
    open?.views.forEach((view) => view.close?.());
    node.dataset["view"] = id === null ? "rooms" : "room";
    if (known) {
      open = { key, views: openRoom(context, id, panel, banner) };
      remember(id);
    } else {
      open = { key, views: [] };
      fill(panel, banner.node, id !== null && key ? strange(context, id, before === id) : nothing());
    }
  }

  return {
    node,
    update(state) {
      choose(state);
      sidebar.update(state);
      banner.update(state);
      open?.views.forEach((view) => view.update(state));
    },
    close() {
      open?.views.forEach((view) => view.close?.());
      context.composer = { focus() {}, insert() {} };
      context.timeline = { toPresent: () => false, show() {}, focusLast() {} };
    },
  };
}

/**
 * @param {Context} context
 * @param {string} id
 * @param {HTMLElement} panel
 * @param {View} banner
 * @returns {View[]}
 */
function openRoom(context, id, panel, banner) {
  void context.actions.openRoom(id);
  const head = createRoomHead(context, id);
  const timeline = createTimeline(context, id);
  const composer = createComposer(context, id);
  fill(panel, head.node, banner.node, timeline.node, composer.node);
  if (matchMedia("(hover: hover)").matches) context.composer.focus();
  return [head, timeline, composer];
}

function nothing() {
  return el("div", { class: "room-empty" }, el("span", { class: "mark" }, icon("pulse")), el("p", {}, t("pick_room")), el("p", { class: "hint" }, t("pick_room_hint")));
}

/**
 * A room I am not in, reached by a link: may be joined when it is open.
 *
 * @param {Context} context
 * @param {string} id
 * @param {boolean} wasIn  the room was on the screen until now
 */
function strange(context, id, wasIn) {
  const node = el("div", { class: "room-empty" }, el("span", { class: "spinner" }));
  const gone = () => fill(node, el("p", { role: "status" }, t(wasIn ? "room_gone" : "error_not_found")), el("button", { type: "button", class: "button", click: () => context.go("/", true) }, t("back")));
  context.actions.discoverRooms().then((rooms) => {
    const room = rooms.find((each) => each.id === id);
    if (!room) return gone();
    fill(node, el("span", { class: "mark" }, icon("hash")), el("h2", { dir: "auto" }, room.name), room.topic ? el("p", { class: "hint", dir: "auto" }, room.topic) : null,
      el("button", { type: "button", class: "button button-primary", click: () => void context.actions.joinRoom(id).catch((error) => context.toast(joinRefusalText(error))) }, t("join_room")));
  }, gone);
  return node;
}

function remembered() {
  try {
    return localStorage.getItem(LAST_ROOM);
  } catch {
    return null;
  }
}

/** @param {string} id */
function remember(id) {
  try {
    localStorage.setItem(LAST_ROOM, id);
  } catch {
    // Only a convenience.
  }
}
