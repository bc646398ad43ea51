/**
 * Search over everything the server can read: beside the room on a desk, over the whole screen on a phone. What was
 * found stays until it is closed, so one result after the other can be looked at; on a phone "back" leads to it again.
 */
import { namesRoom } from "../../state/search_query.js";
import { addressedRoom, navigate, onNavigation } from "../base/navigation.js";
import { isComposing } from "../base/composing.js";
import { takesText } from "../base/drops.js";
import { el, fill } from "../base/element.js";
import { rememberFocus } from "../base/focus.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { parseRoute, roomPath } from "../base/routes.js";
import { typeInto } from "../base/typing.js";
import { roomName } from "../people/people.js";
import { Knowledge } from "./knowledge.js";
import { createNotes } from "./notes.js";
import { Options } from "./options.js";
import { Results } from "./results.js";
import { suggestionRow } from "./suggestion_row.js";
import { isKnown, suggestionsFor } from "./suggestions.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("./suggestions.js").Suggestion} Suggestion */

/** This close to the end of the list asks for more. */
const NEAR_PX = 500;
/** A phone shows either the search or a room. */
const NARROW = "(max-width: 47.99rem)";

/** @type {SearchPanel | null} */
let panel = null;
let isFollowing = false;

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string | null} room  to look in; null for everywhere
 */
export function openSearch(store, actions, room) {
  if (!isFollowing) onNavigation(() => panel?.followAddress());
  isFollowing = true;
  if (panel?.isOutdated) panel.end();
  panel ??= new SearchPanel(store, actions, () => (panel = null));
  panel.open(room);
}

