/**
 * Files on their way to the server, one after the other, in the order in which they were added. Each is sent in pieces,
 * and what is known of it is kept in this browser, so that after a cut line, a reload, or in another tab it goes on
 * where it stopped. The tabs of a browser share the list, and one of them at a time sends.
 */
import { whileAlone } from "../platform/alone.js";
import { keep, keysOf, recall, watchKeptUnder } from "../platform/storage.js";

/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./types.js").Upload} Upload */
/**
 * @typedef {object} Calls
 * @property {typeof import("../calls/files.js").createUpload} createUpload
 * @property {typeof import("../calls/files.js").appendToUpload} appendToUpload
 * @property {typeof import("../calls/files.js").readUpload} readUpload
 * @property {typeof import("../calls/files.js").removeUpload} removeUpload
 */
/**
 * What is kept of a file on its way.
 *
 * @typedef {object} Waiting
 * @property {string} key
 * @property {string} name
 * @property {string} type
 * @property {number} size
 * @property {number} order  after all that any tab added before
 * @property {string} id  by which the server knows it; empty before
 * @property {number} sent  bytes that the server has
 * @property {boolean} isDone
 * @property {boolean} [keepMetadata]
 * @property {Failure} [error]  why it was refused for good, until it is tried again by hand
 * @property {number} [begun]  how often it was begun anew, as the server had it no more
 * @property {number} [moves]  counted for the other tabs, so that they see that it moves
 */

/** Bytes that are sent by one call. */
const PIECE = 4 * 1024 * 1024;
/** How often a file is begun anew by itself. */
const BEGUN_MAX = 3;
const WAIT_MS = 1000;
const WAIT_MOST_MS = 30_000;
/** A tab whose turn it is and that moves nothing for so long is frozen. */
const STUCK_MS = 15_000;
/** How often progress is told in this page, and to the other tabs. */
const TOLD_MS = 150;
const KEPT_MS = 1000;

/** Refusals that pass by themselves, after which a file is sent on. */
const PASSING = new Set([
  "network",
  "timeout",
  "unavailable",
  "rate_limited",
  "overloaded",
  "internal",
  "unauthorized",
]);

export class Uploads {
  #prefix;
  #kept;
  #calls;
  #changed;
  #isWanted;
  #unwatch;
  /** By key. @type {Map<string, Waiting>} */
  #files;
  /** Whether what was kept before the page was loaded is here. */
  #isLoaded = false;
  /** Files whose bytes are nowhere any more. @type {Set<string>} */
  #lost = new Set();
  /** Ids whose offset the server has told since the last cut. @type {Set<string>} */
  #checked = new Set();
  /** What is on its way now. @type {{ key: string, sent: number, stop: AbortController } | null} */
  #current = null;
  #isBusy = false;
  #isOnline = false;
  #isClosed = false;
  #isPaused = false;
  /** In a row, since something went through. */
  #failures = 0;
  #movedAt = 0;
  #toldAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {string} uid
   * @param {object} parts
   * @param {import("./kept_files.js").KeptFiles} parts.kept
   * @param {Calls} parts.calls
   * @param {() => void} parts.changed
   * @param {(key: string) => boolean} [parts.isWanted]  what is not is sent no further for now
   */
  constructor(uid, { kept, calls, changed, isWanted = () => true }) {
    this.#prefix = prefixOf(uid);
    this.#kept = kept;
    this.#calls = calls;
    this.#changed = changed;
    this.#isWanted = isWanted;
    this.#files = this.#read();
    this.#unwatch = watchKeptUnder(this.#prefix, (name, value) => this.#heard(name.slice(this.#prefix.length), value));
  }

