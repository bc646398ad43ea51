/**
 * What I wrote and the server has not confirmed. An entry is kept in this browser before it is shown, sent in the order
 * of writing, and sent again after every reconnect with the same `mid` and `rev`: the server answers a repetition with
 * the first result, so a message arrives exactly once, however often the connection breaks or the page is reloaded.
 *
 * The tabs of a browser share one outbox, and one of them at a time sends what all have written.
 *
 * Entries of encrypted rooms have an outbox of their own, of the same class, on a shelf that keeps nothing in clear.
 *
 * Few entries are on their way at once: if the server refuses one because there are too many, those sent a moment later
 * may be accepted and overtake it. Where many wait, or one was refused so, entries go one by one until none waits. An
 * entry that is refused for another passing reason waits alone. Refusals in a row make the waits longer.
 */
import { whileAlone } from "../platform/alone.js";
import { keep, keysOf, recall, watchKeptUnder } from "../platform/storage.js";

/**
 * Where entries are kept. What is kept can be read at once; `ready` and `refresh` are there where other tabs may have
 * written what is not known here yet.
 *
 * @typedef {object} Shelf
 * @property {(key: string, value: any) => void} keep  null forgets
 * @property {(key: string) => unknown} recall
 * @property {(start: string) => string[]} keysOf
 * @property {(start: string, changed: (key: string, value: unknown) => void) => () => void} watchKeptUnder
 * @property {() => Promise<void>} [refresh]  what is kept is read anew
 * @property {() => Promise<void>} [written]  until what was to be kept is kept
 */
import { clock } from "./clock.js";

/**
 * @typedef {object} Entry
 * @property {string} room
 * @property {number} at
 * @property {number} order
 * @property {Record<string, any> & { mid: string, rev: number, kind: string }} msg
 * @property {{ code?: string, message?: string, detail?: any }} [error]  refused for good, until retried by hand
 */

/** Whether a message can be sent, waits for its files, or cannot be because of one of them. */
/** @typedef {"ready" | "waiting" | NonNullable<Entry["error"]>} Readiness */

/** Refusals that pass by themselves, after which an entry is sent again. */
const PASSING = new Set(["unavailable", "rate_limited", "overloaded", "internal", "busy", "lagging", "waiting"]);
const WAIT_MS = 1500;
const WAIT_MOST_MS = 30_000;
/** Entries on their way at once: fewer than the 120 commands that the server accepts at once. */
const WINDOW = 50;
/** An entry after which the server closes the socket so often is never sent again. */
const STRIKES = 2;
/** A tab whose turn it is and that finishes nothing for so long is frozen. */
const STUCK_MS = 8000;
const TOO_LARGE_CLOSE = 1009;

/** @type {Shelf} */
const OPEN_SHELF = { keep, recall, keysOf, watchKeptUnder };

export class Outbox {
  #prefix;
  #shelf;
  /** One entry of each room is on its way at a time: each is built on what came of those before. */
  #isInTurn;
  #send;
  #done;
  #readiness;
  #unwatch;
  /** What is kept, by key: read anew for each turn and connection, and kept up with what all tabs write. */
  #known = /** @type {Map<string, Entry> | null} */ (null);
  #online = false;
  #closed = false;
  /** Ends my turn, while it is mine. @type {(() => void) | null} */
  #endTurn = null;
  #isWaitingForTurn = false;
  /** When an entry was last written or finished by any tab. */
  #movedAt = 0;
  /** Sent and not answered, by key. @type {Map<string, Entry>} */
  #inFlight = new Map();
  /** Answers that named no command. */
  #unread = 0;
  /** How many may be on their way. */
  #window = WINDOW;
  /** The server has had too much: nothing is sent until the wait that it asked for is over. */
  #paused = false;
  /** Refusals that pass, since the last entry that was taken. */
  #refusals = 0;
  /** Keys of entries that were refused for another passing reason and wait alone. @type {Set<string>} */
  #postponed = new Set();
  /** How often the server has closed the socket with an entry on its way, by key. @type {Map<string, number>} */
  #strikes = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {string} uid
   * @param {object} calls
   * @param {(entry: Entry) => Promise<any>} calls.send
   * @param {(entry: Entry, answer: any, error: Entry["error"] | null) => void} calls.done  confirmed, or refused
   * @param {(mid: string, entry: Entry | null) => void} [calls.shared]  another tab has written, refused or finished it
   * @param {(msg: Entry["msg"]) => Readiness} [calls.readiness]  whether the files of a message are with the server
   * @param {Shelf} [encrypted]  the shelf of an outbox for encrypted rooms
   */
  constructor(uid, { send, done, shared = () => {}, readiness = () => "ready" }, encrypted) {
    this.#prefix = encrypted ? `sealed.${uid}.` : `outbox.${uid}.`;
    this.#shelf = encrypted ?? OPEN_SHELF;
    this.#isInTurn = encrypted !== undefined;
    this.#send = send;
    this.#done = done;
    this.#readiness = readiness;
    this.#unwatch = this.#shelf.watchKeptUnder(this.#prefix, (key, value) => {
      this.#movedAt = performance.now();
      this.#note(key, this.#entryAt(key));
      shared(key.slice(this.#prefix.length).replace(/\.\d+$/, ""), /** @type {Entry | null} */ (value));
      this.#sendNext();
    });
  }

