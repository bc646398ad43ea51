/**
 * What I said and the server has not confirmed. Kept in this browser before it is shown, sent in the order it was
 * written, sent again after every reconnect with the same `mid` and `rev`: the server answers a repetition with the
 * first result, so a message arrives exactly once however often the line breaks or the page is reloaded.
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
const PASSING = new Set(["offline", "unavailable", "rate_limited", "overloaded", "internal", "busy", "lagging"]);
const WAIT_MS = 1500;
const WAIT_MOST_MS = 30_000;

export class Outbox {
  #prefix;
  #send;
  #done;
  /** @type {Set<string>} */
  #flying = new Set();
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
    this.#fly(entry);
    return entry;
  }

  /** Sends everything that waits. */
  flush() {
    for (const entry of this.entries()) if (!entry.error) this.#fly(entry);
  }

  /** @param {string} mid */
  retry(mid) {
    for (const { error: _, ...entry } of this.entries().filter((each) => each.msg.mid === mid)) {
      keep(this.#key(entry), entry);
      this.#fly(entry);
    }
  }

  /** @param {string} mid */
  discard(mid) {
    for (const entry of this.entries()) if (entry.msg.mid === mid) keep(this.#key(entry), null);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  /** Forgets everything: the person signed out. */
  clear() {
    this.close();
    for (const key of keysOf(this.#prefix)) keep(key, null);
  }

  /** @param {Entry} entry */
  #key(entry) {
    return `${this.#prefix}${entry.msg.mid}.${entry.msg.rev}`;
  }

  /** @param {Entry} entry */
  #fly(entry) {
    const key = this.#key(entry);
    if (this.#flying.has(key) || this.#closed) return;
    this.#flying.add(key);
    this.#send(entry).then(
      (answer) => {
        this.#flying.delete(key);
        keep(key, null);
        this.#done(entry, answer, null);
      },
      (error) => {
        this.#flying.delete(key);
        if (this.#closed) return;
        if (!PASSING.has(error?.code)) {
          const refused = { code: error?.code, message: error?.message };
          keep(key, { ...entry, error: refused });
          this.#done(entry, null, refused);
        } else if (error.code !== "offline") {
          clearTimeout(this.#retry);
          this.#retry = setTimeout(() => this.flush(), Math.min(WAIT_MOST_MS, error.retry_ms || WAIT_MS));
        }
      },
    );
  }
}
