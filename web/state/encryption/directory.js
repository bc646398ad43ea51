/**
 * The list of everybody's keys, as this browser has checked it (e2ee.md, 5.2 and 11.4): follows the server's
 * list to its end, keeps all of it, and holds the entries of the people who are met. A server that shows another list,
 * or an older one, is noticed here; an older one is given back what it has lost.
 */
import * as api from "../../calls/directory.js";
import { Directory, parseDirAnswer } from "../../crypto/directory.js";
import { concat, equal, fromBase64Url, hexOf, Refused, toBase64Url } from "../../crypto/encoding.js";
import { bring, ENTRIES_AT_ONCE, ROWS_AT_ONCE, stepsTo } from "./bring_back.js";

/** @typedef {import("../../crypto/encoding.js").Bytes} Bytes */
/** @typedef {import("../../crypto/directory.js").Head} Head */
/** @typedef {import("../../platform/database.js").Database} Database */

/** Of a position: its hash, and the row. */
const POSITION = 88;
const ROW = 56;
/** So many positions are one record: a new one rewrites no more than that. */
const CHUNK = 1024;
/** A signed head is kept every so many positions: rows are brought back up to one. */
const HEADS_EVERY = 1000;

/**
 * - `fine`: the server shows what this browser knows, or more
 * - `fork`: it shows something else
 * - `rollback`: it shows less, and has not taken the rest back
 *
 * @typedef {"fine" | "fork" | "rollback"} Standing
 */
/** An entry as it was told, with its place. @typedef {import("../../crypto/directory.js").TravellingEntry} Told */
/** Whose list: `dirKey` signs its heads. @typedef {{ instance: Bytes, dirKey: Bytes }} Server */
/** Two hashes of one position. @typedef {{ n: number, mine: string, theirs: string }} Fork */

export class KeyDirectory {
  /** @type {Standing} */
  state = "fine";
  /** @type {Fork | null} */
  fork = null;
  /** The server takes no new entries now. */
  closed = false;
  /** New positions of these people were followed, or the standing is another one. @type {(uids: string[]) => void} */
  changed = () => {};
  #database;
  #uid;
  #instance;
  #dirKey;
  /** @type {Directory} */
  #list;
  /** The newest head that the server has signed and this browser has followed. @type {Head | null} */
  #head = null;
  /** Some of those before it, by which a long list is brought back in pieces. @type {Head[]} */
  #heads = [];
  /** @type {Promise<void> | null} */
  #syncing = null;
  /** Whose entries are being fetched, and how long the list was then. @type {Map<string, Promise<void>>} */
  #reading = new Map();
  /** What another browser of mine has seen of the list. @type {{ n: number, h: Bytes } | null} */
  #expected = null;
  /** What was brought back already, so that it is done once. */
  #brought = "";
  /** People whose entries are kept here. @type {Set<string>} */
  #met = new Set();

  /**
   * @param {Database} database
   * @param {string} uid  mine
   * @param {Server} server
   * @param {Directory} list
   */
  constructor(database, uid, { instance, dirKey }, list) {
    this.#database = database;
    this.#uid = uid;
    this.#instance = instance;
    this.#dirKey = dirKey;
    this.#list = list;
  }

  /**
   * With what this browser has kept.
   *
   * @param {Database} database
   * @param {string} uid  mine
   * @param {Server} server
   */
  static async load(database, uid, server) {
    const chunks = await database.getAll("dir", { under: ["rows"] });
    const buffer = concat(...chunks.map(({ value }) => value));
    const list = await Directory.create(server.instance, buffer);
    const directory = new KeyDirectory(database, uid, server, list);
    const head = await database.get("dir", "head");
    if (head?.n === list.n) directory.#head = head;
    directory.#heads = (await database.getAll("dir", { under: ["heads"] })).map(({ value }) => value);
    for (const { key, value } of await database.getAll("dir", { under: ["entries"] })) {
      directory.#met.add(key[1]);
      await list.addEntries(key[1], value).catch(() => {});
    }
    return directory;
  }

  /** What `apply` and the checks of messages ask; entries first by `entriesOf`. */
  get view() {
    return this.#list;
  }

  /** How far it goes. */
  get n() {
    return this.#list.n;
  }

