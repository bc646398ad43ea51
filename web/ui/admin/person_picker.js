/** Finding one person by a few letters: a field with a list below it. */
import { listUsers } from "../../calls/admin.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { createListbox } from "../base/listbox.js";
import { SEARCH_MS } from "./parts.js";
import { face, nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */

const SHOWN_MAX = 6;

/**
 * @param {object} options
 * @param {string} options.label
 * @param {string} [options.state]  which people are offered
 * @param {boolean} [options.required]
 * @param {(user: Account | null) => void} [options.chosen]
 */
export function createPersonPicker(options) {
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  let asked = 0;
  /** @type {Account | null} */
  let value = null;
  const list = createListbox({
    label: options.label,
    class: "picker-list",
    row: (/** @type {Account} */ user) => [
      face(user, "small"),
      el(
        "span",
        { class: "option-text" },
        el("strong", { dir: "auto" }, nameOf(user)),
        el("small", { dir: "auto" }, `@${user.username}`),
      ),
    ],
    choose,
  });
  const input = el("input", {
    class: "input",
    type: "text",
    role: "combobox",
    "aria-expanded": "false",
    "aria-label": options.label,
    placeholder: t("find_people"),
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    required: options.required,
    input: () => {
      set(null);
      clearTimeout(timer);
      timer = setTimeout(search, SEARCH_MS);
    },
    blur: () => fold(),
    keydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.isComposing || !list.size) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") list.move(event.key === "ArrowDown" ? 1 : -1);
      else if (event.key === "Enter") list.choose();
      else if (event.key === "Escape") fold();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
  });
  list.attach(input);
  list.node.hidden = true;

  async function search() {
    const mine = (asked += 1);
    const q = input.value.trim();
    const found = q
      ? (await listUsers({ q, state: options.state ?? "", limit: SHOWN_MAX }).catch(() => ({ users: [] }))).users
      : [];
    if (mine !== asked || document.activeElement !== input) return;
    list.show(found);
    list.node.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    list.node.scrollIntoView({ block: "nearest" });
  }

  function fold() {
    asked += 1;
    list.clear();
    list.node.hidden = true;
    input.setAttribute("aria-expanded", "false");
  }

  /** @param {Account} user */
  function choose(user) {
    set(user);
    input.value = nameOf(user);
    fold();
  }

  /** @param {Account | null} user */
  function set(user) {
    if (value === user) return;
    value = user;
    options.chosen?.(user);
  }

  return {
    node: el("div", { class: "picker" }, input, list.node),
    input,
    get value() {
      return value;
    },
    clear() {
      value = null;
      input.value = "";
    },
  };
}
