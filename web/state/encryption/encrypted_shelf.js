/**
 * A shelf that keeps nothing in clear: unsent messages or drafts of encrypted rooms, in this browser's database under
 * the browser's key. What is on it is held in memory as well, so it can be read at once, and other tabs are told which
 * record has changed. Beside an unsent message lies the envelope that was built of it: the bytes that are sent.
 */
import { bytesOf, textOf } from "../../crypto/encoding.js";
import { openLocal, sealLocal } from "../../crypto/keystore.js";

/** @typedef {import("../outbox.js").Entry} Entry */
/** @typedef {import("../../platform/database.js").Database} Database */
/** @typedef {{ post: (key: string) => void, close: () => void }} Tabs */
/** @typedef {(key: string, value: unknown) => void} Changed */
/** A record as it is kept: the value in a box, and the envelope, which is for the server anyway. */
/** @typedef {{ rid: string, box: Uint8Array<ArrayBuffer>, env?: any }} Kept */

export class EncryptedShelf {
  #database;
  #store;
  #key;
  #ridOf;
  /** @type {Map<string, any>} */
  #values = new Map();
  /** @type {Set<{ start: string, changed: Changed }>} */
  #watchers = new Set();
  /** @type {Tabs | null} */
  #tabs;
  #written;
  /** Whether what is on it lay on the disk, as far as it is known. */
  #wasKept;
  /** What is to be written; null forgets. @type {Map<string, any>} */
  #pending = new Map();
  /** @type {Promise<void> | null} */
  #writing = null;
  /** Grows with every change of a value. */
  #changes = 0;

  /**
   * @param {Database} database
   * @param {"outbox" | "drafts"} store
   * @param {CryptoKey} key  of this browser
   * @param {object} ways
   * @param {(key: string, value: any) => string} ways.ridOf  the room that a value is of
   * @param {(heard: (key: string) => void) => Tabs | null} ways.openTabs  null if other tabs do not see what is written
   * @param {() => void} [ways.written]  told after each change of what is kept
   */
  constructor(database, store, key, { ridOf, openTabs, written = () => {} }) {
    this.#database = database;
    this.#wasKept = database.isKept;
    this.#written = written;
    this.#store = store;
    this.#key = key;
    this.#ridOf = ridOf;
    this.#tabs = openTabs((changed) => void this.#heard(changed));
  }

  /**
   * Reads anew what is kept, once what is to be written is.
   *
   * @returns {Promise<void>}
   */
  async refresh() {
    await this.#keepAnew();
    await this.written();
    const changes = this.#changes;
    const rows = await this.#database.getAll(this.#store);
    const opened = await Promise.all(rows.map(({ key, value }) => this.#open(String(key), value)));
    // What was read is older than what has been put on it meanwhile, also if that is written by now.
    if (this.#changes !== changes) return this.refresh();
    this.#values.clear();
    for (const [at, { key }] of rows.entries()) if (opened[at] !== null) this.#values.set(String(key), opened[at]);
  }

  /** @param {string} key @param {Kept} kept @returns {Promise<any>} null if it does not open */
  async #open(key, kept) {
    const bytes = await openLocal(this.#key, this.#store, kept.rid, key, kept.box).catch(() => null);
    return bytes && JSON.parse(textOf(bytes));
  }

  /** @param {string} key @param {any} value  null forgets */
  keep = (key, value) => {
    this.#changes += 1;
    if (value === null || value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    this.#pending.set(key, value ?? null);
    this.#writing ??= this.#writeAll();
  };

  /** What is changed again before it is written is written once. */
  async #writeAll() {
    for (const [key, value] of this.#pending) {
      this.#pending.delete(key);
      await this.#write(key, value).catch((error) => globalThis.reportError?.(error));
    }
    this.#writing = null;
  }

  /** @param {string} key @param {any} value */
  async #write(key, value) {
    if (value === null) {
      await this.#database.remove(this.#store, key);
    } else {
      const rid = this.#ridOf(key, value);
      const box = await sealLocal(this.#key, this.#store, rid, key, bytesOf(JSON.stringify(value)));
      await this.#database.change(this.#store, key, (/** @type {Kept | undefined} */ old) =>
        old?.env ? { rid, box, env: old.env } : { rid, box },
      );
    }
    this.#tabs?.post(key);
    this.#written();
  }

  /** The browser has taken away what was on the disk; what is known of it is kept in memory. */
  async #keepAnew() {
    if (!this.#wasKept || this.#database.isKept) return;
    this.#wasKept = false;
    for (const [key, value] of [...this.#values])
      if (!(await this.#database.get(this.#store, key))) await this.#write(key, value);
  }

  /** @param {string} key */
  recall = (key) => this.#values.get(key) ?? null;

  /** @param {string} start */
  keysOf = (start) => [...this.#values.keys()].filter((key) => key.startsWith(start));

  /** @param {string} start @param {Changed} changed */
  watchKeptUnder = (start, changed) => {
    const watcher = { start, changed };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  };

  /** Until everything that was to be kept is. */
  async written() {
    while (this.#writing) await this.#writing;
  }

  /** Another tab has written a record. @param {string} key */
  async #heard(key) {
    await this.written();
    const kept = await this.#database.get(this.#store, key);
    const value = kept ? await this.#open(key, kept) : null;
    this.#changes += 1;
    if (value === null) this.#values.delete(key);
    else this.#values.set(key, value);
    for (const { start, changed } of this.#watchers) if (key.startsWith(start)) changed(key, value);
  }

  /**
   * The envelope that was built of an unsent message, in any tab.
   *
   * @param {Entry} entry
   * @returns {Promise<any>}
   */
  async envelopeOf(entry) {
    const key = this.#keyOf(entry);
    if (!key) return null;
    const kept = await this.#database.get(this.#store, key);
    return kept?.env ?? null;
  }

  /**
   * Keeps the envelope of an unsent message, unless another tab was faster: then that one counts.
   *
   * @param {Entry} entry
   * @param {any} env
   * @param {any} refused  the one that was there and was not taken
   * @returns {Promise<any>} the one that is to be sent
   */
  async keepEnvelope(entry, env, refused) {
    const key = this.#keyOf(entry);
    // Another tab has finished it.
    if (!key) throw { code: "waiting", message: "finished" };
    const kept = await this.#database.change(this.#store, key, (/** @type {Kept | undefined} */ old) =>
      old && (!old.env || old.env.s === refused?.s) ? { ...old, env } : old,
    );
    if (!kept) throw { code: "waiting", message: "finished" };
    return kept.env;
  }

  /** @param {Entry} entry */
  #keyOf({ msg }) {
    const end = `.${msg.mid}.${msg.rev}`;
    return [...this.#values.keys()].find((key) => key.endsWith(end)) ?? null;
  }

  close() {
    this.#tabs?.close();
    this.#watchers.clear();
  }
}
