/**
 * A list of choices under a text field, driven by the field's own keys: up, down, Enter. The focus stays in the
 * field; screen readers follow `aria-activedescendant`.
 */
import { el } from "./element.js";

let instances = 0;

/**
 * @template T
 * @param {object} options
 * @param {string} options.label
 * @param {string} options.class
 * @param {(item: T) => import("./element.js").Children} options.row
 * @param {(item: T) => void} options.choose
 */
export function createListbox(options) {
  const id = `list-${(instances += 1)}`;
  const node = el("div", { id, role: "listbox", class: options.class, "aria-label": options.label });
  /** @type {T[]} */
  let items = [];
  let active = 0;
  /** @type {HTMLElement | null} */
  let field = null;

  function mark() {
    [...node.children].forEach((child, index) => child.setAttribute("aria-selected", String(index === active)));
    const chosen = node.children[active];
    node.hidden = !items.length;
    if (field) {
      if (chosen) field.setAttribute("aria-activedescendant", chosen.id);
      else field.removeAttribute("aria-activedescendant");
    }
    chosen?.scrollIntoView({ block: "nearest" });
  }

  return {
    node,
    /** @param {HTMLElement} input */
    attach(input) {
      field = input;
      field.setAttribute("aria-controls", id);
      field.setAttribute("aria-autocomplete", "list");
    },
    /** @param {T[]} next @param {number} [first]  the chosen one; -1 for none until a key moves */
    show(next, first = 0) {
      items = next;
      active = first;
      node.replaceChildren(
        ...items.map((item, index) =>
          el(
            "div",
            {
              role: "option",
              id: `${id}-${index}`,
              class: "option",
              mousedown: (/** @type {Event} */ event) => event.preventDefault(),
              click: () => options.choose(item),
            },
            options.row(item),
          ),
        ),
      );
      mark();
    },
    get size() {
      return items.length;
    },
    /** The one that Enter would take. */
    get chosen() {
      return items[active];
    },
    /** @param {number} step */
    move(step) {
      if (!items.length) return;
      active = active < 0 ? (step > 0 ? 0 : items.length - 1) : (active + step + items.length) % items.length;
      mark();
    },
    /** None is the chosen one until a key moves. */
    unmark() {
      active = -1;
      mark();
    },
    choose() {
      const item = items[active];
      if (item !== undefined) options.choose(item);
    },
    clear() {
      items = [];
      node.replaceChildren();
      mark();
    },
  };
}
