/**
 * A menu beside its button. Up and down walk it, Home and End lead to its ends, a letter to what begins with it; Esc,
 * Tab and a press elsewhere close it.
 */
import { openDialog } from "./dialog.js";
import { el } from "./element.js";
import { icon } from "./icons.js";

/** @typedef {{ picture: string, label: string, act: () => unknown, danger?: boolean | undefined }} Item */

/**
 * @param {object} options
 * @param {string} options.title  said, not shown
 * @param {import("./beside.js").Anchor | null} options.anchor
 * @param {string} [options.heading]  shown above the items
 * @param {(close: () => void) => HTMLElement} [options.above]  shown above the items, instead
 * @param {(Item | null)[]} items  what is null is left out
 */
export function openMenu({ title, anchor, heading, above }, items) {
  openDialog({ title, bare: true, class: "dialog-menu", anchor }, (close) => [
    el(
      "div",
      {
        class: "menu",
        role: "menu",
        "aria-label": title,
        keydown: (/** @type {KeyboardEvent} */ event) => walk(event, close),
      },
      heading ? el("p", { class: "menu-title", dir: "auto", "aria-hidden": "true" }, heading) : null,
      above?.(close),
      items.map((item) => (item ? row(item, close) : null)),
    ),
  ]);
}

/**
 * @param {Item} item
 * @param {() => void} close
 */
function row({ picture, label, act, danger }, close) {
  const click = () => {
    close();
    act();
  };
  return el(
    "button",
    { type: "button", role: "menuitem", class: danger ? "menu-item menu-danger" : "menu-item", click },
    icon(picture),
    el("span", {}, label),
  );
}

/**
 * @param {KeyboardEvent} event
 * @param {() => void} close
 */
function walk(event, close) {
  const menu = /** @type {HTMLElement} */ (event.currentTarget);
  const items = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("[role=menuitem]")]);
  const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[
    event.key
  ];
  const named = next === undefined ? beginningWith(items, at, event) : items.at(next % items.length);
  if (event.key === "Tab") close();
  else named?.focus();
  if (named || event.key === "Tab") event.preventDefault();
}

/**
 * The next item whose words begin with the letter that was typed.
 *
 * @param {HTMLElement[]} items
 * @param {number} at
 * @param {KeyboardEvent} event
 */
function beginningWith(items, at, event) {
  if (event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const letter = event.key.toLowerCase();
  return [...items.slice(at + 1), ...items.slice(0, at + 1)].find((item) =>
    item.textContent?.trim().toLowerCase().startsWith(letter),
  );
}
