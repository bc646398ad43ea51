/**
 * Choices in groups under a text field, driven by the field's own keys. The focus stays in the field; screen readers
 * follow `aria-activedescendant`. What is marked stays so while choices are drawn again, come and go.
 */
import { el, place } from "../base/element.js";

/** By its `key` one is known when it is drawn again.
 * @typedef {{ key: string, node: HTMLElement, choose: () => void }} Choice
 */
/** @typedef {{ key: string, label: string, isShown: boolean, choices: Choice[] }} Group */

let instances = 0;

export class Options {
  #field;
  /** @type {Choice[]} */
  #choices = [];
  /** @type {Map<string, { node: HTMLElement, head: HTMLElement }>} */
  #groups = new Map();
  /** The key of the marked one; null until a key marks one. @type {string | null} */
  #marked = null;
  #id = `options-${(instances += 1)}`;

  /**
   * @param {HTMLElement} field
   * @param {string} label
   */
  constructor(field, label) {
    this.#field = field;
    this.node = el("div", {
      id: this.#id,
      role: "listbox",
      class: "search-list",
      "aria-label": label,
      hidden: true,
      // The field keeps the focus.
      mousedown: (/** @type {Event} */ event) => event.preventDefault(),
      click: (/** @type {MouseEvent} */ event) => this.#clicked(/** @type {Element} */ (event.target)),
    });
    field.setAttribute("aria-controls", this.#id);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-expanded", "false");
  }

  /** @param {Group[]} groups */
  show(groups) {
    const shown = groups.filter(({ choices }) => choices.length);
    const before = this.#groups;
    this.#groups = new Map();
    this.#choices = shown.flatMap(({ choices }) => choices);
    const nodes = shown.map((group) => this.#draw(group, before.get(group.key)));
    place(this.node, nodes);
    this.node.hidden = !nodes.length;
    this.#field.setAttribute("aria-expanded", String(nodes.length > 0));
    for (const [index, { node }] of this.#choices.entries()) node.id = `${this.#id}-${index}`;
    this.#mark(this.#choices.some(({ key }) => key === this.#marked) ? this.#marked : null);
  }

  /** The one that Enter would take. */
  get marked() {
    return this.#choices.find(({ key }) => key === this.#marked);
  }

  /** None is marked until a key marks one. */
  unmark() {
    this.#mark(null);
    this.node.scrollTop = 0;
  }

  /** Marks the next one, or the one before; false if there is none. @param {1 | -1} by */
  move(by) {
    const at = this.#choices.findIndex(({ key }) => key === this.#marked);
    const next = this.#choices[at < 0 ? (by > 0 ? 0 : this.#choices.length - 1) : at + by];
    // Before the first one is the field.
    this.#mark(next?.key ?? (by < 0 ? null : this.#marked));
    next?.node.scrollIntoView({ block: "nearest" });
    return Boolean(next);
  }

  /** @param {string | null} key */
  #mark(key) {
    this.#marked = key;
    let marked = "";
    for (const choice of this.#choices) {
      const isMarked = choice.key === key;
      choice.node.setAttribute("aria-selected", String(isMarked));
      if (isMarked) marked = choice.node.id;
    }
    if (marked) this.#field.setAttribute("aria-activedescendant", marked);
    else this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {Group} group @param {{ node: HTMLElement, head: HTMLElement } | undefined} known */
  #draw({ key, label, isShown, choices }, known) {
    const head = known?.head ?? el("div", { class: "search-day", "aria-hidden": "true" });
    const node = known?.node ?? el("div", { role: "group", class: "search-group" });
    node.setAttribute("aria-label", label);
    head.textContent = isShown ? label : "";
    head.hidden = !isShown;
    place(node, [head, ...choices.map((choice) => choice.node)]);
    this.#groups.set(key, { node, head });
    return node;
  }

  /** @param {Element} target */
  #clicked(target) {
    const choice = this.#choices.find(({ node }) => node.contains(target));
    if (!choice) return;
    this.#mark(choice.key);
    choice.choose();
  }
}
