/**
 * Where the ledger of one room is kept in this browser: each message with its reactions in a record of its own, under
 * the browser's key. Of messages that are deleted or taken away no text is kept, only what their place is judged by.
 */
import { bytesOf, textOf } from "../../crypto/encoding.js";
import { openLocal, sealLocal } from "../../crypto/keystore.js";
import { Intervals } from "./intervals.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./ledger.js").Ledger} Ledger */
/** @typedef {import("./ledger.js").Row} Row */
/** @typedef {import("./intervals.js").Interval} Interval */

const CACHE = /** @type {const} */ ("cache");
/** Messages that are taken up when a room is shown first. */
const NEWEST = 300;
/** Changes of a moment are written together. */
const LATER_MS = 300;

export class LedgerShelf {
  #parts;
  #name;
  /** Parts of the history whose rows are kept and not held. */
  #stored = new Intervals();
  /** @type {Promise<void> | null} */
  #loading = null;
  /** Whether what is kept of the newest part is held. Without my keys it cannot be. */
  isRead = false;
  /** Everything below this place may be kept and is not held. */
  #edge = Infinity;
  /** @type {Map<string, Row>} */
  #dirty = new Map();
  /** Places that are to be forgotten, with the message that stood there. @type {[number, string][]} */
  #left = [];
  #hasNewIntervals = false;
  /** @type {Ledger | null} */
  #ledger = null;
  /** @type {Promise<void> | null} */
  #writing = null;
  /** Writes come one after the other: what is older must not come last. @type {Promise<void>} */
  #tail = Promise.resolve();

  /** @param {Parts} parts @param {string} name */
  constructor(parts, name) {
    this.#parts = parts;
    this.#name = name;
  }

  /** @param {Ledger} ledger @returns {Promise<void>} */
  load(ledger) {
    this.#ledger = ledger;
    // While my keys are not open nothing can be read, and no part of the history counts as known.
    if (!this.#loading && !this.#parts.identity()) return this.#loadRestores(ledger).then(() => {});
    this.#loading ??= this.#load(ledger);
    return this.#loading;
  }

  /** @param {Ledger} ledger @returns {Promise<Interval[]>} the parts of the history that are kept */
  async #loadRestores(ledger) {
    const kept = await this.#parts.database.get("meta", ["intervals", this.#name]);
    if (!ledger.restores.length) ledger.restores = kept?.restores ?? [];
    return kept?.intervals ?? [];
  }

  /** @param {Ledger} ledger */
  async #load(ledger) {
    this.#stored = new Intervals(await this.#loadRestores(ledger));
    const { places, rows } = await this.#read({ under: [this.#name], descending: true, limit: NEWEST });
    this.#edge = places.length < NEWEST ? 0 : Math.min(...places);
    for (const row of rows) this.#takeUp(ledger, row);
    for (const each of this.#stored.take(this.#edge, Infinity)) ledger.intervals.fill(each);
    this.isRead = true;
  }