  /** @returns {Entry[]} oldest first */
  entries() {
    this.#known ??= this.#read();
    return [...this.#known.values()].sort(
      (a, b) => a.order - b.order || (a.msg.mid < b.msg.mid ? -1 : Number(a.msg.mid > b.msg.mid)),
    );
  }

  /**
   * @param {string} room
   * @param {Entry["msg"]} msg
   */
  add(room, msg) {
    // After everything that any tab has written, whatever the clocks do, and whether this tab has heard of it or not.
    this.#known = null;
    const last = this.entries().at(-1) ?? { at: 0, order: 0 };
    const at = Math.max(clock.now(), last.at + 1);
    const entry = { room, at, order: Math.max(Date.now(), last.order + 1), msg };
    this.#keep(this.#key(entry), entry);
    this.#sendNext();
    return entry;
  }

  /** Until what was added is kept; undefined if that is so already. */
  written() {
    return this.#shelf.written?.();
  }

  /** After a connect: waits that were asked for on an older connection do not count. */
  flush() {
    this.#online = true;
    this.#known = null;
    this.#window = this.#strikes.size || this.entries().length > WINDOW ? 1 : WINDOW;
    this.#resume();
  }

  /** The connection is gone: what was on its way waits for the next, and another tab may send it. */
  lineLost() {
    this.#online = false;
    this.#inFlight.clear();
    this.#unread = 0;
    this.#endTurn?.();
  }

  /**
   * The server could not read an entry and does not say which. The others are still answered: what is left then is it.
   */
  unrelated() {
    this.#unread += 1;
    this.#refuseUnread();
  }

  /** Sends a refused entry again. @param {string} mid */
  retry(mid) {
    for (const { error: _, ...entry } of this.entries().filter((each) => each.msg.mid === mid)) {
      this.#keep(this.#key(entry), entry);
    }
    this.#resume();
  }

  /** Forgets all entries of a message. @param {string} mid */
  discard(mid) {
    for (const entry of this.entries()) if (entry.msg.mid === mid) this.#keep(this.#key(entry), null);
  }

  /** Files of messages have arrived, or failed. */
  filesChanged() {
    this.#postponed.clear();
    this.#sendNext();
  }

  /** What entries were postponed for may be so now. */
  wake() {
    if (this.#online) this.#resume();
  }

  /** Keeps a refused entry to be read, which is not sent by itself any more. @param {Entry} entry */
  setAside(entry) {
    this.#keep(this.#key(entry), entry);
  }

  close() {
    this.#closed = true;
    this.#unwatch();
    this.#endTurn?.();
    clearTimeout(this.#retry);
  }

  #read() {
    /** @type {Map<string, Entry>} */
    const known = new Map();
    for (const key of this.#shelf.keysOf(this.#prefix)) {
      const entry = this.#entryAt(key);
      if (entry) known.set(key, entry);
    }
    return known;
  }

  /** @param {string} key @param {Entry | null} entry  null forgets */
  #keep(key, entry) {
    this.#shelf.keep(key, entry);
    this.#note(key, entry);
  }

