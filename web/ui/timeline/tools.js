/**
 * The ways to what can be done with a message. One small toolbar follows the pointer or the keyboard from row to row;
 * on touch a tap on a message opens the menu. In the list Enter and the menu key open it.
 */
import { copyText } from "../base/clipboard.js";
import { el } from "../base/element.js";
import { QUICK } from "../base/emoji.js";
import { openEmojiPicker } from "../base/doors.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openMessageMenu } from "./menu.js";

/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("./acts.js").MessageActs} MessageActs */
/** @typedef {(act: (message: Message, button: Element) => void) => (event: MouseEvent) => void} WithMessage */

const QUICK_SHOWN = 2;
const GAP_PX = 4;
/** The height of a message of one line, in whose middle the tools stand. */
const FIRST_LINE_PX = 28;
/** What stands over a message covers this much of it, so that the pointer finds the way. */
const OVERLAP_PX = 8;

/**
 * @param {MessageActs} acts
 * @param {HTMLElement} log
 */
export function createMessageTools(acts, log) {
  let current = /** @type {HTMLElement | null} */ (null);
  /** @type {WithMessage} */
  const withMessage = (act) => (event) => {
    const message = current && find(current);
    if (message) act(message, /** @type {Element} */ (event.currentTarget));
  };
  const tools = toolbar(acts, withMessage);

  /** @param {HTMLElement} row */
  const find = (row) => acts.find(row.dataset["mid"]);

  /** @param {HTMLElement | null} row */
  function moveTo(row) {
    if (row === current && tools.parentElement === row) return;
    const message = row && find(row);
    current = message && acts.isUsable(message) ? row : null;
    const writes = acts.mayWrite();
    for (const button of tools.children)
      /** @type {HTMLElement} */ (button).hidden = !writes && button !== tools.lastElementChild;
    if (!current) return tools.remove();
    current.append(tools);
    standAtLine(tools, current);
  }

  /** @param {HTMLElement} row */
  function openMenu(row) {
    const message = find(row);
    if (!message || !acts.isUsable(message)) return false;
    openMessageMenu(acts, message, row.querySelector(".bubble") ?? row);
    return true;
  }

  log.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") moveTo(rowOf(event));
  });
  log.addEventListener("pointerleave", () => {
    if (!tools.contains(document.activeElement)) moveTo(null);
  });
  log.addEventListener("focusin", (event) => {
    if (rowOf(event)?.matches(":focus-visible, :has(:focus-visible)")) moveTo(rowOf(event));
  });
  log.addEventListener("contextmenu", (event) => {
    // The menu key has opened our own.
    if (isCoarse() || (event.button !== 2 && event.target === rowOf(event))) event.preventDefault();
  });
  log.addEventListener("click", (event) => {
    if (copiesCode(event)) return;
    const row = rowOf(event);
    if (row && isCoarse() && isTapOnText(event)) openMenu(row);
  });
  log.addEventListener("keydown", (event) => {
    const row = rowOf(event);
    if (!row || event.target !== row) return;
    const isMenuKey = event.key === "ContextMenu" || (event.shiftKey && event.key === "F10");
    if ((event.key === "Enter" || isMenuKey) && openMenu(row)) event.preventDefault();
  });

  return { close: () => tools.remove() };
}

/**
 * @param {MessageActs} acts
 * @param {WithMessage} withMessage
 */
function toolbar(acts, withMessage) {
  const react = (/** @type {string} */ emoji) => withMessage((message) => acts.react(message, emoji));
  return el(
    "div",
    { class: "tools", role: "toolbar", "aria-label": t("message_actions") },
    QUICK.slice(0, QUICK_SHOWN).map((emoji) =>
      tool(el("span", { class: "tool-emoji" }, emoji), emoji, `${t("action_react")} ${emoji}`, react(emoji)),
    ),
    pictured(
      "smile",
      t("action_react"),
      withMessage((message, button) => openEmojiPicker((emoji) => acts.react(message, emoji), button)),
      { "aria-haspopup": "dialog" },
    ),
    pictured(
      "reply",
      t("action_reply"),
      withMessage((message) => acts.reply(message)),
    ),
    pictured(
      "more",
      t("more_actions"),
      withMessage((message, button) => openMessageMenu(acts, message, button)),
      { "aria-haspopup": "menu" },
    ),
  );
}

/**
 * Beside what the message says where its line has room, else over its upper edge.
 *
 * @param {HTMLElement} tools
 * @param {HTMLElement} row
 */
function standAtLine(tools, row) {
  const space = row.getBoundingClientRect();
  const line = (row.querySelector(".message-line") ?? row).getBoundingClientRect();
  const { width, height } = tools.getBoundingClientRect();
  const before = line.left - space.left;
  const after = space.right - line.right;
  const isAfter = after >= before;
  const fits = Math.max(before, after) >= width + GAP_PX;
  const beside = isAfter ? line.right + GAP_PX : line.left - GAP_PX - width;
  const over = isAfter ? line.right - width : line.left;
  const top = line.top - space.top - (fits ? (height - FIRST_LINE_PX) / 2 : height - OVERLAP_PX);
  Object.assign(tools.style, { left: `${(fits ? beside : over) - space.left}px`, top: `${top}px` });
}

/** Copies a block of code whose button was pressed. @param {Event} event */
function copiesCode(event) {
  const button = event.target instanceof Element ? event.target.closest(".code-copy") : null;
  const code = button?.closest(".code")?.querySelector("code");
  if (code) void copyText(code.textContent ?? "");
  return Boolean(code);
}

/** @param {Event} event */
function rowOf(event) {
  return event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest(".message")) : null;
}

/** A tap on what a message says, not on something in it, and not the end of a selection. @param {Event} event */
function isTapOnText(event) {
  const target = /** @type {Element} */ (event.target);
  return (
    Boolean(target.closest(".bubble")) && !target.closest("a, button, video, audio") && !String(getSelection() ?? "")
  );
}

function isCoarse() {
  return matchMedia("(pointer: coarse)").matches;
}

/**
 * @param {string} picture
 * @param {string} label
 * @param {(event: MouseEvent) => void} click
 * @param {import("../base/element.js").Props} [more]
 */
function pictured(picture, label, click, more = {}) {
  return tool(icon(picture), label, label, click, more);
}

/**
 * @param {Node} content
 * @param {string} tip
 * @param {string} label
 * @param {(event: MouseEvent) => void} click
 * @param {import("../base/element.js").Props} [more]
 */
function tool(content, tip, label, click, more = {}) {
  return el(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: tip, click, ...more },
    content,
  );
}