  /**
   * @param {Ledger} ledger
   * @param {number} from
   * @param {number} to
   */
  async reach(ledger, from, to) {
    await this.load(ledger);
    if (!this.#loading || !this.#parts.identity()) return;
    const end = Math.min(to, this.#edge);
    if (from > end) return;
    const { rows } = await this.#read({ from: [this.#name, from], to: [this.#name, end + 1] });
    for (const row of rows) this.#takeUp(ledger, row);
    for (const each of this.#stored.take(from, end)) ledger.intervals.fill(each);
  }

  /** @param {Ledger} ledger @param {Row & { reactions?: Row[] }} row */
  #takeUp(ledger, { reactions = [], ...row }) {
    ledger.takeUp(row);
    for (const reaction of reactions) ledger.takeUp(reaction);
  }

  /**
   * A place whose record cannot be opened is not known: what is fetched there would be news where none can be.
   *
   * @param {import("../../platform/database.js").Range} range
   * @returns {Promise<{ places: number[], rows: (Row & { reactions?: Row[] })[] }>} places of all records
   */
  async #read(range) {
    const key = this.#parts.identity()?.localKey;
    if (!key) return { places: [], rows: [] };
    const records = await this.#parts.database.getAll("cache", range);
    const opened = await Promise.all(
      records.map(({ key: id, value }) =>
        openLocal(key, "cache", this.#name, idOf(id), value)
          .then((bytes) => JSON.parse(textOf(bytes)))
          .catch(() => void this.#stored.take(id[1], id[1])),
      ),
    );
    return { places: records.map(({ key: id }) => id[1]), rows: opened.filter((row) => row !== undefined) };
  }

  /** A message that has changed, or its reactions. @param {Row} row */
  note(row) {
    if (!row.createdSeq) return;
    this.#dirty.set(row.mid, row);
    this.#writeLater();
  }

  /** A message has another place now. @param {Row} row  as it was */
  forget({ createdSeq, mid }) {
    if (!createdSeq) return;
    this.#left.push([createdSeq, mid]);
    this.#writeLater();
  }

  /** The parts of the history that are loaded have changed. */
  noteIntervals() {
    this.#hasNewIntervals = true;
    this.#writeLater();
  }

  /** Parts of the history whose rows are not held any more. @param {Interval[]} gone */
  letGo(gone) {
    for (const each of gone) this.#stored.add(each);
    this.#edge = Math.max(this.#edge, ...gone.map(({ to }) => to));
  }

  #writeLater() {
    this.#writing ??= this.#parts.wait(LATER_MS).then(() => this.#write());
  }

  /** @returns {Promise<void>} */
  async written() {
    while (this.#writing || this.#dirty.size) {
      await this.#write();
      if (!this.#parts.identity()) return;
    }
    await this.#tail;
  }

  #write() {
    return this.#inOrder(() => this.#writeNow());
  }

  /** @param {() => Promise<unknown>} write @returns {Promise<void>} */
  async #inOrder(write) {
    const done = this.#tail.then(write);
    this.#tail = done.then(
      () => {},
      () => {},
    );
    await done;
  }

  async #writeNow() {
    const key = this.#parts.identity()?.localKey;
    const ledger = this.#ledger;
    const rows = [...this.#dirty.values()];
    const left = this.#left.map((place) => ({ store: CACHE, key: [this.#name, ...place], value: undefined }));
    const hasNewIntervals = this.#hasNewIntervals;
    this.#writing = null;
    if (!key || !ledger) return;
    this.#dirty.clear();
    this.#left = [];
    this.#hasNewIntervals = false;
    // As they are with these rows: changes that come meanwhile would count as known, and not be kept yet.
    const intervals = hasNewIntervals ? [this.#intervalsRecord(ledger)] : [];
    const changes = await Promise.all(rows.map((row) => this.#record(key, ledger, row)));
    await this.#parts.database.write([...left, ...changes, ...intervals]);
  }

  /** @param {Ledger} ledger */
  #intervalsRecord({ restores, intervals }) {
    const all = new Intervals(this.#stored.list);
    for (const each of intervals.list) all.add(each);
    const value = { intervals: all.list, ...(restores.length ? { restores } : {}) };
    return { store: /** @type {const} */ ("meta"), key: ["intervals", this.#name], value };
  }

  /** @param {CryptoKey} key @param {Ledger} ledger @param {Row} row */
  async #record(key, ledger, row) {
    const id = [this.#name, row.createdSeq, row.mid];
    const reactions = ledger.reactionsTo(row.mid);
    const bytes = bytesOf(JSON.stringify(reactions.length ? { ...row, reactions } : row));
    const value = await sealLocal(key, "cache", this.#name, idOf(id), bytes);
    return { store: CACHE, key: id, value };
  }

  /**
   * After a restore: what was lost, or is to be fetched again, is kept as it is known now.
   *
   * @param {Ledger} ledger
   * @param {string[]} mids
   */
  async rewrite(ledger, mids) {
    this.#stored = new Intervals();
    await this.#inOrder(() => this.#parts.database.write([this.#intervalsRecord(ledger)]));
    for (const mid of mids) {
      const row = ledger.row(mid);
      if (row) this.note(row);
    }
    await this.written();
  }
}

/** The name of a record, in the context of its box. @param {(string | number)[]} key */
const idOf = ([, place, mid]) => `${place}/${mid}`;
