/** Short notes at the lower edge, said politely to screen readers, with at most one button. */
import { el } from "./element.js";
import { rememberFocus } from "./focus.js";

const SHOWN_MS = 4000;
const SHOWN_MAX = 3;

/** @type {HTMLElement | null} */
let notes = null;

/**
 * @param {string} message
 * @param {{ label: string, act: () => void }} [button]
 * @param {number} [ms]
 */
export function toast(message, button, ms = SHOWN_MS) {
  const back = rememberFocus();
  const note = el(
    "div",
    { class: "toast" },
    el("span", {}, message),
    button
      ? el(
          "button",
          {
            type: "button",
            click: () => {
              note.remove();
              button.act();
              back();
            },
          },
          button.label,
        )
      : null,
  );
  const node = prepareToasts();
  moveToTop(node);
  node.append(note);
  const leave = () => {
    // Whoever has come as far as to the button is not led away from it.
    if (note.contains(document.activeElement)) note.addEventListener("focusout", () => note.remove(), { once: true });
    else note.remove();
  };
  setTimeout(leave, ms);
  while (node.children.length > SHOWN_MAX) node.firstElementChild?.remove();
}

/** Puts the empty place for notes into the page: a screen reader must know it before the first note. */
export function prepareToasts() {
  if (notes) return notes;
  const node = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
  notes = node;
  document.body.append(node);
  // The event does not bubble, but on its way down it is here before the dialog goes.
  document.addEventListener("close", () => moveToTop(node), true);
  return node;
}

/** Nothing outside of an open dialog can be reached, so the notes live in the topmost one. @param {HTMLElement} node */
function moveToTop(node) {
  const home = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (node.parentElement !== home) home.append(node);
}
