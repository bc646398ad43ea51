/**
 * Search over everything that the server can read: as one types, newest first, page by page. What was found follows
 * what happens meanwhile: a message that is deleted or changed, a room that was left. Encrypted chats have a search of
 * their own (`encryption/search.js`).
 */
import { readRoom } from "../calls/rooms.js";
import { findMessages } from "../calls/search.js";
import { keep, recall } from "../platform/storage.js";
import { clock } from "./clock.js";
import { knownMessage } from "./known_messages.js";
import { sentFor, whereOf } from "./search_query.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").Failure & { retryMs?: number }} Failure */
/** @typedef {import("../calls/search.js").FoundPage} FoundPage */
/** `isMine`: I was in its room. @typedef {import("../calls/search.js").Found & { isMine: boolean }} Found */
/** @typedef {{ find: typeof findMessages, readRoom: typeof readRoom }} Calls */

/** The server is asked once no key has been pressed for so long. */
const PAUSE_MS = 150;
/** More are not shown: it takes more words. */
const FOUND_MAX = 500;
/** The longest wait before it tries again by itself. */
const AGAIN_MAX_MS = 60_000;

const RECENT = "searches.";
const RECENT_MAX = 8;
/** Characters; a longer one is not kept. */
const RECENT_LENGTH_MAX = 200;

export class MessageSearch {
  /** @type {Found[]} */
  found = [];
  /** Whether an answer has come for what is typed. */
  isAnswered = false;
  isRunning = false;
  /** Whether there may be older ones. */
  hasMore = false;
  /** Whether the last page ended because it took too long. */
  isSlow = false;
  /** Whether only the beginning of the query counted. */
  isCut = false;
  encrypted = 0;
  /** @type {string[]} */
  unknown = [];
  /** @type {Failure | null} */
  error = null;
  /** Open rooms in which something was found and in which I am not. @type {Map<string, Room>} */
  rooms = new Map();
  changed = () => {};
  #store;
  #users;
  #calls;
  #q = "";
  /** The room that is looked in, if only one is. @type {string | null} */
  #room = null;
  #epoch = "";
  /** @type {string | undefined} */
  #cursor;
  /** What was asked for last. @type {"anew" | "onward"} */
  #way = "anew";
  #asked = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #wasOnline;
  /** The timelines that were compared last, by room. @type {Map<string, unknown>} */
  #seen = new Map();
  #end;

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {Pick<import("./users.js").Users, "need">} parts.users
   * @param {Calls} parts.calls
   */
  constructor({ store, users, calls }) {
    this.#store = store;
    this.#users = users;
    this.#calls = calls;
    this.#wasOnline = store.state.connection.online;
    this.#end = store.subscribe(() => this.#follow());
  }

  get isFull() {
    return this.found.length >= FOUND_MAX;
  }