  /** The hash of the newest position. */
  get hash() {
    return /** @type {Bytes} */ (this.#list.hashAt(this.#list.n));
  }

  /** The newest head, for the trust store. */
  get head() {
    return this.#head;
  }

  /** Drops everything but my own entries: what comes next is followed anew, with the people I have met. */
  async forget() {
    const own = await this.#ownEntries();
    await this.#database.clear("dir");
    await this.#database.put("dir", "own", own);
    this.#list = await Directory.create(this.#instance);
    this.#expected = null;
    this.#head = null;
    this.#heads = [];
    this.#stand("fine", null);
  }

  /**
   * Follows the server's list to its end. Forks and rollbacks are no errors but a standing.
   *
   * @returns {Promise<void>}
   * @throws {{ code: string }} the server cannot be asked now
   */
  sync() {
    this.#syncing ??= this.#follow().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  /** Somebody names a position: follows if it is beyond what is known. @param {number} n */
  async noticed(n) {
    // A sync under way may have asked before that position was there.
    for (let attempt = 0; attempt < 2 && n > this.#list.n && this.state === "fine"; attempt += 1) await this.sync();
  }

  /**
   * What `hello` says of the list.
   *
   * @param {import("../../net/wire_frames.js").DirectoryHead} told
   */
  async told({ n, h, missing, closed }) {
    if (this.closed !== closed) {
      this.closed = closed;
      this.changed([]);
    }
    if (n !== this.#list.n || h !== toBase64Url(this.hash)) await this.sync();
    if (missing.length) await this.#bringEntries(missing);
  }

  /**
   * Fetches and checks all entries of these people, where they are not here yet.
   *
   * @param {string[]} uids
   * @returns {Promise<void>}
   * @throws {{ code: string, uid?: string }} `entries_withheld`: the server keeps something of somebody back
   */
  async entriesOf(uids) {
    const lacking = this.#list.lacking(uids.filter((uid) => this.hasKeys(uid)));
    for (let at = 0; at < lacking.length; at += api.PEOPLE_MAX)
      await this.#readOnce(lacking.slice(at, at + api.PEOPLE_MAX));
  }

  /** The messages of a page ask for their author at once, and share one answer. @param {string[]} uids */
  #readOnce(uids) {
    const name = `${this.#list.n}: ${uids.join()}`;
    const reading = this.#reading.get(name) ?? this.#readEntries(uids).finally(() => this.#reading.delete(name));
    this.#reading.set(name, reading);
    return reading;
  }

  /** Whether the list has anything of somebody. @param {string} uid */
  hasKeys(uid) {
    return this.#list.positionsOf(uid).length > 0;
  }

  /** The name by which the list knows somebody, checked; null for a former member. @param {string} uid */
  nameOf(uid) {
    return this.latest(uid)?.name ?? null;
  }

  /** When somebody's keys were first noted, or last reset. @param {string} uid */
  madeAt(uid) {
    const made = this.#known(uid).filter(({ entry }) => entry.type === "create" || entry.type === "reset");
    return made.at(-1)?.entry.time ?? 0;
  }

  /** Other accounts under the same name. @param {string} uid @returns {string[]} */
  namesakesOf(uid) {
    const shared = this.#list.shared().filter(({ uids }) => uids.includes(uid));
    return [...new Set(shared.flatMap(({ uids }) => uids))].filter((each) => each !== uid);
  }

  /**
   * The newest entry of somebody, if the entries are here.
   *
   * @param {string} uid
   */
  latest(uid) {
    const last = this.#known(uid).at(-1);
    return last ? { ...last.entry, leaf: last.leaf, name: last.name } : null;
  }

  /** @param {string} uid */
  #known(uid) {
    return this.#list.has(uid) ? this.#list.entriesOf(uid) : [];
  }

  /**
   * Brings those of my entries again, byte for byte, that the list has lost.
   *
   * @returns {Promise<boolean>} whether there were any
   */
  async bringOwnAgain() {
    const known = new Set(this.#known(this.#uid).map(({ e }) => hexOf(e)));
    const lost = (await this.#ownEntries()).filter(({ e }) => !known.has(hexOf(e)));
    if (!lost.length) return false;
    await api.addDirectoryEntries(lost.map(entryToWire));
    await this.sync();
    await this.entriesOf([this.#uid]);
    return true;
  }

  /** All that were ever mine, in their order, also those that the list has lost. @returns {Promise<Told[]>} */
  async #ownEntries() {
    return (await this.#database.get("dir", "own")) ?? [];
  }

  /** @param {Told[]} entries */
  async #noteOwn(entries) {
    const before = await this.#ownEntries();
    const known = new Set(before.map(({ e }) => hexOf(e)));
    const fresh = entries.filter(({ e }) => !known.has(hexOf(e)));
    if (fresh.length) await this.#database.put("dir", "own", [...before, ...fresh]);
  }

  async #follow() {
    const before = this.#list.n;
    const answer = await this.#read(before + 1);
    const result = await this.#compare(before + 1, answer);
    if (result.outcome === "fork") return this.#forked(result);
    if (result.outcome === "behind") return this.#fellBehind(answer.head);
    this.#head = answer.head;
    if (this.#meetsExpectation()) this.#stand("fine", null);
    if (result.outcome === "same") return;
    await this.#keep(before);
    await this.#arrived(before);
  }

  /**
   * What the trust store says of the list: the server has shown this to another browser of mine.
   *
   * @param {number} n
   * @param {Bytes} h
   */
  expect(n, h) {
    this.#expected = { n, h };
    // Before the first sync nothing can be said of what lies further on.
    if (n <= this.#list.n) this.#meetsExpectation();
  }

  /** The server signs with another key than it did for another browser of mine. @param {number} n @param {Bytes} h */
  mismatch(n, h) {
    this.#stand("fork", { n, mine: toBase64Url(h), theirs: toBase64Url(this.#list.hashAt(n) ?? this.hash) });
  }

  /** Notes where the list is not what another browser of mine has seen. */
  #meetsExpectation() {
    if (!this.#expected) return true;
    const { n, h } = this.#expected;
    const ours = this.#list.hashAt(n);
    if (!ours) {
      this.#stand("rollback", null);
      return false;
    }
    this.#expected = null;
    if (equal(ours, h)) return true;
    this.#stand("fork", { n, mine: toBase64Url(h), theirs: toBase64Url(ours) });
    return false;
  }

  /**
   * Another key of the server, or a head that nothing leads to, is another list as well.
   *
   * @param {number} from
   * @param {{ head: Head, rows: Bytes }} answer
   */
  async #compare(from, answer) {
    try {
      return await this.#list.follow({ from, ...answer }, this.#dirKey);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.rule !== "bad_signature" && error.rule !== "head") throw { code: "bad_directory" };
      const { n, h } = answer.head;
      return { outcome: /** @type {const} */ ("fork"), n, ours: this.#list.hashAt(n) ?? this.hash, theirs: h };
    }
  }

  /**
   * The signed head, and all rows that lead to it.
   *
   * @param {number} from
   * @returns {Promise<{ head: Head, rows: Bytes }>}
   */
  async #read(from) {
    const pages = [];
    for (let next = from; ;) {
      const { head, rows } = parseDirAnswer(await api.readDirectory(next));
      pages.push(rows);
      next += rows.length / ROW;
      if (next > head.n || !rows.length) return { head, rows: concat(...pages) };
    }
  }

  /** @param {number} before  the positions after it are new */
  async #arrived(before) {
    /** @type {Set<string>} */
    const uids = new Set();
    for (let n = before + 1; n <= this.#list.n; n += 1) uids.add(this.#list.rowAt(n)?.uid ?? "");
    const met = [...uids].filter((uid) => this.#met.has(uid));
    // Whoever was met is known further on; what fails here fails again where it is needed, and is said there.
    await this.entriesOf(met).catch(() => {});
    this.changed([...uids]);
  }

  /** @param {number} before */
  async #keep(before) {
    const first = Math.floor(before / CHUNK);
    const buffer = this.#list.buffer();
    /** @type {[import("../../platform/database.js").Key, unknown][]} */
    const records = [["head", this.#head]];
    const head = this.#head;
    if (head && head.n >= (this.#heads.at(-1)?.n ?? 0) + HEADS_EVERY) {
      this.#heads.push(head);
      records.push([["heads", head.n], head]);
    }
    for (let chunk = first; chunk * CHUNK < this.#list.n; chunk += 1) {
      const bytes = buffer.slice(chunk * CHUNK * POSITION, (chunk + 1) * CHUNK * POSITION);
      records.push([["rows", chunk], bytes]);
    }
    await this.#database.putAll("dir", records);
  }

  /** @param {string[]} uids */
  async #readEntries(uids) {
    const told = await api.readDirectoryEntries(uids);
    for (const uid of uids) {
      const entries = told.filter((entry) => entry.uid === uid).map(entryFromWire);
      try {
        await this.#list.addEntries(uid, entries);
      } catch (error) {
        if (error instanceof Refused) throw { code: "entries_withheld", uid };
        throw error;
      }
      this.#met.add(uid);
      await this.#database.put("dir", ["entries", uid], entries);
      if (uid === this.#uid) await this.#noteOwn(entries);
    }
  }

  /** @param {{ n: number, ours: Bytes, theirs: Bytes }} fork */
  async #forked({ n, ours, theirs }) {
    this.#stand("fork", { n, mine: toBase64Url(ours), theirs: toBase64Url(theirs) });
    if (this.#brought === "fork") return;
    this.#brought = "fork";
    // The administrators are told by what the server makes of it.
    const from = await this.#firstDifference().catch(() => 0);
    if (from) await this.#bringBack(from).catch(() => {});
  }

  /** @returns {Promise<number>} the first position at which the server's list is another one, or ends */
  async #firstDifference() {
    const { rows } = await this.#read(1);
    const ours = this.#list.rowsFrom(1);
    const at = ours.findIndex((byte, index) => byte !== rows[index]);
    return at < 0 ? 0 : Math.floor(at / ROW) + 1;
  }

  /**
   * The server was set back: nearly always by a backup, and then it takes what it has lost.
   *
   * @param {Head} head  of the server now
   */
  async #fellBehind(head) {
    const place = `${head.n}/${this.#list.n}`;
    if (this.#brought !== place) {
      this.#brought = place;
      await this.#bringBack(head.n + 1).catch(() => {});
      const result = await this.#compare(this.#list.n + 1, await this.#read(this.#list.n + 1));
      if (result.outcome === "same" || result.outcome === "extended") return this.#stand("fine", null);
    }
    this.#stand("rollback", null);
  }

  /** @param {number} from */
  async #bringBack(from) {
    let rest = await this.#entriesAt((n) => n >= from);
    for (const { head, first } of stepsTo(this.#head, this.#heads, from)) {
      const isLong = head.n - first >= ROWS_AT_ONCE;
      const own = rest.filter(({ n }) => n <= head.n).slice(0, isLong ? 0 : ENTRIES_AT_ONCE);
      rest = rest.filter((entry) => !own.includes(entry));
      const rows = this.#list.rowsFrom(first).slice(0, (head.n - first + 1) * ROW);
      await bring({ head: headToWire(head), from: first, rows: toBase64Url(rows), entries: own });
    }
    await this.#bringRest(rest);
  }

  /** Entries whose positions the server has, without what stands there. @param {number[]} missing */
  async #bringEntries(missing) {
    const key = missing.join();
    if (this.#brought === key) return;
    this.#brought = key;
    await this.#bringRest(await this.#entriesAt((n) => missing.includes(n))).catch(() => {});
  }

  /** @param {ReturnType<typeof entryToAgain>[]} entries */
  async #bringRest(entries) {
    for (let at = 0; at < entries.length && this.#head; at += ENTRIES_AT_ONCE) {
      const some = entries.slice(at, at + ENTRIES_AT_ONCE);
      const head = headToWire(this.#head);
      await bring({ head, from: this.#head.n + 1, rows: "", entries: some });
    }
  }

  /** The entries that are here, of such positions. @param {(n: number) => boolean} wanted */
  async #entriesAt(wanted) {
    const kept = await this.#database.getAll("dir", { under: ["entries"] });
    return kept
      .flatMap(({ value }) => /** @type {Told[]} */ (value))
      .filter(({ n }) => wanted(n))
      .map(entryToAgain);
  }

  /** @param {Standing} state @param {Fork | null} fork */
  #stand(state, fork) {
    const isSame = state === this.state && fork?.theirs === this.fork?.theirs;
    this.state = state;
    this.fork = fork;
    if (!isSame) this.changed([]);
  }
}

/** @param {api.ToldEntry} told @returns {Told} */
function entryFromWire({ n, uid, e, sn, so, name }) {
  const bytes = { e: fromBase64Url(e), sn: fromBase64Url(sn), so: fromBase64Url(so) };
  return { n, uid, ...bytes, ...(name === undefined ? {} : { name }) };
}

/** @param {Told} entry */
function entryToWire({ e, sn, so }) {
  return { e: toBase64Url(e), sn: toBase64Url(sn), ...(so.length ? { so: toBase64Url(so) } : {}) };
}

/** @param {Told} entry */
function entryToAgain(entry) {
  return { n: entry.n, ...entryToWire(entry), ...(entry.name === undefined ? {} : { name: entry.name }) };
}

/** @param {Head} head */
function headToWire({ n, h, t, sig }) {
  return { n, h: toBase64Url(h), t, sig: toBase64Url(sig) };
}
