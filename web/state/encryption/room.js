/**
 * One encrypted room: its log, fetched and checked, and what follows from it (sections 6 and 11.4 of e2ee.md). The log
 * is kept in this browser with the state that was derived from it, so what was checked once is not checked again.
 */
import { equal, fromBase64Url, toBase64Url } from "../../crypto/encoding.js";
import { Unknown } from "../../crypto/directory.js";
import { applyAll, peopleIn } from "../../crypto/room_log.js";
import { entryHash, parseEntry, parseLog } from "../../crypto/room_log_entry.js";
import { due, emptyState } from "../../crypto/room_state.js";
import { Ledger } from "./ledger.js";
import { isPassing } from "./passing.js";
import { RoomKeys } from "./room_keys.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./parts.js").Bytes} Bytes */
/** @typedef {import("../types.js").LogHead} LogHead */
/** @typedef {import("../types.js").Fork} Fork */
/** @typedef {import("../../crypto/room_state.js").RoomState} RoomState */
/** @typedef {import("../../crypto/room_log_entry.js").Entry} LogEntry */
/** Where a batch stands among the messages: its `seq`, and the number of its last entry. */
/** @typedef {{ seq: number, last: number }} Batch */
/** An entry as it travels, with the place of its batch. */
/** @typedef {{ batch: number, at: number, e: Bytes, s: Bytes }} Line */
/** As it is kept: `last` is the number of the last entry of its batch, which stays whatever place the batch has. */
/** @typedef {Line & { last: number }} KeptLine */

/** Entries of the newest part of the log that screens show. */
const LINES = 60;
/** How often people whose entries are lacking are asked for before a log is given up. */
const ASKED_MOST = 4;

export class EncryptedRoom {
  /** @type {Bytes} */
  rid;
  /** The identity in base64url. */
  name;
  /** As it follows from the checked log; null until some of it is. @type {RoomState | null} */
  state = null;
  /** @type {Batch[]} */
  batches = [];
  /** After a restore: the first entry whose batch has no place yet. @type {number | null} */
  #unplaced = null;
  /** The newest entries. @type {LogEntry[]} */
  lines = [];
  /** @type {Fork | null} */
  fork = null;
  /** How far the log goes, as the server has said last. @type {LogHead | null} */
  told = null;
  /** The server has lost a part of the log that is here. */
  isLost = false;
  /** After a restore: until places are compared, nothing is judged. @type {Promise<void> | null} */
  comparing = null;
  /** Grows when the server goes over to another history: places that were told before say nothing any more. */
  histories = 0;
  /** The server calls the room plain, or by another identity. */
  isMisnamed = false;
  /** Whose accounts are shut, says the server. @type {string[]} */
  shut = [];
  /** Why the server wants a new key; null if it does not. @type {string | null} */
  why = null;
  #parts;
  /** @type {Promise<unknown>} */
  #tail = Promise.resolve();
  /** @type {Promise<void> | null} */
  #loading = null;
  /** Told when entries have got their places after a restore. */
  placed = () => {};
  /** Told of the entries that are new, after each change. @type {(room: EncryptedRoom, entries: LogEntry[]) => void} */
  #changed;

  /**
   * @param {Parts} parts
   * @param {string} id  the server's number of it
   * @param {string} name  its identity in base64url
   * @param {(room: EncryptedRoom, entries: LogEntry[]) => void} changed
   */
  constructor(parts, id, name, changed) {
    this.#parts = parts;
    this.id = id;
    this.name = name;
    this.rid = fromBase64Url(name);
    this.#changed = changed;
    this.keys = new RoomKeys(parts, this);
    this.ledger = new Ledger(parts, this);
  }

