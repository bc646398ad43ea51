/** Typing notices: when mine are sent, and how those of others are shown. */
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { nameOf } from "../people/people.js";

/** A typing notice lasts five seconds at the others: one every three keeps it alive. */
const TYPING_MS = 3000;
/**
 * Each message ends its notice. In a burst of short messages only so many notices are sent again within so long,
 * because notices count as commands, too.
 */
const NOTICES_MAX = 10;
const NOTICES_MS = 10_000;

/** Decides when a typing notice is due. */
export class TypingNotices {
  #lastAt = -Infinity;
  /** When the last notices were sent. @type {number[]} */
  #sent = [];

  /** Whether to send one now; then it counts as sent. @param {number} now */
  isDue(now) {
    if (now - this.#lastAt < TYPING_MS) return false;
    this.#sent = this.#sent.filter((at) => now - at < NOTICES_MS);
    if (this.#sent.length >= NOTICES_MAX) return false;
    this.#sent.push(now);
    this.#lastAt = now;
    return true;
  }

  /** A message was sent, which ends the notice at the others. */
  messageSent() {
    this.#lastAt = -Infinity;
  }
}

/**
 * @param {HTMLElement} node
 * @param {import("../../state/types.js").State} state
 * @param {string} room
 */
export function drawTyping(node, state, room) {
  const names = (state.typing.get(room) ?? []).filter((uid) => uid !== state.me?.uid).map((uid) => nameOf(state, uid));
  const text = typingText(names);
  if (node.textContent === text) return;
  fill(
    node,
    text
      ? [el("span", { class: "typing-dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), el("span", {}, text)]
      : null,
  );
}

/** @param {string[]} names */
function typingText(names) {
  const [a = "", b = ""] = names;
  if (names.length > 2) return t("typing_many");
  if (names.length === 2) return t("typing_two", { a, b });
  return names.length ? t("typing_one", { a }) : "";
}
