/** Finding people: a field, and whom the server finds for it. One at a time, or several as chips. */
import { isComposing } from "../base/composing.js";
import { el, fill, setText } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createListbox } from "../base/listbox.js";
import { avatar, nameOf } from "../people/people.js";
import { amongAll, createSearch, faceAndName } from "./people_search.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

/**
 * What a key in the field means; null where the field does what it always does.
 *
 * @param {string} key
 * @param {{ text: string, marked: boolean, chosen: number }} field  `marked` is whether one of the found is
 * @returns {"down" | "up" | "done" | "take" | "remove" | null}
 */
export function meaningOf(key, { text, marked, chosen }) {
  if (key === "ArrowDown") return "down";
  if (key === "ArrowUp") return "up";
  if (key === "Enter") return text.trim() || marked ? "take" : "done";
  return key === "Backspace" && !text && chosen ? "remove" : null;
}

/**
 * Several people, kept as chips above the field. Up and down walk the found ones, Enter takes one, Enter in the empty
 * field is done, Backspace there takes the last one back.
 */
export class PeoplePicker {
  #store;
  #options;
  /** @type {string[]} */
  #chosen = [];
  /** What the list was found for; null until there is one for these chosen. */
  #shownFor = /** @type {string | null} */ (null);
  /** Enter was pressed before the list for what was typed had come. */
  #awaited = false;
  #chips = el("ul", { class: "chips", "aria-label": t("chosen_people"), hidden: true });
  #note = el("p", { class: "results-empty", hidden: true });
  #said = el("p", { class: "hidden-visually", role: "status" });
  #list;
  #search;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {{ most: number, changed?: () => void, done?: () => void }} options
   */
  constructor(store, actions, options) {
    this.#store = store;
    this.#options = options;
    this.#list = createListbox({
      label: t("people"),
      class: "results",
      row: (/** @type {User} */ user) => faceAndName(store, user),
      choose: (user) => this.#add(user.uid),
    });
    const { input, search } = createSearch(
      amongAll(store, actions, (user) => !this.#chosen.includes(user.uid)),
      (users, typed, failed) => this.#show(users, typed, failed),
    );
    this.input = input;
    this.#search = search;
    this.#listen();
    this.node = el(
      "div",
      { class: "people-search people-picker" },
      this.#chips,
      el("div", { class: "search-field" }, input),
      this.#list.node,
      this.#note,
      this.#said,
    );
    void search();
  }

  get chosen() {
    return this.#chosen;
  }

  #listen() {
    const { input } = this;
    input.setAttribute("role", "combobox");
    this.#list.attach(input);
    input.addEventListener("input", () => {
      this.#awaited = false;
    });
    input.addEventListener("keydown", (event) => {
      if (!isComposing(event) && this.#press(event.key)) event.preventDefault();
    });
  }

  /**
   * Does what a key means; false where it has no meaning here.
   *
   * @param {string} key
   */
  #press(key) {
    const { input } = this;
    const marked = input.hasAttribute("aria-activedescendant");
    switch (meaningOf(key, { text: input.value, marked, chosen: this.#chosen.length })) {
      case "down":
        this.#list.move(1);
        return true;
      case "up":
        this.#list.move(-1);
        return true;
      case "done":
        this.#options.done?.();
        return true;
      case "take":
        this.#take();
        return true;
      case "remove":
        this.#remove(/** @type {string} */ (this.#chosen.at(-1)));
        return true;
      default:
        return false;
    }
  }

  /**
   * @param {User[]} users
   * @param {string} typed
   * @param {{ code?: string } | undefined} failed
   */
  #show(users, typed, failed) {
    const list = this.#list;
    const { most } = this.#options;
    const full = this.#chosen.length >= most;
    this.#shownFor = typed;
    // Nothing is chosen for an empty field: there Enter means "done".
    list.show(full ? [] : users, typed ? 0 : -1);
    this.input.setAttribute("aria-expanded", String(list.size > 0));
    this.#note.hidden = list.size > 0 || (!full && !failed && !typed);
    setText(this.#note, failed ? errorText(failed) : t(full ? "picker_full" : "no_match", { n: most }));
    if (document.activeElement === this.input && this.input.value)
      setText(this.#said, t("found_count", { n: list.size }));
    if (this.#awaited && typed === this.input.value.trim()) this.#take();
  }

  /** The one for what stands in the field, not for what stood there a moment ago: that one may still be on its way. */
  #take() {
    this.#awaited = this.input.value.trim() !== this.#shownFor;
    if (this.#awaited) void this.#search();
    else this.#list.choose();
  }

  /** @param {string} uid */
  #add(uid) {
    if (this.#chosen.length >= this.#options.most || this.#chosen.includes(uid)) return;
    this.#chosen = [...this.#chosen, uid];
    this.input.value = "";
    this.#draw(t("taken_in", { name: nameOf(this.#store.state, uid), n: this.#chosen.length }));
  }

  /** @param {string} uid */
  #remove(uid) {
    this.#chosen = this.#chosen.filter((each) => each !== uid);
    this.#draw(t("taken_out", { name: nameOf(this.#store.state, uid) }));
  }

  /** @param {string} said  what became of the chosen, for who does not see it */
  #draw(said) {
    fill(
      this.#chips,
      this.#chosen.map((uid) => this.#chip(uid)),
    );
    this.#chips.hidden = !this.#chosen.length;
    setText(this.#said, said);
    this.input.focus();
    // What the list shows is over: its mark would make the next Enter mean one of these, not "done".
    this.#shownFor = null;
    this.#list.unmark();
    void this.#search();
    this.#options.changed?.();
  }

  /** @param {string} uid */
  #chip(uid) {
    const { state } = this.#store;
    const name = nameOf(state, uid);
    return el(
      "li",
      { class: "chip" },
      avatar(state, uid, { size: "small" }),
      el("span", { dir: "auto" }, name),
      el(
        "button",
        { type: "button", "aria-label": t("take_out", { name }), click: () => this.#remove(uid) },
        icon("close"),
      ),
    );
  }
}
