/** Finding one person by a few letters: a field with a list below it. */
import { listUsers } from "../../calls/admin.js";
import { isComposing } from "../base/composing.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { createListbox } from "../base/listbox.js";
import { SEARCH_MS } from "./parts.js";
import { face, nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */

const SHOWN_MAX = 6;

/**
 * @typedef {object} Options
 * @property {string} label
 * @property {string} [state]  which people are offered
 * @property {boolean} [required]
 * @property {(user: Account | null) => void} [chosen]
 */

export class PersonPicker {
  #options;
  #timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  #asked = 0;
  /** @type {Account | null} */
  #value = null;
  #list;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#list = createListbox({
      label: options.label,
      class: "picker-list",
      row: personRow,
      choose: (user) => this.#choose(user),
    });
    this.input = this.#createInput();
    this.#list.attach(this.input);
    this.#list.node.hidden = true;
    this.node = el("div", { class: "picker" }, this.input, this.#list.node);
  }

  get value() {
    return this.#value;
  }

  clear() {
    this.#value = null;
    this.input.value = "";
  }

  #createInput() {
    return el("input", {
      class: "input",
      type: "text",
      role: "combobox",
      "aria-expanded": "false",
      "aria-label": this.#options.label,
      placeholder: t("find_people"),
      autocomplete: "off",
      spellcheck: "false",
      dir: "auto",
      required: this.#options.required,
      input: () => {
        this.#set(null);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#search(), SEARCH_MS);
      },
      blur: () => this.#fold(),
      keydown: (/** @type {KeyboardEvent} */ event) => this.#press(event),
    });
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const list = this.#list;
    if (isComposing(event) || !list.size) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") list.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") list.choose();
    else if (event.key === "Escape") this.#fold();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async #search() {
    const mine = (this.#asked += 1);
    const found = await this.#find(this.input.value.trim());
    if (mine !== this.#asked || document.activeElement !== this.input) return;
    this.#list.show(found);
    this.#list.node.hidden = found.length === 0;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.#list.node.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} q */
  async #find(q) {
    if (!q) return [];
    const wanted = { q, state: this.#options.state ?? "", limit: SHOWN_MAX };
    return (await listUsers(wanted).catch(() => ({ users: [] }))).users;
  }

  #fold() {
    this.#asked += 1;
    this.#list.clear();
    this.#list.node.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
  }

  /** @param {Account} user */
  #choose(user) {
    this.#set(user);
    this.input.value = nameOf(user);
    this.#fold();
  }

  /** @param {Account | null} user */
  #set(user) {
    if (this.#value === user) return;
    this.#value = user;
    this.#options.chosen?.(user);
  }
}

/** @param {Account} user */
function personRow(user) {
  return [
    face(user, "small"),
    el(
      "span",
      { class: "option-text" },
      el("strong", { dir: "auto" }, nameOf(user)),
      el("small", { dir: "auto" }, `@${user.username}`),
    ),
  ];
}