  /** Whether something is looked for. */
  get isAsked() {
    return Boolean(this.#q);
  }

  /**
   * Somebody types: looks a moment after the last key.
   *
   * @param {string} text
   * @param {string | null} room
   * @param {"open" | "known"} [end]  whether an operator at the end names something that is known
   */
  type(text, room, end = "open") {
    this.#want(text, room, end);
  }

  /** The text is finished: looks at once. @param {string} text @param {string | null} room */
  enter(text, room) {
    this.#want(text, room, "closed");
  }

  /** Goes on with older ones. */
  more() {
    if (!this.hasMore || this.isRunning || this.isFull) return;
    void this.#ask("onward");
  }

  /** Tries again what failed. */
  retry() {
    if (this.error) void this.#ask(this.#way);
  }

  /** Gives up what is under way; it can be typed again. */
  stop() {
    clearTimeout(this.#timer);
    this.#asked.abort();
    this.isRunning = false;
  }

  close() {
    this.stop();
    this.#end();
  }

  /**
   * @param {string} text
   * @param {string | null} room
   * @param {"open" | "known" | "closed"} end
   */
  #want(text, room, end) {
    const known = room === null ? undefined : this.#store.state.rooms.get(room);
    const q = sentFor(text, { end, where: known ? whereOf(known) : "" });
    if (end !== "closed" && q === this.#q && room === this.#room) return;
    this.stop();
    this.#q = q;
    this.#room = known && q.startsWith(whereOf(known)) ? room : null;
    this.hasMore = false;
    if (!q) return this.#empty();
    if (end === "closed") return void this.#ask("anew");
    this.isRunning = true;
    this.changed();
    this.#timer = setTimeout(() => void this.#ask("anew"), PAUSE_MS);
  }

  #empty() {
    this.found = [];
    this.isAnswered = false;
    this.hasMore = false;
    this.error = null;
    this.isCut = false;
    this.encrypted = 0;
    this.unknown = [];
    this.changed();
  }

  /** @param {"anew" | "onward"} way */
  async #ask(way) {
    this.stop();
    const asked = (this.#asked = new AbortController());
    this.#way = way;
    this.isRunning = true;
    this.error = null;
    this.changed();
    try {
      await this.#read(way, asked.signal);
    } catch (error) {
      if (!asked.signal.aborted) this.#fail(/** @type {Failure} */ (error));
    }
    if (asked.signal.aborted) return;
    this.isRunning = false;
    this.changed();
  }

  /** @param {"anew" | "onward"} way @param {AbortSignal} signal @returns {Promise<void>} */
  async #read(way, signal) {
    const me = this.#store.state.me?.uid ?? "";
    const cursor = way === "onward" ? this.#cursor : undefined;
    const tz = -new Date(clock.now()).getTimezoneOffset();
    let page = await this.#calls.find({ q: this.#q, cursor, tz }, me, signal);
    // A slow search that has found nothing yet goes on by itself, once.
    if (!signal.aborted && !page.results.length && page.cursor && page.cut.includes("time")) {
      const { cut } = page;
      page = await this.#calls.find({ q: this.#q, cursor: page.cursor, tz }, me, signal);
      if (cut.includes("query")) page.cut.push("query");
    }
    if (signal.aborted) return;
    // The server was restored meanwhile: what came before counts no more.
    if (way === "onward" && page.epoch !== this.#epoch) return this.#read("anew", signal);
    this.#takeIn(page, way);
  }

  /** @param {FoundPage} page @param {"anew" | "onward"} way */
  #takeIn(page, way) {
    const { rooms } = this.#store.state;
    const before = way === "onward" ? this.found : [];
    const known = new Set(before.map(({ room, message }) => `${room} ${message.mid}`));
    const fresh = page.results
      .filter(({ room, message }) => !known.has(`${room} ${message.mid}`))
      // Two rooms may have one name.
      .filter(({ room }) => this.#room === null || room === this.#room)
      .map((found) => ({ ...found, isMine: rooms.has(found.room) }));
    this.found = [...before, ...fresh].slice(0, FOUND_MAX);
    this.isAnswered = true;
    this.hasMore = page.cursor !== undefined;
    this.isSlow = page.cut.includes("time");
    this.isCut = page.cut.includes("query");
    this.encrypted = page.encrypted;
    this.unknown = page.unknown;
    this.#epoch = page.epoch;
    this.#cursor = page.cursor;
    for (const { room, message, isMine } of fresh) {
      this.#users.need(message.by);
      this.#seen.delete(room);
      if (!isMine) void this.#learn(room);
    }
    this.#follow();
  }

  /** What an open room is called in which I am not. @param {string} id */
  async #learn(id) {
    if (this.rooms.has(id)) return;
    const room = await this.#calls.readRoom(id).catch(() => null);
    if (!room || this.rooms.has(id)) return;
    this.rooms.set(id, room);
    this.changed();
  }

  /** @param {Failure} error */
  #fail(error) {
    this.error = error;
    // What is shown was found for other words.
    if (this.#way === "anew") this.found = [];
    // A cursor that is not taken any more leads nowhere.
    if (error.code === "bad_request") this.hasMore = false;
    if (error.retryMs) this.#timer = setTimeout(() => this.retry(), Math.min(error.retryMs, AGAIN_MAX_MS));
  }

  /** The state has changed, and with it perhaps what was found. */
  #follow() {
    const { connection, rooms, timelines } = this.#store.state;
    if (connection.online && !this.#wasOnline && this.error?.code === "network") this.retry();
    this.#wasOnline = connection.online;
    let isSame = true;
    const next = this.found.flatMap((found) => {
      const now = found.isMine && !rooms.has(found.room) ? null : this.#newest(found);
      if (now !== found) isSame = false;
      return now ? [now] : [];
    });
    for (const { room } of this.found) this.#seen.set(room, timelines.get(room));
    if (isSame) return;
    this.found = next;
    this.changed();
  }

  /** What was found, as it is now where its room is loaded. @param {Found} found @returns {Found} */
  #newest(found) {
    const timeline = this.#store.state.timelines.get(found.room);
    if (!timeline || timeline === this.#seen.get(found.room)) return found;
    const message = knownMessage(this.#store.state, found.room, found.message.mid);
    if (!message || message.seq <= found.message.seq) return found;
    return { ...found, message, marks: message.t === found.message.t ? found.marks : [] };
  }
}

/** Searches, and what was searched last in this browser. */
export class SearchActions {
  #store;
  #users;

  /** @param {{ store: import("./store.js").Store, users: import("./users.js").Users }} parts */
  constructor({ store, users }) {
    this.#store = store;
    this.#users = users;
  }

  /** A search that looks for nothing yet. */
  begin() {
    return new MessageSearch({ store: this.#store, users: this.#users, calls: { find: findMessages, readRoom } });
  }

  /** What I searched last, the latest first. @returns {string[]} */
  recent() {
    const kept = recall(this.#key);
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string").slice(0, RECENT_MAX) : [];
  }

  /** @param {string} text */
  remember(text) {
    const wanted = text.trim();
    if (!wanted || wanted.length > RECENT_LENGTH_MAX) return;
    keep(this.#key, [wanted, ...this.recent().filter((each) => each !== wanted)].slice(0, RECENT_MAX));
  }

  forgetRecent() {
    keep(this.#key, null);
  }

  get #key() {
    return RECENT + (this.#store.state.me?.uid ?? "");
  }
}