  /** Takes up what this browser has kept. */
  load() {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  async #load() {
    const kept = await this.#parts.database.get("rooms", [this.name, "state"]);
    if (!kept || this.state) return;
    this.state = kept.state;
    this.batches = kept.batches;
    this.#unplaced = kept.unplaced ?? null;
    const rows = await this.#parts.database.getAll("rooms", {
      from: [this.name, "log", Math.max(0, kept.state.seq - LINES)],
      to: [this.name, "log", kept.state.seq + 1],
    });
    this.lines = rows.map(({ value }) => parseEntry(value.e));
    // What the line does not allow is asked for again by whoever needs it.
    await this.#parts.directory.entriesOf([...kept.state.members.keys()]).catch((error) => {
      if (!isPassing(error)) this.#parts.report(error);
    });
    this.#changed(this, []);
  }

  /** What the room needs a new key for by what is checked here. */
  get isDue() {
    const { view, n } = this.#parts.directory;
    return this.state !== null && due(this.state, n, view);
  }

  /** The end of the log as it is checked here. @returns {LogHead | null} */
  get head() {
    return this.state && { seq: this.state.seq, hash: toBase64Url(this.state.head) };
  }

  /**
   * Fetches what is lacking of the log and checks it. Joins in the order of the asking; fails if the line does.
   *
   * @param {LogHead | null} [told]  how far it goes, says the server; without it the server is asked
   * @returns {Promise<void>}
   */
  sync(told = null) {
    return this.#next(() => this.#sync(told));
  }

  /**
   * A batch as the server tells it, or as it has taken it from me.
   *
   * @param {{ seq: number, at: number, from: number, entries: { e: string, s: string }[] | null }} batch
   */
  take({ seq, at, from, entries }) {
    return this.#next(async () => {
      await this.load();
      const known = this.state?.seq ?? -1;
      if (!entries || from > known + 1) return this.#sync(null);
      const lines = entries.map(({ e, s }) => ({ batch: seq, at, e: fromBase64Url(e), s: fromBase64Url(s) }));
      await this.#compare(lines.slice(0, Math.max(0, known + 1 - from)), from);
      await this.#append(lines.slice(Math.max(0, known + 1 - from)));
      if (from <= known) await this.#movePlace(seq, from, Math.min(known, from + entries.length - 1));
    });
  }

  /** @template T @param {() => Promise<T>} act @returns {Promise<T>} */
  #next(act) {
    const done = this.#tail.then(act);
    this.#tail = done.catch(() => {});
    return done;
  }

  /** @param {LogHead | null} told */
  async #sync(told) {
    await this.load();
    if (this.#unplaced !== null) await this.#placeAgain(this.#unplaced);
    while (!this.fork) {
      const known = this.state?.seq ?? -1;
      if (told && told.seq <= known) return this.#agree(told);
      const lines = await this.#read(known + 1);
      if (!lines.length) return this.#noMore(told);
      await this.#append(lines);
    }
  }

  /** @param {number} from @returns {Promise<Line[]>} */
  async #read(from) {
    const bytes = await this.#parts.calls.readLog(this.id, from);
    try {
      return parseLog(bytes);
    } catch {
      this.#setFork({ seq: from, theirs: "form" });
      return [];
    }
  }

  /** The server has no more of the log. @param {LogHead | null} told */
  async #noMore(told) {
    if (told && told.seq > (this.state?.seq ?? -1) && !this.fork) throw { code: "unavailable" };
    this.#changed(this, []);
  }

  /** Whether the server shows less of the log than some browser of mine has seen. */
  get isBehind() {
    const pinned = this.#parts.trust.room(this.name);
    return this.isLost || (this.state !== null && (pinned?.seq ?? -1) > this.state.seq);
  }

  /**
   * Until entries of the room can be judged, as far as the line allows: what it does not allow is asked for again by
   * whoever needs it.
   */
  async ready() {
    await this.load();
    await this.ledger.load();
    await this.comparing;
    const isAll = this.state !== null && (!this.told || this.told.seq <= this.state.seq);
    // Without the places of its batches nothing can be judged by them.
    if (isAll && this.#unplaced === null) return;
    await this.sync(this.told).catch((error) => {
      if (!isPassing(error)) this.#parts.report(error);
    });
  }

  /**
   * The server says less than is known here, or the same: the place that it names must be the same. Whether it has lost
   * the rest is another question, which `restore.js` asks.
   *
   * @param {LogHead} told
   */
  #agree(told) {
    const mine = this.state?.hashes[told.seq];
    if (mine && toBase64Url(mine) !== told.hash) this.#setFork({ seq: told.seq, theirs: told.hash });
  }

  /** Entries that are known must be the same. @param {Line[]} lines @param {number} from */
  async #compare(lines, from) {
    for (const [at, { e, s }] of lines.entries()) {
      const theirs = await entryHash(e, s);
      const mine = this.state?.hashes[from + at];
      if (mine && !equal(mine, theirs)) return this.#setFork({ seq: from + at, theirs: toBase64Url(theirs) });
    }
  }

  /** @param {Line[]} lines */
  async #append(lines) {
    if (!lines.length || this.fork) return;
    const { directory } = this.#parts;
    const signed = lines.map(({ e, s }) => ({ e, s }));
    const result = await this.#apply(signed);
    if (result.refusal) {
      const { rule, index } = result.refusal;
      // The list of keys does not reach that far yet.
      if (rule === "dn" && !result.refusal.fork) throw { code: "unavailable" };
      return this.#setFork({ seq: (this.state?.seq ?? -1) + 1 + index, theirs: rule });
    }
    const isFirst = this.state === null;
    const [state, first] = [result.state, this.state?.seq ?? -1];
    if (isFirst && !equal(state.rid, this.rid)) return this.#setFork({ seq: 0, theirs: toBase64Url(state.rid) });
    if (!this.#fitsPin(state)) return;
    this.state = state;
    for (const batch of new Set(lines.map((line) => line.batch))) this.#place(batch, lines, first);
    this.lines = [...this.lines, ...result.entries].slice(-LINES);
    await this.#keep(lines, first);
    await directory.entriesOf([...state.members.keys()]);
    this.#note(isFirst);
    this.#changed(this, result.entries);
  }

  /** @param {number} seq @param {Line[]} lines @param {number} first  the number of the entry before them */
  #place(seq, lines, first) {
    const last = first + 1 + lines.findLastIndex(({ batch }) => batch === seq);
    this.batches = [...this.batches.filter((each) => each.last !== last), { seq, last }].sort(
      (a, b) => a.last - b.last,
    );
  }

  /** Whether it is known where an entry of the log stands: after a restore it may not be. @param {number} seq */
  isPlaced(seq) {
    return this.#unplaced === null || seq < this.#unplaced;
  }

  /** Entries up to one have their places. @param {number} last */
  #placeUpTo(last) {
    const before = this.#unplaced;
    this.#unplaced = last < (this.state?.seq ?? -1) ? last + 1 : null;
    if (before !== null && this.#unplaced !== before) this.placed();
  }

  /**
   * A batch that was posted again after a restore has a new place.
   *
   * @param {number} seq
   * @param {number} from
   * @param {number} last
   */
  async #movePlace(seq, from, last) {
    if (!this.isPlaced(last) && this.isPlaced(from - 1)) this.#placeUpTo(last);
    if (this.batches.some((each) => each.last === last && each.seq === seq)) return;
    this.batches = [...this.batches.filter((each) => each.last !== last), { seq, last }].sort(
      (a, b) => a.last - b.last,
    );
    await this.#keep([], this.state?.seq ?? -1);
  }

  /**
   * After a restore, places above a common one are not so any more: batches that the server still has are placed as it
   * says now, the others when they are posted again.
   *
   * @param {number} above
   */
  forgetPlaces(above) {
    return this.#next(async () => {
      await this.load();
      if (!this.state) return;
      this.batches = this.batches.filter(({ seq }) => seq <= above);
      await this.#placeAgain((this.batches.at(-1)?.last ?? -1) + 1);
    });
  }

  /** Places batches from an entry on as the server says, as far as it has them. @param {number} from */
  async #placeAgain(from) {
    const last = this.state?.seq ?? -1;
    while (from <= last && !this.fork) {
      const lines = await this.#read(from);
      if (!lines.length) break;
      const known = lines.slice(0, last + 1 - from);
      await this.#compare(known, from);
      for (const batch of new Set(known.map((line) => line.batch))) this.#place(batch, known, from - 1);
      from += lines.length;
    }
    this.#placeUpTo(from - 1);
    await this.#keep([], last);
  }

  /**
   * Checks entries against everything before them; entries of people who are not known yet are fetched.
   *
   * @param {{ e: Bytes, s: Bytes }[]} signed
   */
  async #apply(signed) {
    const { directory } = this.#parts;
    await directory.entriesOf(peopleIn(signed));
    const newest = signed.reduce((most, { e }) => Math.max(most, newestPlace(e)), 0);
    if (newest > directory.n) await directory.noticed(newest);
    for (let asked = 0; ; asked += 1) {
      try {
        return await applyAll(this.state ?? emptyState(), signed, directory.view);
      } catch (error) {
        if (!(error instanceof Unknown) || asked === ASKED_MOST) throw error;
        await directory.entriesOf(error.uids);
      }
    }
  }

  /** The place that I noted of this room, in any browser, must be in the log. @param {RoomState} state */
  #fitsPin(state) {
    const pinned = this.#parts.trust.room(this.name);
    const mine = pinned && state.hashes[pinned.seq];
    if (!pinned || !mine || equal(mine, pinned.hash)) return true;
    this.#setFork({ seq: pinned.seq, theirs: toBase64Url(mine) }, toBase64Url(pinned.hash));
    return false;
  }

  /** @param {Line[]} lines @param {number} first */
  async #keep(lines, first) {
    const { name, state, batches } = this;
    const unplaced = this.#unplaced;
    const lastOf = (/** @type {number} */ batch) => first + 1 + lines.findLastIndex((line) => line.batch === batch);
    const log = lines.map((line, at) => ({
      store: /** @type {const} */ ("rooms"),
      key: this.#keyOf(first + 1 + at),
      value: { ...line, last: lastOf(line.batch) },
    }));
    const kept = {
      store: /** @type {const} */ ("rooms"),
      key: [name, "state"],
      value: { state, batches, unplaced, id: this.id },
    };
    await this.#parts.database.write([...log, kept]);
  }

  /** @param {number} seq */
  #keyOf(seq) {
    return [this.name, "log", seq];
  }

  /**
   * The entries as they are kept, with their batches: to be posted again.
   *
   * @param {number} from
   * @returns {Promise<KeptLine[]>}
   */
  async entriesFrom(from) {
    const rows = await this.#parts.database.getAll("rooms", {
      from: this.#keyOf(from),
      to: this.#keyOf((this.state?.seq ?? -1) + 1),
    });
    return rows.map(({ value }) => value);
  }

  /** The newest entries with their signatures, as evidence. */
  async evidence() {
    const lines = await this.entriesFrom(Math.max(0, (this.state?.seq ?? 0) - LINES));
    return lines.map(({ e, s }) => ({ e: toBase64Url(e), s: toBase64Url(s) }));
  }

  /** Notes how far the log goes, so that my other browsers know it. @param {boolean} isNew */
  #note(isNew) {
    const { name, id, state } = this;
    const { trust } = this.#parts;
    if (!state) return;
    const when = isNew && !trust.room(name) ? "now" : "sometime";
    void trust.noteRoom(name, { id, seq: state.seq, hash: state.head }, when);
  }

  /**
   * A message of somebody shows another log than this one.
   *
   * @param {{ of: "log" | "directory", seq: number, theirs: Bytes, by: string }} found
   */
  noteFork({ of, seq, theirs, by }) {
    const known = of === "log" ? this.state?.hashes[seq] : this.#parts.directory.view.hashAt(seq);
    this.#setFork({ seq, theirs: toBase64Url(theirs) }, known ? toBase64Url(known) : "", { of, by });
  }

  /**
   * @param {{ seq: number, theirs: string }} found
   * @param {string} [mine]
   * @param {{ of: "log" | "directory", by: string | null }} [from]
   */
  #setFork({ seq, theirs }, mine, { of, by } = { of: "log", by: null }) {
    if (this.fork) return;
    const known = this.state?.hashes[seq];
    this.fork = { of, seq, mine: mine ?? (known ? toBase64Url(known) : ""), theirs, by };
    this.#changed(this, []);
  }

  /** Something that screens show of the room has changed. */
  tell() {
    this.#changed(this, []);
  }
}

/** @param {Bytes} e */
function newestPlace(e) {
  try {
    return parseEntry(e).dn;
  } catch {
    return 0;
  }
}