  /** @param {string} key @param {Entry | null} entry */
  #note(key, entry) {
    if (entry) this.#known?.set(key, entry);
    else this.#known?.delete(key);
  }

  /**
   * What is kept under a key, unless it is no entry of that key: that could be neither sent nor forgotten.
   *
   * @param {string} key
   */
  #entryAt(key) {
    const entry = this.#shelf.recall(key);
    return isEntry(entry) && this.#key(entry) === key ? entry : null;
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
    if (this.#closed || !this.#online || this.#paused || this.#unread) return;
    const waiting = this.#sendable();
    if (!waiting.length) return this.#finish();
    if (!this.#endTurn) return this.#takeTurn();
    /** @type {Set<string>} */
    const busy = new Set();
    for (const entry of waiting) {
      if (this.#inFlight.size >= this.#window) return;
      const key = this.#key(entry);
      const readiness = this.#readiness(entry.msg);
      if (typeof readiness === "object") {
        this.#refuse(key, entry, readiness);
        continue;
      }
      if (this.#isInTurn && busy.has(entry.room)) continue;
      busy.add(entry.room);
      if (!this.#inFlight.has(key) && !this.#postponed.has(key)) this.#sendOne(key);
    }
    if (this.#inFlight.size === 0) this.#window = WINDOW;
  }

  /** What may be sent now, the oldest first: no message overtakes one of its room with files until that is there. */
  #sendable() {
    /** @type {Set<string>} */
    const held = new Set();
    return this.entries().filter(({ room, msg, error }) => {
      const isNew = msg.kind === "msg" && msg.rev === 0;
      if (error || (isNew && held.has(room))) return false;
      const hasFiles = isNew && Boolean(msg["f"]?.length);
      if (hasFiles) held.add(room);
      return !hasFiles || this.#readiness(msg) !== "waiting";
    });
  }

  /** Nothing can be sent any more. */
  #finish() {
    this.#window = WINDOW;
    this.#endTurn?.();
  }

  #takeTurn() {
    if (this.#isWaitingForTurn) return;
    this.#isWaitingForTurn = true;
    this.#movedAt = performance.now();
    const isStuck = () => this.#online && performance.now() - this.#movedAt > STUCK_MS;
    const turn = (/** @type {AbortSignal} */ lost) =>
      new Promise((/** @type {(value: void) => void} */ resolve) => {
        this.#isWaitingForTurn = false;
        this.#endTurn = () => {
          this.#endTurn = null;
          resolve();
        };
        lost.addEventListener("abort", () => this.#endTurn?.());
        void this.#beginTurn();
      });
    void whileAlone(this.#prefix, turn, isStuck);
  }

  /** Begins with what all tabs have written. */
  async #beginTurn() {
    if (this.#shelf.refresh) await this.#shelf.refresh();
    this.#known = null;
    if (this.#closed || !this.#online) this.#endTurn?.();
    else this.#sendNext();
  }

  /** @param {string} key */
  #sendOne(key) {
    // Another tab may just have forgotten it.
    const kept = this.#entryAt(key);
    this.#note(key, kept);
    if (!kept || kept.error) return;
    // Of its own: an attempt from before the loss of a line, which may end later, is not taken for this one.
    const entry = { ...kept };
    this.#inFlight.set(key, entry);
    const settle = (/** @type {any} */ answer, /** @type {any} */ error) => {
      // After the loss of the line, and for what was refused meanwhile, there is nothing to settle.
      const isMine = this.#inFlight.get(key) === entry;
      if (isMine) this.#inFlight.delete(key);
      if (error?.closed) this.#strike(key, entry, error.closed);
      if (!isMine || this.#closed || error?.code === "offline") return;
      this.#movedAt = performance.now();
      if (error && PASSING.has(error.code)) this.#wait(key, error);
      else if (error) this.#refuse(key, entry, error);
      else this.#confirm(key, entry, answer);
      this.#refuseUnread();
      this.#sendNext();
    };
    this.#send(entry).then(
      (answer) => settle(answer, null),
      (error) => settle(null, error ?? {}),
    );
  }

  /**
   * @param {string} key
   * @param {Entry} entry
   * @param {any} answer
   */
  #confirm(key, entry, answer) {
    this.#refusals = 0;
    this.#strikes.delete(key);
    this.#keep(key, null);
    this.#done(entry, answer, null);
  }

  /**
   * @param {string} key
   * @param {Entry} entry
   * @param {{ code?: string, message?: string, detail?: any }} refusal
   */
  #refuse(key, entry, { code, message, detail }) {
    const error = {
      ...(code === undefined ? {} : { code }),
      ...(message === undefined ? {} : { message }),
      ...(detail === undefined ? {} : { detail }),
    };
    this.#strikes.delete(key);
    this.#keep(key, { ...entry, error });
    this.#done(entry, null, error);
  }

  #refuseUnread() {
    if (!this.#unread || this.#inFlight.size > this.#unread) return;
    this.#unread = 0;
    for (const [key, entry] of this.#inFlight) {
      this.#inFlight.delete(key);
      this.#refuse(key, entry, { code: "bad_request" });
    }
    this.#sendNext();
  }

  /**
   * The server would not go on after what was on its way. Of several, the next connection tells which: there each goes
   * alone.
   *
   * @param {string} key
   * @param {Entry} entry
   * @param {number} closed
   */
  #strike(key, entry, closed) {
    const strikes = (this.#strikes.get(key) ?? 0) + 1;
    this.#strikes.set(key, strikes);
    if (strikes >= STRIKES) this.#refuse(key, entry, { code: closed === TOO_LARGE_CLOSE ? "too_long" : "bad_request" });
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
    const wait = (refusal.retryMs || WAIT_MS) * 2 ** Math.min(this.#refusals, 16);
    this.#refusals += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#resume(), Math.min(WAIT_MOST_MS, wait));
  }
}

/**
 * Whether something kept in this browser is an entry: anybody may have written there, by hand or by another program.
 *
 * @param {any} kept
 * @returns {kept is Entry}
 */
function isEntry(kept) {
  const { room, at, order, msg, error } = kept ?? {};
  const { mid, rev, kind, t, re, m, f, ref, e } = msg ?? {};
  const isText = (/** @type {unknown} */ value) => typeof value === "string";
  const isMessage = kind === "del" || (kind === "react" ? isText(ref) && isText(e) : kind === "msg" && isText(t));
  return (
    [room, mid].every(isText) &&
    [at, order, rev].every(Number.isFinite) &&
    isMessage &&
    (re === undefined || isText(re)) &&
    (m === undefined || (Array.isArray(m) && m.every(isText))) &&
    (f === undefined || (Array.isArray(f) && f.every((each) => isText(each?.id) || isText(each?.key)))) &&
    (error === undefined || typeof error === "object")
  );
}
