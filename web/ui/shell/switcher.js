/**
 * Ctrl+K: any room by a few letters, those looked at last before the others; a person opens the direct room. What this
 * browser knows is shown at once, and whom and what the server finds besides a moment later.
 */
import { findRooms } from "../../calls/rooms.js";
import { openDialog } from "../base/dialog.js";
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createListbox } from "../base/listbox.js";
import { avatar, chosenNameOf, presenceOf, roomName, roomPicture, tintOf } from "../people/people.js";
import { recentRooms } from "../../platform/preferences.js";
import { settled } from "../rooms/people_picker.js";
import { roomPath } from "../base/routes.js";
import { rankTargets } from "./switcher_order.js";

/** @typedef {import("../context.js").State} State */
/** @typedef {import("../../calls/rooms.js").Room} Listed */
/**
 * @typedef {{ name: string, also?: string, room?: import("../context.js").Room, uid?: string, strange?: Listed }}
 *   Target
 */

/** Rooms to join that the server is asked for. */
const STRANGE_MAX = 8;

/** @param {import("../context.js").Context} context */
export function openSwitcher(context) {
  const { state } = context.store;
  /** @type {Listed[]} */
  let strange = [];
  /** @type {ReturnType<typeof createListbox<Target>>} */
  const list = createListbox({
    label: t("rooms"),
    class: "results",
    row: (target) => row(state, target),
    choose: async (target) => {
      dialog.close();
      if (target.room) context.go(roomPath(target.room.id));
      else if (target.strange) context.go(roomPath(target.strange.id));
      else if (target.uid) context.go(roomPath(await context.actions.rooms.openDirect(target.uid)));
      queueMicrotask(() => context.composer.focus());
    },
  });
  const empty = el("p", { class: "results-empty", hidden: true }, t("no_match"));
  const input = el("input", {
    class: "input",
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-label": t("find_room"),
    placeholder: t("find_room"),
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    input: () => {
      strange = [];
      draw();
      ask();
    },
    keydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") list.move(event.key === "ArrowDown" ? 1 : -1);
      else if (event.key === "Enter") list.choose();
      else return;
      event.preventDefault();
    },
  });
  list.attach(input);

  const status = el("p", { class: "hidden-visually", role: "status" });
  const ask = settled(async () => {
    const typed = input.value.trim();
    if (!typed) return;
    const [page] = await Promise.all([
      findRooms({ q: typed, limit: STRANGE_MAX }).catch(() => null),
      context.actions.users.search(typed).catch(() => []),
    ]);
    if (!input.isConnected || input.value.trim() !== typed) return;
    strange = page?.rooms ?? [];
    draw();
  });

  function draw() {
    const at = list.size ? input.getAttribute("aria-activedescendant") : null;
    list.show(
      rankTargets(targetsOf(state, strange), { typed: input.value, open: context.signals.room, recent: recentRooms() }),
    );
    // What the server adds comes behind: the choice stays where it was.
    const index = at && input.value ? Number(at.slice(at.lastIndexOf("-") + 1)) : 0;
    if (index > 0 && index < list.size) list.move(index);
    empty.hidden = list.size > 0;
    input.setAttribute("aria-expanded", String(list.size > 0));
    setText(status, t("found_count", { n: list.size }));
  }

  const dialog = openDialog({ title: t("find_room"), bare: true, class: "dialog-top" }, () => [
    el("div", { class: "search-field" }, input),
    list.node,
    empty,
    status,
  ]);
  draw();
  input.focus();
}

/**
 * My rooms, the people I have no direct room with, and rooms I could join.
 *
 * @param {State} state
 * @param {Listed[]} strange
 * @returns {Target[]}
 */
function targetsOf(state, strange) {
  const rooms = [...state.rooms.values()];
  const peers = new Set(rooms.map((room) => room.peer));
  const people = [...state.users.values()].filter(
    (user) => !user.removed && !user.disabled && user.uid !== state.me?.uid && !peers.has(user.uid),
  );
  return [
    ...rooms.map((room) => ({
      room,
      name: roomName(state, room),
      also: room.peer ? (state.users.get(room.peer)?.username ?? "") : "",
    })),
    ...people.map((user) => ({ uid: user.uid, name: chosenNameOf(state, user.uid), also: user.username })),
    ...strange.filter((room) => !state.rooms.has(room.id)).map((room) => ({ strange: room, name: room.name })),
  ];
}

/**
 * @param {State} state
 * @param {Target} target
 */
function row(state, { room, uid, strange, name, also }) {
  const picture = room
    ? roomPicture(state, room)
    : uid
      ? avatar(state, uid, { size: "small", presence: presenceOf(state, uid) })
      : el("span", { class: `room-tile ${tintOf("room" + strange?.id)}`, "aria-hidden": "true" }, icon("hash"));
  const small = uid && also !== name ? `@${also}` : strange ? t("member_count", { n: strange.memberCount }) : "";
  return [
    picture,
    el("span", { class: "option-text" }, el("strong", { dir: "auto" }, name), small ? el("small", {}, small) : null),
    room?.archived ? el("span", { class: "tag" }, t("archived")) : null,
    strange ? el("span", { class: "tag" }, t("join_room")) : null,
    room?.unread && room.notify !== "none"
      ? el("span", { class: room.mentions || room.kind === "dm" ? "badge badge-mention" : "badge" }, room.unread)
      : null,
  ];
}
