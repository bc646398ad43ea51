/**
 * Long messages are folded after twenty lines, with a button that shows the rest. Most messages are short: only those
 * that could be long by their letters are watched, and the browser itself says whether one really is. What reaches
 * into the folded part opens it: a search of the page, a selection, the focus.
 */
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";

/** @typedef {import("./marks.js").MessageMarks} MessageMarks */

/** Lines that are shown of a folded message; the style knows how high they are. */
const FOLD_LINES = 20;
/** Letters on a line of the narrowest page. */
const LETTERS = 32;
/** Less than this hidden is not worth a button. */
const LITTLE_PX = 60;

/**
 * Whether a text could be longer than a folded one on some page.
 *
 * @param {string} text
 */
export function mayBeLong(text) {
  let lines = text.length / LETTERS;
  for (let at = text.indexOf("\n"); at >= 0 && lines <= FOLD_LINES; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines > FOLD_LINES;
}

/**
 * @param {string} mid
 * @param {MessageMarks} marks
 * @param {Node} content
 */
export function foldable(mid, marks, content) {
  const text = el("div", { class: "fold-text", scroll: follow }, content);
  const button = el("button", { type: "button", class: "fold-button", click: toggle });
  const node = el("div", { class: "fold" }, text, button);

  /** @param {"cut" | "whole" | "open"} fold */
  function show(fold) {
    node.dataset["fold"] = fold;
    button.setAttribute("aria-expanded", String(fold === "open"));
    setText(button, t(fold === "open" ? "show_less" : "show_all"));
  }

  function open() {
    marks.setUnfolded(mid, true);
    node.dispatchEvent(new CustomEvent("unfold", { bubbles: true }));
    show("open");
  }

  function toggle() {
    if (node.dataset["fold"] !== "open") return open();
    // What is being selected stays.
    if (!getSelection()?.isCollapsed && getSelection()?.containsNode(text, true)) return;
    marks.setUnfolded(mid, false);
    show("cut");
    node.closest(".message")?.scrollIntoView({ block: "nearest" });
  }

  /** Something in the hidden part was brought into view: it stays where the reader sees it. */
  function follow() {
    const by = text.scrollTop;
    if (by <= 0 || node.dataset["fold"] === "open") return;
    open();
    text.scrollTop = 0;
    // The list holds what it showed while it grows, and follows afterwards.
    setTimeout(() => node.closest(".scroller")?.scrollBy({ top: by, behavior: "instant" }));
  }

  if (marks.isUnfolded(mid)) show("open");
  else watch(text, () => show(text.scrollHeight > text.clientHeight + LITTLE_PX ? "cut" : "whole"));
  return node;
}

/** @type {WeakMap<Element, () => void>} */
const watched = new WeakMap();
/** @type {ResizeObserver | undefined} */
let observer;

/**
 * Measures when the browser has laid the page out anyway: once, for what is shown whole never becomes long by itself.
 *
 * @param {Element} node
 * @param {() => void} measure
 */
function watch(node, measure) {
  observer ??= new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (!target.clientHeight) continue;
      observer?.unobserve(target);
      watched.get(target)?.();
    }
  });
  watched.set(node, measure);
  observer.observe(node);
}
