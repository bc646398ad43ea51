/**
 * What I wrote and the server has not confirmed. An entry is kept in this browser before it is shown, sent in the order
 * of writing, and sent again after every reconnect with the same `mid` and `rev`: the server answers a repetition with
 * the first result, so a message arrives exactly once, however often the connection breaks or the page is reloaded.
 *
 * Few entries are on their way at once: if the server refuses one because there are too many, those sent a moment later
 * may be accepted and overtake it. Where many wait, or one was refused so, entries go one by one until none waits. An
 * entry that is refused for another passing reason waits alone.
 */
import { keep, keysOf, recall } from "../platform/storage.js";

/**
 * @typedef {object} Entry
 * @property {string} room
 * @property {number} at
 * @property {number} order
 * @property {Record<string, any> & { mid: string, rev: number, kind: string }} msg
 * @property {{ code?: string, message?: string }} [error]  refused for good, until retried by hand
 */

/** Refusals that pass by themselves, after which an entry is sent again. */
const PASSING = new Set(["unavailable", "rate_limited", "overloaded", "internal", "busy", "lagging"]);
const WAIT_MS = 1500;
const WAIT_MOST_MS = 30_000;
/** Entries on their way at once: fewer than the 120 commands that the server accepts at once. */
const WINDOW = 50;

export class Outbox {
  #prefix;
  #send;
  #done;
  /** Keys of the entries that were sent and are not answered. @type {Set<string>} */
  #inFlight = new Set();
  /** How many may be on their way. */
  #window = WINDOW;
  /** The server has had too much: nothing is sent until the wait that it asked for is over. */
  #paused = false;
  /** Keys of entries that were refused for another passing reason and wait alone. @type {Set<string>} */
  #postponed = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #order = Date.now();
  #closed = false;

  /**
   * @param {string} uid
   * @param {(entry: Entry) => Promise<any>} send
   * @param {(entry: Entry, answer: any, error: Entry["error"] | null) => void} done  confirmed, or refused for good
   */
  constructor(uid, send, done) {
    this.#prefix = `outbox.${uid}.`;
    this.#send = send;
    this.#done = done;
  }

  /** @returns {Entry[]} oldest first */
  entries() {
    const found = keysOf(this.#prefix).map((key) => /** @type {Entry | null} */ (recall(key)));
    return found.filter((entry) => entry !== null).sort((a, b) => a.order - b.order);
  }

  /**
   * @param {string} room
   * @param {Entry["msg"]} msg
   */
  add(room, msg) {
    const entry = { room, at: Date.now(), order: (this.#order += 1), msg };
    keep(this.#key(entry), entry);
    this.#sendNext();
    return entry;
  }

  /** After a connect: waits that were asked for on an older connection do not count. */
  flush() {
    this.#window = this.entries().length > WINDOW ? 1 : WINDOW;
    this.#resume();
  }

  /** Sends a refused entry again. @param {string} mid */
  retry(mid) {
    for (const { error: _, ...entry } of this.entries().filter((each) => each.msg.mid === mid)) {
      keep(this.#key(entry), entry);
    }
    this.#resume();
  }

  /** Forgets all entries of a message. @param {string} mid */
  discard(mid) {
    for (const entry of this.entries()) if (entry.msg.mid === mid) keep(this.#key(entry), null);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  /** @param {Entry} entry */
  #key(entry) {
    return `${this.#prefix}${entry.msg.mid}.${entry.msg.rev}`;
  }

  #resume() {
    clearTimeout(this.#retry);
    this.#paused = false;
    this.#postponed.clear();
    this.#sendNext();
  }

  /** Sends what waits, the oldest first, as far as the window reaches. */
  #sendNext() {
    if (this.#closed || this.#paused) return;
    for (const entry of this.entries()) {
      if (this.#inFlight.size >= this.#window) return;
      const key = this.#key(entry);
      if (!entry.error && !this.#inFlight.has(key) && !this.#postponed.has(key)) this.#sendOne(entry);
    }
    if (this.#inFlight.size === 0) this.#window = WINDOW;
  }

  /** @param {Entry} entry */
  #sendOne(entry) {
    const key = this.#key(entry);
    this.#inFlight.add(key);
    this.#send(entry).then(
      (answer) => {
        this.#inFlight.delete(key);
        keep(key, null);
        this.#done(entry, answer, null);
        this.#sendNext();
      },
      (error) => {
        this.#inFlight.delete(key);
        if (this.#closed || error?.code === "offline") return;
        if (PASSING.has(error?.code)) {
          this.#wait(key, error);
        } else {
          const refused = { code: error?.code, message: error?.message };
          keep(key, { ...entry, error: refused });
          this.#done(entry, null, refused);
        }
        this.#sendNext();
      },
    );
  }

  /**
   * @param {string} key
   * @param {{ code: string, retryMs?: number }} refusal
   */
  #wait(key, refusal) {
    if (refusal.code === "rate_limited") {
      this.#paused = true;
      this.#window = 1;
    } else {
      this.#postponed.add(key);
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#resume(), Math.min(WAIT_MOST_MS, refusal.retryMs || WAIT_MS));
  }
}
