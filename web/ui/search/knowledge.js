/** What a search can name: people, rooms and days. People beyond those who are known are asked for as one types. */
import { recentRooms } from "../../platform/preferences.js";
import { clock } from "../../state/clock.js";
import { partBefore } from "../../state/search_query.js";
import { dateOf, dayOf } from "../base/dates.js";
import { debounce } from "../base/debounce.js";
import { t } from "../base/i18n.js";
import { chosenNameOf, roomName } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

const DAY_MS = 24 * 3600_000;

export class Knowledge {
  #store;
  #actions;
  /** What is typed of a person's name. */
  #begun = "";
  #ask;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {() => void} learned
   */
  constructor(store, actions, learned) {
    this.#store = store;
    this.#actions = actions;
    this.#ask = debounce(() => {
      if (!this.#begun) return;
      actions.users.search(this.#begun).then(learned, () => {});
    });
  }

  /**
   * @param {string} text
   * @param {number} cursor
   * @returns {import("./suggestions.js").Known}
   */
  now(text, cursor) {
    const part = partBefore(text, cursor);
    const begun = part?.operator === "from" ? part.value.replace(/^@/, "") : "";
    if (begun !== this.#begun) {
      this.#begun = begun;
      this.#ask();
    }
    const { state } = this.#store;
    const operator = part?.operator;
    return {
      people: operator === "from" ? people(state) : [],
      rooms: operator === "in" ? rooms(state) : [],
      days: operator === "before" || operator === "after" ? days() : [],
      recent: text.trim() ? [] : this.#actions.search.recent(),
    };
  }
}

/** I first, as `me`, then everybody who is known. @param {State} state */
function people(state) {
  const me = state.me?.uid ?? "";
  const others = [...state.users.values()].filter(({ uid, removed, username }) => uid !== me && !removed && username);
  return [
    { username: "me", name: t("search_me", { name: chosenNameOf(state, me) }) },
    ...others.map(({ uid, username }) => ({ username, name: chosenNameOf(state, uid) })),
  ];
}

/** Those that were open last first. Encrypted ones the server cannot search. @param {State} state */
function rooms(state) {
  const recent = recentRooms();
  const rank = (/** @type {Room} */ { id }) => (recent.includes(id) ? recent.indexOf(id) : recent.length);
  return [...state.rooms.values()]
    .filter((room) => !room.e2ee)
    .sort((a, b) => rank(a) - rank(b))
    .map((room) => ({ value: valueOf(state, room), name: roomName(state, room) }));
}

/** By what a room is named in a query. @param {State} state @param {Room} room */
function valueOf(state, room) {
  if (room.kind !== "dm") return /["“”„«»]/.test(room.name) ? room.id : room.name;
  const peer = room.peer ? state.users.get(room.peer)?.username : "";
  return peer ? `@${peer}` : room.id;
}

/** Days, months and years that people mean, as a query has them. */
function days() {
  const now = clock.now();
  const near = [0, 1, 7, 30].map((ago) => now - ago * DAY_MS);
  const today = isoDay(now);
  const year = Number(today.slice(0, 4));
  return [
    ...near.map((at, index) => ({ value: isoDay(at), name: index < 2 ? dayOf(at) : dateOf(at) })),
    { value: today.slice(0, 7), name: "" },
    { value: String(year), name: "" },
    { value: String(year - 1), name: "" },
  ];
}

/** A day where the reader is, as 2026-05-01. @param {number} at */
function isoDay(at) {
  const date = new Date(at);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