class SearchPanel {
  #store;
  #actions;
  #ended;
  #search;
  #results = new Results(
    (found) => this.#lead(found.room, found.message.mid),
    () => this.#draw(),
  );
  #knowledge;
  /** The room that may be looked in alone. @type {string | null} */
  #room = null;
  #isEverywhere = true;
  /** Whether it only makes room for a result. */
  #isLeft = false;
  #language = document.documentElement.lang;
  #uid;
  #back = () => {};
  #unsubscribe;
  #input = el("input", {
    class: "input",
    // Not a search field: Escape would empty it.
    type: "text",
    enterkeyhint: "search",
    role: "combobox",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    dir: "auto",
    "aria-label": t("search_messages"),
    placeholder: t("search_messages"),
    input: (/** @type {InputEvent} */ event) => {
      if (!isComposing(event)) this.#typed();
    },
    compositionend: () => this.#typed(),
    click: () => this.#draw(),
    keyup: (/** @type {KeyboardEvent} */ event) => {
      if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) this.#draw();
    },
    keydown: (/** @type {KeyboardEvent} */ event) => this.#pressed(event),
  });
  #options = new Options(this.#input, t("search_results"));
  /** The suggestions in the page, by what they say. @type {Map<string, HTMLElement>} */
  #offers = new Map();
  #scope = el("div", { class: "search-scope", role: "group", "aria-label": t("search_scope") });
  #notes;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {() => void} ended
   */
  constructor(store, actions, ended) {
    this.#store = store;
    this.#actions = actions;
    this.#ended = ended;
    this.#uid = store.state.me?.uid;
    this.#search = actions.search.begin();
    this.#search.changed = () => this.#draw();
    this.#knowledge = new Knowledge(store, actions, () => {
      this.#ask();
      this.#draw();
    });
    this.#notes = createNotes(store, actions, {
      search: this.#search,
      text: () => this.#input.value.trim(),
      goOn: () => this.#goOn(),
    });
    this.node = el(
      "aside",
      { class: "search-panel", role: "search", "aria-label": t("search_messages"), hidden: true },
      el(
        "header",
        { class: "search-bar" },
        this.#input,
        el(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": t("close"),
            title: t("close"),
            click: () => this.#close(),
          },
          icon("close"),
        ),
      ),
      this.#scope,
      this.#notes.above,
      this.#options.node,
      this.#notes.foot,
    );
    this.node.addEventListener("keydown", (event) => this.#pressedAnywhere(event));
    this.#options.node.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#unsubscribe = store.subscribe(() => this.#follow());
    document.body.append(this.node);
  }

  /** Whether it speaks another language, or belongs to somebody else. */
  get isOutdated() {
    return this.#language !== document.documentElement.lang || this.#uid !== this.#store.state.me?.uid;
  }

  /** @param {string | null} room */
  open(room) {
    if (!this.node.contains(document.activeElement)) this.#back = rememberFocus();
    const isSame = (!this.node.hidden || this.#isLeft) && this.#scopeRoom === room;
    this.#isLeft = false;
    this.#room = room ?? plainRoom(this.#store.state, addressedRoom());
    this.#isEverywhere = room === null;
    if (isNarrow() && !history.state?.search) history.pushState({ search: true }, "", location.href);
    this.#show();
    this.#input.focus();
    this.#input.select();
    // Whoever comes back from a result goes on to the next one.
    if (isSame) return this.#draw();
    this.#search.enter(this.#input.value, this.#scopeRoom);
    this.#options.unmark();
    this.#draw();
  }

  /** On a phone the search is a place of its own in the history. */
  followAddress() {
    if (parseRoute(location).name === "admin") return this.#hide();
    if (!isNarrow()) return this.#draw();
    const isHere = Boolean(history.state?.search);
    if (!isHere) return this.#hide();
    this.#show();
    this.#draw();
  }

  end() {
    this.#search.close();
    this.#unsubscribe();
    this.node.remove();
    this.#ended();
  }

  get #scopeRoom() {
    return this.#isEverywhere ? null : this.#room;
  }

  #show() {
    this.node.hidden = false;
  }

  #hide() {
    if (this.node.hidden) return;
    const hadFocus = this.node.contains(document.activeElement);
    this.node.hidden = true;
    this.#search.stop();
    if (hadFocus) this.#back();
    // What it was over is looked at again.
    this.#store.notifyLater();
  }

  #close() {
    if (isNarrow() && history.state?.search) history.back();
    else this.#hide();
  }

  #follow() {
    if (this.#store.state.phase !== "signed_in" || this.isOutdated) return this.end();
    if (!this.node.hidden) this.#draw();
  }

  #typed() {
    this.#options.unmark();
    this.#ask();
    this.#draw();
  }

  /** Asks for what is typed, if that is something else by now. */
  #ask() {
    const { value } = this.#input;
    const end = isKnown(value, value.length, this.#offered(value.length)) ? "known" : "open";
    this.#search.type(value, this.#scopeRoom, end);
  }

  /** @param {boolean} isEverywhere */
  #look(isEverywhere) {
    this.#isEverywhere = isEverywhere;
    this.#search.enter(this.#input.value, this.#scopeRoom);
    this.#options.unmark();
    this.#draw();
    this.#focusField();
  }

  #draw() {
    if (this.node.hidden) return;
    const { state } = this.#store;
    const suggestions = this.#suggestions();
    this.#drawScope();
    this.#options.show([
      { key: "offered", label: t("suggestions"), isShown: false, choices: suggestions },
      ...this.#results.groups(state, this.#search, this.#scopeRoom),
    ]);
    this.#notes.update();
  }

  #drawScope() {
    const room = this.#room === null ? undefined : this.#store.state.rooms.get(this.#room);
    const labels = room
      ? [t("search_in_room", { room: roomName(this.#store.state, room) }), t("search_everywhere")]
      : [];
    this.#scope.hidden = !labels.length;
    // A query may say itself where to look.
    const isEverywhere = this.#isEverywhere || namesRoom(this.#input.value);
    const drawn = JSON.stringify([labels, isEverywhere]);
    if (this.#scope.dataset["drawn"] === drawn) return;
    this.#scope.dataset["drawn"] = drawn;
    fill(
      this.#scope,
      labels.map((label, index) =>
        el(
          "button",
          {
            type: "button",
            class: "search-place",
            dir: "auto",
            "aria-pressed": String(isEverywhere === Boolean(index)),
            click: () => this.#look(Boolean(index)),
          },
          label,
        ),
      ),
    );
  }

  /** @param {number} cursor */
  #offered(cursor) {
    const { value } = this.#input;
    return suggestionsFor(value, cursor, this.#knowledge.now(value, cursor));
  }

  #suggestions() {
    const offered = this.#offered(this.#input.selectionStart ?? this.#input.value.length);
    const before = this.#offers;
    this.#offers = new Map();
    const choices = offered.map((suggestion) =>
      this.#offer(before, JSON.stringify(suggestion), suggestion, () => this.#take(suggestion)),
    );
    if (!offered.some(({ kind }) => kind === "recent")) return choices;
    return [...choices, this.#offer(before, "forget", "forget", () => this.#forget())];
  }

  /**
   * The row of a suggestion, which stays the same while it is offered.
   *
   * @param {Map<string, HTMLElement>} before
   * @param {string} key
   * @param {Suggestion | "forget"} suggestion
   * @param {() => void} choose
   */
  #offer(before, key, suggestion, choose) {
    const node = before.get(key) ?? suggestionRow(suggestion);
    this.#offers.set(key, node);
    return { key: `offered ${key}`, node, choose };
  }

  /** @param {Suggestion} suggestion */
  #take({ kind, text, from, to }) {
    typeInto(this.#input, text, from, to);
    this.#options.unmark();
    if (kind !== "recent") return this.#draw();
    this.#enter();
  }

  #forget() {
    this.#actions.search.forgetRecent();
    this.#options.unmark();
    this.#draw();
  }

  #enter() {
    this.#actions.search.remember(this.#input.value);
    this.#search.enter(this.#input.value, this.#scopeRoom);
    // The keys of a phone would cover what is found.
    if (!matchMedia("(hover: hover)").matches) this.#input.blur();
  }

  /** @param {string} room @param {string} mid */
  #lead(room, mid) {
    this.#actions.search.remember(this.#input.value);
    navigate(roomPath(room, mid));
    if (isWide() || this.node.hidden) return;
    // It would cover the message.
    this.#hide();
    this.#isLeft = true;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown") this.#goDown();
    else if (event.key === "ArrowUp") this.#options.move(-1);
    else if (event.key === "Enter" && this.#options.marked) this.#options.marked.choose();
    else if (event.key === "Enter") this.#enter();
    else return;
    event.preventDefault();
  }

  #goDown() {
    if (!this.#options.move(1)) this.#search.more();
  }

  /** @param {KeyboardEvent} event */
  #pressedAnywhere(event) {
    if (event.defaultPrevented || isComposing(event)) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.#close();
    } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
      // Whoever types on a button goes on with the words.
      if (!takesText(document.activeElement)) this.#input.focus();
    }
  }

  #goOn() {
    const { error } = this.#search;
    if (error) this.#search.retry();
    else this.#search.more();
    this.#focusField();
  }

  /** Back to the field, unless that brings up the keys of a phone. */
  #focusField() {
    if (matchMedia("(hover: hover)").matches) this.#input.focus();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#options.node;
    const { isSlow, error } = this.#search;
    if (scrollHeight - scrollTop - clientHeight < NEAR_PX && !isSlow && !error) this.#search.more();
  }
}

/**
 * A room of mine that the server can search, or null.
 *
 * @param {import("../../state/types.js").State} state
 * @param {string | null} id
 */
function plainRoom(state, id) {
  const room = id === null ? undefined : state.rooms.get(id);
  return room && !room.e2ee ? room.id : null;
}

/** Whether there is space for rooms, messages and search beside each other. */
function isWide() {
  return matchMedia("(min-width: 72rem)").matches;
}

function isNarrow() {
  return matchMedia(NARROW).matches;
}
