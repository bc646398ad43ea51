/** Short notes at the lower edge, said politely to screen readers, with at most one button. */
import { el } from "./element.js";

const SHOWN_MS = 4000;

export function createToasts() {
  const node = el("div", { class: "toasts", role: "status", "aria-live": "polite" });

  /**
   * @param {string} message
   * @param {{ label: string, act: () => void }} [button]
   * @param {number} [ms]
   */
  function toast(message, button, ms = SHOWN_MS) {
    const note = el("div", { class: "toast" }, el("span", {}, message),
      button ? el("button", { type: "button", click: () => { note.remove(); button.act(); } }, button.label) : null);
    node.append(note);
    setTimeout(() => note.remove(), ms);
    while (node.children.length > 3) node.firstElementChild?.remove();
  }

  return { node, toast };
}
