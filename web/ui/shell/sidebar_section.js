/** A part of the list of rooms under its heading, which folds it. This browser remembers what is folded. */
import { foldedSections, setFoldedSection } from "../../platform/preferences.js";
import { el, place } from "../base/element.js";
import { icon } from "../base/icons.js";

/** @typedef {{ node: HTMLElement, stays: boolean }} Entry  `stays` when the section is folded, too */

/**
 * @param {string} id
 * @param {string} title
 * @param {() => void} changed  after it was folded or unfolded
 * @param {...HTMLElement} buttons
 */
export function createSection(id, title, changed, ...buttons) {
  let folded = foldedSections().includes(id);
  const list = el("ul", { id: `section-${id}` });
  const toggle = el(
    "button",
    {
      type: "button",
      class: "section-toggle",
      "aria-controls": list.id,
      "aria-expanded": String(!folded),
      click: () => {
        folded = !folded;
        setFoldedSection(id, folded);
        toggle.setAttribute("aria-expanded", String(!folded));
        changed();
      },
    },
    el("span", {}, title),
    icon("chevron"),
  );
  const head = el("div", { class: "section-head" }, el("h2", {}, toggle), el("span", {}, buttons));
  return {
    nodes: [head, list],
    /** @param {Entry[]} entries */
    show(entries) {
      place(
        list,
        entries.filter((entry) => !folded || entry.stays).map((entry) => entry.node),
      );
    },
    /** @param {boolean} hidden */
    hide(hidden) {
      head.hidden = list.hidden = hidden;
    },
  };
}
