/**
 * Suggestions for `@name` and `:emoji:` above the composer: Tab or Enter takes one, Esc closes. While a word may still
 * find something, Tab waits for it and leads nowhere else.
 */
import { EVERYBODY } from "../../state/attention.js";
import { debounce } from "../base/debounce.js";
import { el } from "../base/element.js";
import { findEmoji, inTone, loadEmoji } from "../base/emoji.js";
import { t } from "../base/i18n.js";
import { createListbox } from "../base/listbox.js";
import { typeInto } from "../base/typing.js";
import { avatar, chosenNameOf, presenceOf } from "../people/people.js";
import { unfinishedWord } from "./text.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("./text.js").Unfinished} Unfinished */
/** @typedef {{ text: string, glyph?: string, uid?: string, label: string, detail: string }} Suggestion */

const SHOWN_MAX = 8;
/** Letters after a sign for which Tab waits. */
const LETTERS_MIN = { "@": 1, ":": 2 };

export class Completion {
  #store;
  #people;
  #field;
  #list;
  /** The word that the suggestions are for. @type {Unfinished | null} */
  #word = null;
  /** The word whose suggestions were closed: the keys are the field's again. */
  #closedFor = "";
  /** Tab was pressed before there was anything to take. */
  #awaited = false;
  #askSoon = debounce(() => this.#ask());

  /**
   * @param {Store} store
   * @param {import("./room_people.js").RoomPeople} people
   * @param {HTMLTextAreaElement} field
   */
  constructor(store, people, field) {
    this.#store = store;
    this.#people = people;
    this.#field = field;
    this.#list = createListbox({
      label: t("suggestions"),
      class: "suggestions",
      row: (/** @type {Suggestion} */ item) => row(store.state, item),
      choose: (item) => this.#take(item),
    });
    this.#list.attach(field);
    this.node = this.#list.node;
    this.node.hidden = true;
  }

  /** Shows what fits the word before the caret, if any. */
  suggest() {
    const word = this.#read();
    if (word?.from !== this.#word?.from || word?.sign !== this.#word?.sign) this.#forget();
    this.#word = word;
    if (!word || keyOf(word) === this.#closedFor) return void this.close();
    this.#show(word);
    if (word.sign === "@") this.#askSoon();
    else if (word.letters)
      void loadEmoji().then(
        () => this.#refresh(),
        () => this.close(),
      );
  }

  /** Whether there was something to close. */
  close() {
    const wasOpen = !this.node.hidden || this.#awaited;
    this.#awaited = false;
    this.#list.clear();
    this.node.hidden = true;
    return wasOpen;
  }

  /** By the person: the word stays as it is typed. */
  dismiss() {
    if (this.#word) this.#closedFor = keyOf(this.#word);
    return this.close();
  }

  /**
   * True when the key was for the suggestions.
   *
   * @param {KeyboardEvent} event
   */
  key(event) {
    const isTab = event.key === "Tab" && !event.shiftKey;
    if (this.node.hidden) return isTab && this.#await();
    if (event.key === "ArrowUp" || event.key === "ArrowDown") this.#list.move(event.key === "ArrowUp" ? -1 : 1);
    else if (isTab || (event.key === "Enter" && !event.shiftKey)) this.#list.choose();
    else return false;
    return true;
  }

  /** Tab without suggestions: they are looked for, and the first one is taken once there is one. */
  #await() {
    this.suggest();
    const word = this.#word;
    if (!word || keyOf(word) === this.#closedFor || word.letters.length < LETTERS_MIN[word.sign]) return false;
    if (this.#list.size) this.#list.choose();
    else this.#awaited = true;
    return true;
  }

  #read() {
    const { value, selectionStart, selectionEnd } = this.#field;
    return selectionStart === selectionEnd ? unfinishedWord(value.slice(0, selectionStart)) : null;
  }

  #forget() {
    this.#awaited = false;
    this.#closedFor = "";
  }

  /** After the server or the table has answered. */
  #refresh() {
    const word = this.#read();
    if (!word || !this.#word || keyOf(word) !== keyOf(this.#word) || document.activeElement !== this.#field) return;
    if (keyOf(word) === this.#closedFor) return;
    // What comes later stands behind what is there: the chosen one stays.
    this.#show(word, this.#list.chosen?.text);
    if (this.#awaited && this.#list.size) this.#list.choose();
  }

  async #ask() {
    const letters = this.#word?.sign === "@" ? this.#word.letters : "";
    if (!this.#people.mayFind(letters)) return;
    await this.#people.search(letters);
    this.#refresh();
  }

  /**
   * @param {Unfinished} word
   * @param {string} [chosen]
   */
  #show(word, chosen) {
    const items = word.sign === "@" ? this.#named(word.letters) : emojiFor(word.letters);
    this.node.hidden = !items.length;
    if (items.length)
      this.#list.show(
        items,
        Math.max(
          0,
          items.findIndex((item) => item.text === chosen),
        ),
      );
    else this.#list.clear();
  }

  /** @param {string} letters @returns {Suggestion[]} */
  #named(letters) {
    const { state } = this.#store;
    const people = this.#people.matching(letters).map((user) => ({
      text: `@${user.username}`,
      uid: user.uid,
      label: chosenNameOf(state, user.uid),
      detail: `@${user.username}`,
    }));
    const n = this.#people.everybody;
    if (!n || !EVERYBODY.startsWith(letters.toLowerCase())) return people.slice(0, SHOWN_MAX);
    const everybody = { text: `@${EVERYBODY}`, label: `@${EVERYBODY}`, detail: t("calls_everybody", { n }) };
    // Everybody is called by the whole word, not by the first key.
    if (letters.length === EVERYBODY.length) return [everybody, ...people].slice(0, SHOWN_MAX);
    return [...people.slice(0, SHOWN_MAX - 1), everybody];
  }

  /** @param {Suggestion} item */
  #take(item) {
    const word = this.#read();
    if (!word) return;
    this.close();
    typeInto(this.#field, `${item.text} `, word.from, this.#field.selectionStart);
  }
}

/** @param {Unfinished} word */
function keyOf({ from, sign, letters }) {
  return `${from}${sign}${letters}`;
}

/** @param {string} letters @returns {Suggestion[]} */
function emojiFor(letters) {
  if (letters.length < LETTERS_MIN[":"]) return [];
  return findEmoji(letters, SHOWN_MAX).map((one) => {
    const glyph = inTone(one);
    return { text: glyph, glyph, label: `:${one.name}:`, detail: one.words[0] ?? "" };
  });
}

/**
 * @param {State} state
 * @param {Suggestion} item
 */
function row(state, item) {
  return [
    item.uid
      ? avatar(state, item.uid, { size: "small", presence: presenceOf(state, item.uid) })
      : el("span", { class: "option-glyph" }, item.glyph ?? "@"),
    el("span", { class: "option-text" }, el("strong", { dir: "auto" }, item.label)),
    item.detail ? el("small", {}, item.detail) : null,
  ];
}
