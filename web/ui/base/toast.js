/** Short notes at the lower edge, said politely to screen readers, with at most one button. */
import { el } from "./element.js";

const SHOWN_MS = 4000;

export function createToasts() {
  const node = el("div", { class: "toasts", role: "status", "aria-live": "polite" });

  /** Nothing outside of an open dialog can be reached, so the notes live in the topmost one. */
  function settle() {
    const home = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
    if (node.parentElement !== home) home.append(node);
  }

  // The event does not bubble, but on its way down it is here before the dialog goes.
  document.addEventListener("close", settle, true);

  /**
   * @param {string} message
   * @param {{ label: string, act: () => void }} [button]
   * @param {number} [ms]
   */
  function toast(message, button, ms = SHOWN_MS) {
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
              },
            },
            button.label,
          )
        : null,
    );
    settle();
    node.append(note);
    setTimeout(() => note.remove(), ms);
    while (node.children.length > 3) node.firstElementChild?.remove();
  }

  return { node, toast };
}
