/**
 * Ctrl+K: any room by a few letters; a person opens the direct room. What this browser knows is shown at once, and
 * whom the server finds besides a moment later.
 */
import { openDialog } from "./dialog.js";
import { el } from "./element.js";
import { t } from "./i18n.js";
import { createListbox } from "./listbox.js";
import { avatar, nameOf, presenceOf, roomName, roomPicture } from "./people.js";
import { settled } from "./room_people.js";
import { roomPath } from "./routes.js";

/** @typedef {import("./context.js").State} State */
/** @typedef {{ room?: import("./context.js").Room, uid?: string, name: string }} Target */

const SHOWN_MAX = 30;

/** @param {import("./context.js").Context} context */
export function openSwitcher(context) {
  const { state } = context.store;
  /** @type {ReturnType<typeof createListbox<Target>>} */
  const list = createListbox({
    label: t("rooms"),
    class: "results",
    row: (target) => [
      target.room ? roomPicture(state, target.room) : avatar(state, target.uid ?? "", { size: "small", presence: presenceOf(state, target.uid ?? "") }),
      el("span", { class: "option-text" }, el("strong", { dir: "auto" }, target.name)),
      target.room?.unread ? el("span", { class: "badge" }, target.room.unread) : null,
    ],
    choose: async (target) => {
      dialog.close();
      if (target.room) context.go(roomPath(target.room.id));
      else if (target.uid) context.go(roomPath(await context.actions.directRoom(target.uid)));
      queueMicrotask(() => context.composer.focus());
    },
  });
  const empty = el("p", { class: "results-empty", hidden: true }, t("no_match"));
  const input = el("input", {
    class: "input", type: "text", role: "combobox", "aria-expanded": "true", "aria-label": t("find_room"), placeholder: t("find_room"),
    autocomplete: "off", spellcheck: "false", dir: "auto",
    input: () => { draw(); ask(); },
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
    await context.actions.searchUsers(typed).catch(() => []);
    if (input.isConnected && input.value.trim() === typed) draw();
  });

  function draw() {
    list.show(find(state, context.signals.room, input.value));
    empty.hidden = list.size > 0;
    status.textContent = t("found_count", { n: list.size });
  }

  const dialog = openDialog({ title: t("find_room"), bare: true, class: "dialog-top" }, () => [el("div", { class: "search-field" }, input), list.node, empty, status]);
  draw();
  input.focus();
}

/**
 * Unread rooms first while nothing is typed, then names that begin with the letters, then those that contain them.
 *
 * @param {State} state
 * @param {string | null} open
 * @param {string} typed
 * @returns {Target[]}
 */
function find(state, open, typed) {
  const wanted = fold(typed.trim());
  /** @type {Target[]} */
  const targets = [...state.rooms.values()].map((room) => ({ room, name: roomName(state, room) }));
  const peers = new Set([...state.rooms.values()].map((room) => room.peer));
  for (const user of state.users.values()) {
    if (wanted && !user.removed && !user.disabled && user.uid !== state.me?.uid && !peers.has(user.uid)) targets.push({ uid: user.uid, name: nameOf(state, user.uid) });
  }
  const rank = (/** @type {Target} */ target) => {
    const name = fold(target.name);
    if (!wanted) return target.room?.id === open ? 4 : target.room?.mentions ? 0 : target.room?.unread ? 1 : target.room?.favourite ? 2 : 3;
    return name.startsWith(wanted) ? 0 : name.split(/[\s._-]/).some((word) => word.startsWith(wanted)) ? 1 : name.includes(wanted) ? 2 : 9;
  };
  return targets.map((target) => ({ target, at: rank(target) })).filter(({ at }) => at < 9)
    .sort((a, b) => a.at - b.at || a.target.name.localeCompare(b.target.name)).slice(0, SHOWN_MAX).map(({ target }) => target);
}

/** @param {string} text */
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