  /**
   * What was kept before is here.
   *
   * @param {(key: string) => boolean} [isNeeded]  others are let go
   */
  async loaded(isNeeded = () => true) {
    this.#isLoaded = true;
    for (const key of [...this.#files.keys()]) if (!isNeeded(key)) this.remove(key);
    await Promise.all([...this.#files.keys()].map((key) => this.#findBytes(key)));
    this.#moved();
  }

  /** How far each file is. @returns {Map<string, Upload>} */
  shown() {
    return new Map([...this.#files.keys()].map((key) => [key, this.#shownOf(key)]));
  }

  /** @param {string} key @returns {Upload} */
  #shownOf(key) {
    const file = this.#files.get(key);
    const error = this.#errorOf(key);
    if (error || !file) return { phase: "failed", sent: 0, ...(error ? { error } : {}) };
    if (file.isDone) return { phase: "done", sent: file.size };
    return this.#current?.key === key
      ? { phase: "sending", sent: this.#current.sent }
      : { phase: "waiting", sent: file.sent };
  }

  /**
   * Whether a file is with the server, on its way, or failed.
   *
   * @param {string} key
   * @returns {"done" | "waiting" | Failure}
   */
  stateOf(key) {
    return this.#errorOf(key) ?? (this.#files.get(key)?.isDone ? "done" : "waiting");
  }

  /** @param {string} key @returns {Failure | undefined} */
  #errorOf(key) {
    const file = this.#files.get(key);
    if (!file) return { code: "file_lost" };
    return file.error ?? (this.#lost.has(key) && !file.isDone ? { code: "file_lost" } : undefined);
  }

  /** By which the server knows a file. @param {string} key */
  idOf(key) {
    return this.#files.get(key)?.id ?? "";
  }

  /** How many there are. */
  get count() {
    return this.#files.size;
  }

  /**
   * @param {string} key
   * @param {Pick<File, "name" | "type" | "size">} file  whose bytes are kept already
   */
  add(key, { name, type, size }) {
    const last = Math.max(0, ...[...this.#read().values()].map(({ order }) => order));
    this.#keep({ key, name, type, size, order: last + 1, id: "", sent: 0, isDone: false });
    this.#moved();
  }

  /** Tries a refused file again. @param {string} key */
  again(key) {
    const file = this.#files.get(key);
    if (!file?.error) return;
    const { error: _, begun: __, ...rest } = file;
    this.#keep(rest);
    this.#resume();
  }

  /**
   * The server has a file no more, or not as it is wished: it is sent from its beginning.
   *
   * @param {string} key
   * @param {{ keepMetadata?: boolean }} [wish]
   * @returns {boolean} false if that leads nowhere
   */
  renew(key, wish = {}) {
    const file = this.#files.get(key);
    const begun = (file?.begun ?? 0) + 1;
    if (!file || begun > BEGUN_MAX || !this.#kept.get(key)) return false;
    if (this.#current?.key === key) this.#current.stop.abort();
    const { error: _, ...rest } = file;
    this.#keep({ ...rest, id: "", sent: 0, isDone: false, begun, ...wish });
    this.#resume();
    return true;
  }

  /**
   * Whether a picture keeps where and with what it was taken.
   *
   * @param {string} key
   * @param {boolean} keepMetadata
   */
  wishMetadata(key, keepMetadata) {
    const file = this.#files.get(key);
    if (!file || Boolean(file.keepMetadata) === keepMetadata) return;
    this.#giveUp(file.id);
    if (!file.id) return void this.#keep({ ...file, keepMetadata });
    this.renew(key, { keepMetadata });
    // That was a wish, and no fault of the file.
    const { begun: _, ...rest } = /** @type {Waiting} */ (this.#files.get(key));
    this.#keep(rest);
  }

  /** @param {string} key */
  keepsMetadata(key) {
    return Boolean(this.#files.get(key)?.keepMetadata);
  }

  /** A file is not to be sent. @param {string} key */
  remove(key) {
    const id = this.idOf(key);
    this.#forget(key);
    this.#kept.forget(key);
    this.#giveUp(id);
  }

  /** A file is in a message now. @param {string} key */
  sent(key) {
    const id = this.idOf(key);
    this.#forget(key);
    this.#kept.sent(key, id);
  }

  /** After a connect. */
  flush() {
    this.#isOnline = true;
    this.#checked.clear();
    this.#failures = 0;
    this.#resume();
  }

  lineLost() {
    this.#isOnline = false;
  }

  close() {
    this.#isClosed = true;
    this.#unwatch();
    clearTimeout(this.#retry);
    this.#current?.stop.abort();
  }

  #read() {
    /** @type {Map<string, Waiting>} */
    const files = new Map();
    for (const name of keysOf(this.#prefix)) {
      const file = recall(name);
      if (isWaiting(file) && this.#prefix + file.key === name) files.set(file.key, file);
    }
    return files;
  }

  /** @param {Waiting} file */
  #keep(file) {
    this.#files.set(file.key, file);
    keep(this.#prefix + file.key, file);
  }

  /** @param {string} key */
  #forget(key) {
    this.#files.delete(key);
    this.#lost.delete(key);
    keep(this.#prefix + key, null);
    if (this.#current?.key === key) this.#current.stop.abort();
    this.#moved();
  }

  /** @param {string} id */
  #giveUp(id) {
    if (id) this.#calls.removeUpload(id).catch(() => {});
  }

  /** Another tab has added, moved, finished or removed a file. @param {string} key @param {unknown} file */
  #heard(key, file) {
    this.#movedAt = performance.now();
    const isHere = isWaiting(file) && file.key === key;
    if (isHere) this.#files.set(key, file);
    else this.#files.delete(key);
    if (!isHere) this.#kept.forget(key);
    if (!isHere && this.#current?.key === key) this.#current.stop.abort();
    if (isHere && this.#isLoaded) void this.#findBytes(key).then(() => this.#moved());
    this.#moved();
  }

  /** @param {string} key */
  async #findBytes(key) {
    const blob = await this.#kept.find(key);
    if (blob || !this.#files.has(key)) this.#lost.delete(key);
    else this.#lost.add(key);
  }

  #moved() {
    if (this.#isClosed) return;
    this.#changed();
    this.#work();
  }

  #resume() {
    clearTimeout(this.#retry);
    this.#isPaused = false;
    this.#moved();
  }

  /** The file whose turn it is. */
  #next() {
    if (this.#isClosed || !this.#isOnline || this.#isPaused || !this.#isLoaded) return undefined;
    const waiting = [...this.#files.values()].filter(({ key, isDone }) => !isDone && !this.#errorOf(key));
    const sendable = waiting.filter(({ key }) => this.#kept.get(key) && this.#isWanted(key));
    return sendable.sort((a, b) => a.order - b.order)[0];
  }

  /** What is wanted may be something else now. */
  wantedChanged() {
    if (this.#current && !this.#isWanted(this.#current.key)) this.#current.stop.abort();
    this.#work();
  }

  #work() {
    if (this.#isBusy || !this.#next()) return;
    this.#isBusy = true;
    this.#movedAt = performance.now();
    const isStuck = () => this.#isOnline && performance.now() - this.#movedAt > STUCK_MS;
    void whileAlone(this.#prefix, (lost) => this.#sendAll(lost), isStuck).then(() => {
      this.#isBusy = false;
      this.#work();
    });
  }

  /** @param {AbortSignal} lost */
  async #sendAll(lost) {
    for (let next = this.#next(); next && !lost.aborted; next = this.#next()) {
      const { key } = next;
      const stop = new AbortController();
      const end = () => stop.abort();
      lost.addEventListener("abort", end);
      this.#current = { key, sent: next.sent, stop };
      try {
        // Another tab may have sent more of it.
        const file = recall(this.#prefix + key);
        if (isWaiting(file)) this.#files.set(key, file);
        await this.#send(key, stop.signal);
        this.#failures = 0;
      } catch (error) {
        if (!stop.signal.aborted) this.#failed(key, /** @type {Failure & { retryMs?: number }} */ (error));
      }
      lost.removeEventListener("abort", end);
      this.#current = null;
      if (!this.#isClosed) this.#changed();
    }
  }

  /**
   * @param {string} key
   * @param {AbortSignal} signal
   */
  async #send(key, signal) {
    await this.#begin(key, signal);
    for (let file = this.#files.get(key); file && !file.isDone; file = this.#files.get(key)) {
      if (signal.aborted) throw { code: "network" };
      const { id, sent, size } = file;
      const piece = await this.#pieceOf(key, sent);
      const progress = (/** @type {number} */ part) => this.#progress(key, sent + part * piece.size);
      const received = await this.#calls.appendToUpload(id, sent, piece, progress, signal);
      if (signal.aborted) throw { code: "network" };
      this.#note(key, received);
      // Everything is there, and the server does not call it complete.
      if (!received.file && sent >= size) throw { code: "unavailable" };
    }
  }

  /** Announces a file, or asks how far it is. @param {string} key @param {AbortSignal} signal */
  async #begin(key, signal) {
    const file = this.#files.get(key);
    if (!file || this.#checked.has(file.id)) return;
    const { id, name, type, size, keepMetadata = false } = file;
    const received = await (id
      ? this.#calls.readUpload(id)
      : this.#calls.createUpload({ name, type, size, keepMetadata }));
    if (signal.aborted) {
      if (!id) this.#giveUp(received.id);
      throw { code: "network" };
    }
    this.#checked.add(received.id);
    this.#note(key, received);
  }

  /**
   * Bytes of a file, read now: what the browser cannot read any more is no fault of the line.
   *
   * @param {string} key
   * @param {number} from
   */
  async #pieceOf(key, from) {
    try {
      const bytes = await this.#kept
        .get(key)
        ?.slice(from, from + PIECE)
        .arrayBuffer();
      if (bytes) return new Blob([bytes], { type: "application/octet-stream" });
    } catch {
      // The file was moved, changed or removed.
    }
    throw { code: "file_lost" };
  }

  /** @param {string} key @param {import("../calls/files.js").Received} received */
  #note(key, { id, offset, file }) {
    const known = this.#files.get(key);
    if (!known) return;
    this.#keep({ ...known, id, sent: offset, isDone: file !== null });
    if (this.#current?.key === key) this.#current.sent = offset;
    this.#movedAt = performance.now();
    this.#changed();
  }

  /** @param {string} key @param {number} sent */
  #progress(key, sent) {
    const now = performance.now();
    const known = this.#files.get(key);
    if (!known || this.#current?.key !== key) return;
    this.#current.sent = sent;
    if (now - this.#movedAt > KEPT_MS) this.#keep({ ...known, moves: (known.moves ?? 0) + 1 });
    if (now - this.#movedAt > KEPT_MS) this.#movedAt = now;
    if (now - this.#toldAt < TOLD_MS) return;
    this.#toldAt = now;
    this.#changed();
  }

  /**
   * @param {string} key
   * @param {Failure & { retryMs?: number }} error
   */
  #failed(key, { code = "unknown", message = "", retryMs, detail }) {
    const file = this.#files.get(key);
    if (!file) return;
    if (code === "wrong_offset" && detail) this.#keep({ ...file, sent: Number(detail.offset) });
    else if (PASSING.has(code)) this.#checked.delete(file.id);
    else if (code !== "not_found" || !file.id || !this.renew(key))
      return this.#keep({ ...file, error: { code, message, ...(detail ? { detail } : {}) } });
    const wait = retryMs || WAIT_MS * 2 ** Math.min(this.#failures, 16);
    this.#failures += 1;
    this.#isPaused = true;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#resume(), Math.min(WAIT_MOST_MS, wait));
  }
}

/** @param {string} uid */
function prefixOf(uid) {
  return `upload.${uid}.`;
}

/**
 * Whether something kept in this browser is a file on its way: anybody may have written there.
 *
 * @param {any} kept
 * @returns {kept is Waiting}
 */
function isWaiting(kept) {
  const { key, name, type, size, order, id, sent, isDone } = kept ?? {};
  return (
    [key, name, type, id].every((each) => typeof each === "string") &&
    [size, order, sent].every(Number.isFinite) &&
    typeof isDone === "boolean"
  );
}
