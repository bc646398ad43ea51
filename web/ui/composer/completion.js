/** Suggestions for `@name` and `:emoji:` above the composer: Tab or Enter takes one, Esc closes. */
import { el } from "../base/element.js";
import { findEmoji } from "../base/emoji.js";
import { t } from "../base/i18n.js";
import { createListbox } from "../base/listbox.js";
import { avatar, chosenNameOf, presenceOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {{ text: string, glyph?: string, uid?: string, label: string, detail: string }} Suggestion */

const SHOWN_MAX = 8;
const TOKEN = /(?:^|[\s(])([@:])([\p{L}\p{N}_.+-]{0,32})$/u;

/**
 * @param {Store} store
 * @param {string} room
 * @param {HTMLTextAreaElement} field
 * @param {() => void} changed
 */
export function createCompletion(store, room, field, changed) {
  let from = 0;
  /** @type {ReturnType<typeof createListbox<Suggestion>>} */
  const list = createListbox({
    label: t("suggestions"),
    class: "suggestions",
    row: (item) => row(store, item),
    choose: take,
  });
  list.node.hidden = true;
  list.attach(field);

  /** @param {Suggestion} item */
  function take(item) {
    field.setRangeText(`${item.text} `, from, field.selectionStart, "end");
    close();
    changed();
  }

  function close() {
    if (list.node.hidden) return false;
    list.node.hidden = true;
    list.clear();
    return true;
  }

  /** Shows what fits the word before the caret, if any. */
  function suggest() {
    const before = field.value.slice(0, field.selectionStart);
    const found = TOKEN.exec(before);
    const sign = found?.[1];
    const word = found?.[2] ?? "";
    if (!found || field.selectionStart !== field.selectionEnd || (sign === ":" && word.length < 2)) return void close();
    from = before.length - word.length - 1;
    const items = sign === "@" ? people(store, room, word) : emoji(word);
    if (!items.length) return void close();
    list.node.hidden = false;
    list.show(items);
  }

  return {
    node: list.node,
    suggest,
    close,
    /**
     * True when the key was for the suggestions.
     *
     * @param {KeyboardEvent} event
     */
    key(event) {
      if (list.node.hidden) {
        if (event.key !== "Tab" || event.shiftKey) return false;
        suggest();
        if (list.node.hidden) return false;
        if (list.size === 1) list.choose();
        return true;
      }
      if (event.key === "ArrowUp" || event.key === "ArrowDown") list.move(event.key === "ArrowUp" ? -1 : 1);
      else if ((event.key === "Tab" || event.key === "Enter") && !event.shiftKey) list.choose();
      else return false;
      return true;
    },
  };
}

/**
 * Members of the room first, by name.
 *
 * @param {Store} store
 * @param {string} room
 * @param {string} word
 * @returns {Suggestion[]}
 */
function people(store, room, word) {
  const { state } = store;
  const members = new Set(state.rooms.get(room)?.members ?? []);
  const wanted = word.toLocaleLowerCase();
  return [...state.users.values()]
    .filter((user) => user.uid !== state.me?.uid && !user.removed && !user.disabled)
    .filter(
      (user) =>
        user.username.toLocaleLowerCase().startsWith(wanted) ||
        (user.displayName ?? "")
          .toLocaleLowerCase()
          .split(" ")
          .some((part) => part.startsWith(wanted)),
    )
    .sort((a, b) => Number(members.has(b.uid)) - Number(members.has(a.uid)) || a.username.localeCompare(b.username))
    .slice(0, SHOWN_MAX)
    .map((user) => ({
      text: `@${user.username}`,
      uid: user.uid,
      label: chosenNameOf(state, user.uid),
      detail: `@${user.username}`,
    }));
}

/**
 * @param {string} word
 * @returns {Suggestion[]}
 */
function emoji(word) {
  return findEmoji(word, SHOWN_MAX).map(([name, glyph]) => ({ text: glyph, glyph, label: `:${name}:`, detail: "" }));
}

/**
 * @param {Store} store
 * @param {Suggestion} item
 */
function row(store, item) {
  const { state } = store;
  return [
    item.uid
      ? avatar(state, item.uid, { size: "small", presence: presenceOf(state, item.uid) })
      : el("span", { class: "option-glyph" }, item.glyph),
    el("span", { class: "option-text" }, el("strong", { dir: "auto" }, item.label)),
    item.detail ? el("small", {}, item.detail) : null,
  ];
}
