/**
 * What I said and the server has not confirmed. Kept in this browser before it is shown, sent in the order it was
 * written, sent again after every reconnect with the same `mid` and `rev`: the server answers a repetition with the
 * first result, so a message arrives exactly once however often the line breaks or the page is reloaded.
 *
 * Not much of it at once: what a server refuses because it is too much would be overtaken by what it takes a moment
 * later. Where much waits, or there was too much, it goes one by one until nothing waits. What cannot be done now for
 * another reason holds up nobody.
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

/** Refusals that pass by themselves. */
const PASSING = new Set(["unavailable", "rate_limited", "overloaded", "internal", "busy", "lagging"]);
const WAIT_MS = 1500;
const WAIT_MOST_MS = 30_000;
/** On their way at once: fewer than the 120 commands that a server takes in one go. */
const WINDOW = 50;

export class Outbox {
  #prefix;
  #send;
  #done;
  /** @type {Set<string>} */
  #flying = new Set();
  /** How many may be on their way. */
  #window = WINDOW;
  /** There was too much: nothing is sent until the server's time is over. */
  #heldBack = false;
  /** What could not be done for another reason, and waits for that time alone. @type {Set<string>} */
  #resting = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #order = Date.now();
  #closed = false;

  /**
   * @param {string} uid
   * @param {(entry: Entry) => Promise<any>} send
   * @param {(entry: Entry, answer: any, error: Entry["error"] | null) => void} done
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
    this.#go();
    return entry;
  }

  /** After a connect: what an older line was refused does not matter. */
  flush() {
    this.#window = this.entries().length > WINDOW ? 1 : WINDOW;
    this.#goOn();
  }

  /** @param {string} mid */
  retry(mid) {
    for (const { error: _, ...entry } of this.entries().filter((each) => each.msg.mid === mid)) {
      keep(this.#key(entry), entry);
    }
    this.#goOn();
  }

  /** @param {string} mid */
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

  #goOn() {
    clearTimeout(this.#retry);
    this.#heldBack = false;
    this.#resting.clear();
    this.#go();
  }

  /** Sends what waits, the oldest first, as far as it may. */
  #go() {
    if (this.#closed || this.#heldBack) return;
    for (const entry of this.entries()) {
      if (this.#flying.size >= this.#window) return;
      const key = this.#key(entry);
      if (!entry.error && !this.#flying.has(key) && !this.#resting.has(key)) this.#fly(entry);
    }
    if (this.#flying.size === 0) this.#window = WINDOW;
  }

  /** @param {Entry} entry */
  #fly(entry) {
    const key = this.#key(entry);
    this.#flying.add(key);
    this.#send(entry).then(
      (answer) => {
        this.#flying.delete(key);
        keep(key, null);
        this.#done(entry, answer, null);
        this.#go();
      },
      (error) => {
        this.#flying.delete(key);
        if (this.#closed || error?.code === "offline") return;
        if (PASSING.has(error?.code)) {
          this.#wait(key, error);
        } else {
          const refused = { code: error?.code, message: error?.message };
          keep(key, { ...entry, error: refused });
          this.#done(entry, null, refused);
        }
        this.#go();
      },
    );
  }

  /**
   * @param {string} key
   * @param {{ code: string, retryMs?: number }} refusal
   */
  #wait(key, refusal) {
    if (refusal.code === "rate_limited") {
      this.#heldBack = true;
      this.#window = 1;
    } else {
      this.#resting.add(key);
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#goOn(), Math.min(WAIT_MOST_MS, refusal.retryMs || WAIT_MS));
  }
}
