/** The signed-in page: rooms at the side, one room on the panel, the banner when the connection is gone. */
import { readRoom } from "../../calls/rooms.js";
import { createBanner } from "./banner.js";
import { createComposer } from "../composer/view.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { tintOf } from "../people/people.js";
import { recentRooms, addRecentRoom } from "../../platform/preferences.js";
import { openBrowse } from "../rooms/dialogs.js";
import { createRoomHead } from "../rooms/head.js";
import { refusal } from "../rooms/refusals.js";
import { roomPath } from "../base/routes.js";
import { busy, createAlert } from "../base/form_parts.js";
import { createSidebar } from "./sidebar.js";
import { createTimeline } from "../timeline/view.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../context.js").View} View */
/** @typedef {import("../context.js").State} State */

/**
 * @param {Context} context
 * @returns {View}
 */
export function createChat(context) {
  const sidebar = createSidebar(context);
  const banner = createBanner(context);
  const panel = el("section", { class: "room", id: "room" });
  // On a phone one of the two is hidden, so the landmark is around both.
  const node = el(
    "main",
    { class: "shell", "data-view": "rooms" },
    el(
      "a",
      {
        class: "skip",
        href: "#room",
        click: (/** @type {Event} */ event) => {
          event.preventDefault();
          context.timeline.focusLast();
        },
      },
      t("skip_to_messages"),
    ),
    sidebar.node,
    panel,
  );
  /** @type {{ key: string, views: View[] } | null} */
  let open = null;
  /** What the room on the screen was, for when it is lost. */
  let kind = "";

  /** @param {State} state */
  function choose(state) {
    const id = context.signals.room;
    const known = id !== null && state.rooms.has(id);
    if (id === null && state.rooms.size > 0 && !matchMedia("(max-width: 47.99rem)").matches) {
      const shown = [...state.rooms.values()]
        .filter((room) => !room.hidden && room.id !== context.signals.leaving)
        .map((room) => room.id);
      const next = recentRooms().find((each) => shown.includes(each)) ?? shown[0];
      if (next) return queueMicrotask(() => context.go(roomPath(next), true));
    }
    if (known) kind = state.rooms.get(id)?.kind ?? "";
    const key = known ? id : id !== null && !state.loadingRooms ? `?${id}` : "";
    if (open?.key === key) return;
    const before = open?.key;
    open?.views.forEach((view) => view.close?.());
    node.dataset["view"] = id === null ? "rooms" : "room";
    if (known) {
      open = { key, views: openRoom(context, id, panel, banner) };
      addRecentRoom(id);
    } else {
      open = { key, views: [] };
      fill(
        panel,
        banner.node,
        id !== null && key && context.signals.leaving !== id
          ? strange(context, id, before === id ? kind : "")
          : nothing(),
      );
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
  void context.actions.rooms.open(id);
  const head = createRoomHead(context, id);
  const timeline = createTimeline(context, id);
  const composer = createComposer(context, id);
  fill(panel, head.node, banner.node, timeline.node, composer.node);
  if (matchMedia("(hover: hover)").matches) context.composer.focus();
  return [head, timeline, composer];
}

function nothing() {
  return el(
    "div",
    { class: "room-empty" },
    el("span", { class: "mark" }, icon("pulse")),
    el("p", {}, t("pick_room")),
    el("p", { class: "hint" }, t("pick_room_hint")),
  );
}

/**
 * A room I am not in, reached by a link or lost while it was open: may be joined when it is open, and there is always
 * a way on.
 *
 * @param {Context} context
 * @param {string} id
 * @param {string} wasIn  the kind of room it was, if it was on the screen until now
 */
function strange(context, id, wasIn) {
  const node = el("div", { class: "room-empty" }, el("span", { class: "spinner" }));
  const browse = () =>
    el(
      "button",
      { type: "button", class: "button", click: () => openBrowse(context) },
      icon("compass"),
      t("browse_rooms"),
    );
  const back = (look = "only-narrow") =>
    el("button", { type: "button", class: `button ${look}`, click: () => context.go("/", true) }, t("back"));
  const gone = () =>
    fill(
      node,
      el("span", { class: "mark mark-calm" }, icon("leave")),
      el("div", { role: "status" }, el("h1", {}, t(wasIn ? "room_gone" : "error_not_found"))),
      el("p", { class: "hint" }, t("room_gone_hint")),
      el("div", { class: "room-empty-buttons" }, back("button-primary"), browse()),
    );
  // One that only its members see needs no asking.
  if (wasIn === "closed" || wasIn === "dm") gone();
  else
    readRoom(id).then((room) => {
      if (room.kind !== "open" || room.archived) return gone();
      const alert = createAlert();
      const join = el(
        "button",
        {
          type: "button",
          class: "button button-primary",
          click: () =>
            void busy(
              join,
              alert.say,
              (error) => refusal(error, "join"),
              () => context.actions.rooms.join(id),
            ),
        },
        t("join_room"),
      );
      fill(
        node,
        el("span", { class: `room-tile room-tile-large ${tintOf("room" + id)}` }, icon("hash")),
        el("h1", { dir: "auto" }, room.name),
        wasIn ? el("p", { role: "status" }, t("room_left")) : null,
        room.topic ? el("p", { class: "hint", dir: "auto" }, room.topic) : null,
        el("p", { class: "hint" }, t("member_count", { n: room.memberCount })),
        alert.node,
        el("div", { class: "room-empty-buttons" }, join),
        el("div", { class: "room-empty-buttons" }, browse(), back()),
      );
    }, gone);
  return node;
}
