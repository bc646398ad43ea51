/** The text field of the composer: it grows with its text and says when there is too much of it. */
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { isSeen } from "../base/letters.js";
import { typeInto } from "../base/typing.js";
import { marked } from "./text.js";

/** Longest message, in characters. */
const TEXT_MAX = 8000;
/** So many are left when they are counted. */
const COUNTED = 500;

export class Field {
  #changed;
  over = el("span", { class: "composer-over", role: "alert" });
  left = el("span", { class: "composer-count" });

  /**
   * @param {"enter" | "send"} enterKey  what the Enter key of a phone is called
   * @param {(text: string) => void} changed  after every change, also by the program
   */
  constructor(enterKey, changed) {
    this.#changed = changed;
    this.node = el("textarea", {
      rows: "1",
      dir: "auto",
      enterkeyhint: enterKey,
      autocomplete: "off",
      "aria-describedby": "composer-foot",
    });
  }

  get text() {
    return this.node.value;
  }

  /** @param {string} text */
  write(text) {
    this.node.value = text;
    this.node.setSelectionRange(text.length, text.length);
    this.measure();
  }

  /** With something above what is written, where the caret stays. @param {string} text */
  writeAbove(text) {
    const behind = this.text.length - this.node.selectionEnd;
    this.write(text);
    this.node.setSelectionRange(text.length - behind, text.length - behind);
  }

  /** In the place of what is selected. @param {string} text */
  insert(text) {
    typeInto(this.node, text);
  }

  /** @param {string} mark */
  mark(mark) {
    const { start, end, text, from, to } = marked(this.node, mark);
    typeInto(this.node, text, start, end);
    this.node.setSelectionRange(from, to);
  }

  /** Whether its text can be sent. */
  get isSendable() {
    return isSeen(this.text) && this.#excess <= 0;
  }

  /** Whether there is too much of it. */
  get isTooLong() {
    return this.#excess > 0;
  }

  get #excess() {
    return [...this.text].length - TEXT_MAX;
  }

  /** Takes the height that its text needs, and reports the text. */
  measure() {
    this.node.style.blockSize = "auto";
    this.node.style.blockSize = `${this.node.scrollHeight}px`;
    const excess = this.#excess;
    const unseen = this.text.trim() && !isSeen(this.text) ? t("nothing_to_see") : "";
    setText(this.over, excess > 0 ? t("too_long", { n: excess }) : unseen);
    setText(this.left, excess > -COUNTED && excess <= 0 ? t("characters_left", { n: -excess }) : "");
    this.#changed(this.text);
  }
}
