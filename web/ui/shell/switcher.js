/**
 * Ctrl+K: any room by a few letters, those looked at last before the others; a person opens the direct room. What this
 * browser knows is shown at once, and whom and what the server finds besides a moment later.
 */
import { findRooms } from "../../calls/rooms.js";
import { recentRooms } from "../../platform/preferences.js";
import { attentionOf } from "../../state/attention.js";
import { isComposing } from "../base/composing.js";
import { debounce } from "../base/debounce.js";
import { openDialog } from "../base/dialog.js";
import { el, setText } from "../base/element.js";
import { focusComposer } from "../base/focus.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createListbox } from "../base/listbox.js";
import { addressedRoom, navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { openDirect } from "../people/direct.js";
import { avatar, chosenNameOf, presenceOf, roomName, roomPicture, tintOf } from "../people/people.js";
import { rankTargets } from "./switcher_order.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("./switcher_order.js").Target} Target */
/** @typedef {import("../../calls/rooms.js").Room} Listed */

/** Rooms to join that the server is asked for. */
const JOINABLE_MAX = 8;

/** @param {Store} store @param {Actions} actions */
export function openSwitcher(store, actions) {
  const { state } = store;
  /** @type {Listed[]} */
  let joinable = [];
  /** @type {ReturnType<typeof createListbox<Target>>} */
  const list = createListbox({
    label: t("rooms"),
    class: "results",
    row: (target) => row(state, target),
    choose: async (target) => {
      dialog.close();
      if (target.room) navigate(roomPath(target.room.id));
      else if (target.notAMember) navigate(roomPath(target.notAMember.id));
      else if (target.uid) {
        const room = await openDirect(store, actions, [target.uid]);
        if (room === null) return;
        navigate(roomPath(room));
      }
      queueMicrotask(() => focusComposer());
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
      joinable = [];
      draw();
      ask();
    },
    keydown: (/** @type {KeyboardEvent} */ event) => {
      if (isComposing(event)) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") list.move(event.key === "ArrowDown" ? 1 : -1);
      else if (event.key === "Enter") list.choose();
      else return;
      event.preventDefault();
    },
  });
  list.attach(input);

  const status = el("p", { class: "hidden-visually", role: "status" });
  const ask = debounce(async () => {
    const typed = input.value.trim();
    if (!typed) return;
    const [page] = await Promise.all([
      findRooms({ q: typed, limit: JOINABLE_MAX }).catch(() => null),
      actions.users.search(typed).catch(() => []),
    ]);
    if (!input.isConnected || input.value.trim() !== typed) return;
    joinable = page?.rooms ?? [];
    draw();
  });

  function draw() {
    const at = list.size ? input.getAttribute("aria-activedescendant") : null;
    list.show(
      rankTargets(targetsOf(state, joinable), { typed: input.value, open: addressedRoom(), recent: recentRooms() }),
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
 * @param {Listed[]} joinable
 * @returns {Target[]}
 */
function targetsOf(state, joinable) {
  const rooms = [...state.rooms.values()];
  const peers = new Set(rooms.map((room) => room.peer));
  const people = [...state.users.values()].filter(
    (user) => !user.removed && !user.disabled && user.uid !== state.me?.uid && !peers.has(user.uid),
  );
  return [
    ...rooms.map((room) => ({
      room,
      calls: attentionOf(state, room),
      name: roomName(state, room),
      also: room.peer ? (state.users.get(room.peer)?.username ?? "") : "",
    })),
    ...people.map((user) => ({ uid: user.uid, name: chosenNameOf(state, user.uid), also: user.username })),
    ...joinable.filter((room) => !state.rooms.has(room.id)).map((room) => ({ notAMember: room, name: room.name })),
  ];
}

/**
 * @param {State} state
 * @param {Target} target
 */
function row(state, { room, calls, uid, notAMember, name, also }) {
  const picture = room
    ? roomPicture(state, room)
    : uid
      ? avatar(state, uid, { size: "small", presence: presenceOf(state, uid) })
      : el("span", { class: `room-tile ${tintOf("room" + notAMember?.id)}`, "aria-hidden": "true" }, icon("hash"));
  const small = uid && also !== name ? `@${also}` : notAMember ? t("member_count", { n: notAMember.memberCount }) : "";
  return [
    picture,
    el("span", { class: "option-text" }, el("strong", { dir: "auto" }, name), small ? el("small", {}, small) : null),
    room?.archived ? el("span", { class: "tag" }, t("archived")) : null,
    notAMember ? el("span", { class: "tag" }, t("join_room")) : null,
    calls?.unread
      ? el("span", { class: calls.mentions || room?.kind === "dm" ? "badge badge-mention" : "badge" }, calls.unread)
      : null,
  ];
}
