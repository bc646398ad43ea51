/** The signed-in page: rooms at the side, one room on the panel, the banner when the connection is gone. */
import { addRecentRoom, recentRooms } from "../../platform/preferences.js";
import { closePlaced } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { focusComposer, focusMessages, focusRooms } from "../base/focus.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { addressedRoom, redirect } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { Composer } from "../composer/view.js";
import { createKeysCard } from "../keys/card.js";
import { openUnlock } from "../keys/doors.js";
import { createNoCode } from "../keys/no_code.js";
import { createEncryptionCards } from "../rooms/encryption_cards.js";
import { createRoomHead } from "../rooms/head.js";
import { isLeaving } from "../rooms/leaving.js";
import { notAMember } from "../rooms/not_a_member.js";
import { createAnnouncer } from "../timeline/announcer.js";
import { Timeline } from "../timeline/view.js";
import { createBanner } from "./banner.js";
import { createSetAside } from "./set_aside.js";
import { createSidebar } from "./sidebar.js";

/** @typedef {import("../base/view.js").View} View */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {Omit<View, "node">} Part */

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {import("../composer/targets.js").ComposerTargets} targets
 * @param {import("../timeline/marks.js").MessageMarks} marks
 * @returns {View}
 */
export function createChat(store, actions, targets, marks) {
  const sidebar = createSidebar(store, actions);
  const banner = createBanner(actions);
  const setAside = createSetAside(store, actions, targets);
  const keysCard = createKeysCard(store, actions);
  const panel = el("section", { class: "room", id: "room" });
  // On a phone one of the two is hidden, so the landmark is around both.
  const node = el("main", { class: "shell", "data-view": "rooms" }, skipLinks(), sidebar.node, panel);
  /** What is on the panel: a room of mine with its views, or none. @type {{ key: string, views: Part[] } | null} */
  let open = null;
  /** What the room on the screen was, for when it is lost. */
  let kind = "";

  /** @param {State} state */
  function choose(state) {
    const id = addressedRoom();
    const room = id === null ? undefined : state.rooms.get(id);
    const next = id === null ? roomToOpen(state) : undefined;
    if (next) return queueMicrotask(() => redirect(roomPath(next)));
    if (room) kind = room.kind;
    const key = room ? room.id : id !== null && !state.loadingRooms ? `?${id}` : "";
    if (open?.key === key) return;
    const before = open?.key;
    close();
    node.dataset["view"] = id === null ? "rooms" : "room";
    if (room) {
      open = { key, views: openRoom(room.id) };
      addRecentRoom(room.id);
      return;
    }
    open = { key, views: [] };
    const isLost = id !== null && key && !isLeaving(id);
    const said = isLost ? notAMember(store, actions, id, before === id ? kind : "") : nothing();
    fill(panel, banner.node, keysCard.node, setAside.node, said);
    // On a phone the panel is hidden while the rooms are shown.
    if (id === null && isNarrow()) fill(sidebar.notes, banner.node, keysCard.node);
  }

  /** @param {string} id @returns {Part[]} */
  function openRoom(id) {
    void actions.rooms.open(id);
    const head = createRoomHead(store, actions, id);
    const unlock = () => openUnlock(store, actions);
    const sent = () => void timeline.showPresent();
    /** @type {Composer} */
    const composer = new Composer(id, { store, actions, targets, marks, sent, unlock });
    const timeline = new Timeline(id, { store, actions, marks, composer });
    const cards = createEncryptionCards(store, actions, id);
    const noCode = createNoCode(store, actions, id);
    const above = [head, banner, keysCard, setAside, noCode, cards].map(({ node }) => node);
    fill(panel, above, timeline.node, composer.node);
    if (matchMedia("(hover: hover)").matches) composer.focus();
    return [head, noCode, cards, timeline, composer, createAnnouncer(id)];
  }

  function close() {
    open?.views.forEach((view) => view.close?.());
    if (open) closePlaced();
  }

  return {
    node,
    update(state) {
      choose(state);
      sidebar.update(state);
      banner.update(state);
      keysCard.update(state);
      setAside.update(state);
      open?.views.forEach((view) => view.update(state));
    },
    toPresent: () => open?.views.some((view) => view.toPresent?.()) ?? false,
    close,
  };
}

function skipLinks() {
  const link = (/** @type {string} */ text, /** @type {() => void} */ lead) => {
    const click = (/** @type {Event} */ event) => {
      event.preventDefault();
      lead();
    };
    return el("a", { class: "skip", href: "#room", click }, text);
  };
  return [
    link(t("skip_to_rooms"), focusRooms),
    link(t("skip_to_messages"), focusMessages),
    link(t("skip_to_composer"), focusComposer),
  ];
}

/** Whether there is space for the rooms or for one of them, not for both. */
function isNarrow() {
  return matchMedia("(max-width: 47.99rem)").matches;
}

/** The room to show where the address names none and there is space for one. @param {State} state */
function roomToOpen(state) {
  if (!state.rooms.size || isNarrow()) return undefined;
  const shown = [...state.rooms.values()].filter((room) => !room.hidden && !isLeaving(room.id)).map((room) => room.id);
  return recentRooms().find((each) => shown.includes(each)) ?? shown[0];
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
