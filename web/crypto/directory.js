/**
 * The directory as a client holds it (e2ee.md, 5): every position of the chain, the entries of people it
 * meets, and what both say about somebody's keys at a position.
 */
import { Refused, concat, demand, equal, hexOf } from "./encoding.js";
import {
  ROW_BYTES,
  checkHead,
  checkKeys,
  leafOf,
  nodeHash,
  parseDirEntry,
  parseRow,
  parseRows,
  rootHash,
  rowOf,
  tagOf,
  verifyDirEntry,
} from "./directory_entry.js";

export { ROW_BYTES, nameKey, tagOf, buildDirEntry, parseDirEntry, checkKeys } from "./directory_entry.js";
export { signDirEntry, verifyDirEntry, leafOf, rootHash, nodeHash, rowOf, parseRows } from "./directory_entry.js";
export { parseRow, headMessage, checkHead, parseDirAnswer } from "./directory_entry.js";

/** @typedef {import("./encoding.js").Bytes} Bytes */
/** @typedef {import("./directory_entry.js").DirEntry} DirEntry */
/** @typedef {import("./directory_entry.js").SignedDirEntry} SignedDirEntry */
/** @typedef {import("./directory_entry.js").Row} Row */
/** @typedef {import("./directory_entry.js").Head} Head */

/** @typedef {SignedDirEntry & {n: number, uid?: string, name?: string}} TravellingEntry */
/** @typedef {SignedDirEntry & {n: number, entry: DirEntry, leaf: Bytes, name: string | null}} KnownEntry */

/**
 * What `room_log.js` and `envelope.js` ask of a directory. `Directory` is one.
 *
 * @typedef {object} DirectoryView
 * @property {number} n
 * @property {(n: number) => Bytes | null} hashAt
 * @property {(uid: string, n: number) => Bytes | null} rootAt
 * @property {(uid: string, n: number) => number} genAt
 * @property {(uid: string, gen: number) => {ed: Bytes, x: Bytes} | null} keysOf
 * @property {(uid: string) => {n: number, type: "rotate" | "reset"}[]} changes
 */

/** Entries of these people have to be fetched and given to `addEntries` before the question can be answered. */
export class Unknown extends Error {
  /** @param {string[]} uids */
  constructor(uids) {
    super(`entries of ${uids.join(", ")} are not loaded`);
    this.name = "Unknown";
    this.uids = uids;
  }
}

const HASH = 32;
const POSITION = HASH + ROW_BYTES;

export class Directory {
  /** Every position: H_n and row_n. Grows by doubling; `#n` says how much of it counts. @type {Bytes} */
  #positions;
  #n = 0;
  /** @type {Map<string, number[]>} uid → positions */
  #places = new Map();
  /** @type {Map<string, Set<string>>} tag → uids */
  #owners = new Map();
  /** @type {Map<string, KnownEntry[]>} uid → entries from its first position on, without a gap */
  #entries = new Map();
  /** @type {Bytes} */
  #first;

  /**
   * @param {Bytes} instance
   * @param {Bytes} first  H_0
   * @param {Bytes} kept  positions of `buffer()`, which were checked when they came
   */
  constructor(instance, first, kept) {
    this.instance = instance;
    this.#first = first;
    this.#positions = kept;
    this.#n = kept.length / POSITION;
    for (let n = 1; n <= this.#n; n += 1) this.#index(n, /** @type {Row} */ (this.rowAt(n)));
  }

  /**
   * @param {Bytes} instance
   * @param {Bytes} [kept]  what `buffer()` gave
   * @returns {Promise<Directory>}
   */
  static async create(instance, kept = new Uint8Array()) {
    demand(kept.length % POSITION === 0, "form");
    return new Directory(instance, await rootHash(instance), kept);
  }

  /** The newest position. */
  get n() {
    return this.#n;
  }

  /** All positions, to be kept. @returns {Bytes} */
  buffer() {
    return this.#positions.slice(0, this.#n * POSITION);
  }

  /** @param {number} n @returns {Bytes | null} H_n */
  hashAt(n) {
    if (n === 0) return this.#first;
    if (!Number.isSafeInteger(n) || n < 0 || n > this.#n) return null;
    return this.#positions.slice((n - 1) * POSITION, (n - 1) * POSITION + HASH);
  }

  /** @param {number} n @returns {Row | null} */
  rowAt(n) {
    if (!(n >= 1 && n <= this.#n)) return null;
    return parseRow(this.#positions.subarray((n - 1) * POSITION + HASH, n * POSITION));
  }

  /** The rows from a position on, as they travel. @param {number} from @returns {Bytes} */
  rowsFrom(from) {
    const rows = [];
    for (let n = from; n <= this.#n; n += 1) rows.push(rowOf(/** @type {Row} */ (this.rowAt(n))));
    return concat(...rows);
  }

  /** @param {string} uid @returns {number[]} */
  positionsOf(uid) {
    return [...(this.#places.get(uid) ?? [])];
  }

  /** @param {Bytes} tag @returns {string[]} the accounts that have ever had this name: more than one is an attack */
  ownersOf(tag) {
    return [...(this.#owners.get(hexOf(tag)) ?? [])];
  }

  /** Names that stand under more than one account. @returns {{tag: string, uids: string[]}[]} tags in hex */
  shared() {
    const all = [...this.#owners].filter(([, uids]) => uids.size > 1);
    return all.map(([tag, uids]) => ({ tag, uids: [...uids] }));
  }

  /**
   * What a message or a log entry says about the directory, against what this client has.
   *
   * @param {number} dn
   * @param {Bytes} dh
   * @returns {"same" | "fork" | "unknown"}
   */
  check(dn, dh) {
    const ours = this.hashAt(dn);
    if (!ours) return "unknown";
    return equal(ours, dh) ? "same" : "fork";
  }

  /**
   * Follows the server's chain. The rows start at `from` and reach the head; nothing is taken before all of it holds.
   * `behind`: the server's chain is a proper prefix of this one.
   *
   * @param {{from: number, head: Head, rows: Bytes}} answer
   * @param {Bytes} dirKey
   * @returns {Promise<{outcome: "same" | "extended" | "behind", n: number} |
   *   {outcome: "fork", n: number, ours: Bytes, theirs: Bytes}>}
   * @throws {Refused} `form`; `bad_signature`; `head`: its rows do not lead to its head
   */
  async follow({ from, head, rows }, dirKey) {
    demand(await checkHead(this.instance, dirKey, head), "bad_signature");
    const parsed = parseRows(rows);
    const last = from + parsed.length - 1;
    if (head.n <= this.#n && last < from) return this.#compareHead(head);
    demand(from >= 1 && from <= this.#n + 1 && last === head.n, "form");
    const before = this.#n;
    let h = /** @type {Bytes} */ (this.hashAt(from - 1));
    const fresh = [];
    for (const [index, row] of parsed.entries()) {
      const n = from + index;
      h = await nodeHash(h, n, row);
      const ours = this.hashAt(n);
      if (ours && !equal(ours, h)) return { outcome: "fork", n, ours, theirs: h };
      if (!ours) fresh.push({ row, h });
    }
    demand(equal(h, head.h), "head");
    if (this.#n !== before) return this.follow({ from, head, rows }, dirKey);
    if (head.n < this.#n) return { outcome: "behind", n: head.n };
    for (const each of fresh) this.#append(each.row, each.h);
    return { outcome: fresh.length ? "extended" : "same", n: this.#n };
  }

  /** @param {Head} head */
  #compareHead(head) {
    const ours = /** @type {Bytes} */ (this.hashAt(head.n));
    if (!equal(ours, head.h)) return { outcome: /** @type {const} */ ("fork"), n: head.n, ours, theirs: head.h };
    const outcome = /** @type {"same" | "behind"} */ (head.n < this.#n ? "behind" : "same");
    return { outcome, n: head.n };
  }

  /** @param {Row} row @param {Bytes} h */
  #append(row, h) {
    const end = this.#n * POSITION;
    if (this.#positions.length < end + POSITION) {
      const grown = new Uint8Array(Math.max(64 * POSITION, 2 * end));
      grown.set(this.#positions.subarray(0, end));
      this.#positions = grown;
    }
    this.#positions.set(h, end);
    this.#positions.set(rowOf(row), end + HASH);
    this.#n += 1;
    this.#index(this.#n, row);
  }

  /** @param {number} n @param {Row} row */
  #index(n, { uid, tag }) {
    const places = this.#places.get(uid);
    if (places) places.push(n);
    else this.#places.set(uid, [n]);
    const name = hexOf(tag);
    const owners = this.#owners.get(name);
    if (owners) owners.add(uid);
    else this.#owners.set(name, new Set([uid]));
  }

  /**
   * Takes the entries of one person: one for every position of that person that this client knows, each hashing to the
   * leaf there, and each allowed after the one before. So a server cannot keep the newest one back.
   *
   * @param {string} uid
   * @param {TravellingEntry[]} entries
   * @returns {Promise<void>}
   * @throws {Refused} `missing`: the server keeps something back; `leaf`; the rules of `checkNext`
   */
  async addEntries(uid, entries) {
    const byPosition = new Map(entries.map((each) => [each.n, each]));
    /** @type {KnownEntry[]} */
    const known = [];
    for (const n of this.positionsOf(uid)) {
      const signed = byPosition.get(n);
      if (!signed) throw new Refused("missing");
      const row = /** @type {Row} */ (this.rowAt(n));
      const leaf = await leafOf(signed);
      demand(equal(leaf, row.leaf), "leaf");
      const entry = await checkAfter(this.instance, uid, known, signed);
      demand(equal(entry.tag, row.tag), "tag");
      const name = await fittingName(this.instance, signed.name, entry.tag);
      known.push({ n, entry, leaf, e: signed.e, sn: signed.sn, so: signed.so, name });
    }
    if (known.length >= (this.#entries.get(uid)?.length ?? 0)) this.#entries.set(uid, known);
  }

  /**
   * Whether the directory would take an entry now, by the rules of 5.1.
   *
   * @param {string} uid
   * @param {SignedDirEntry} signed
   * @returns {Promise<DirEntry>}
   * @throws {Refused} `form`, `type`, `prev`, `generation`, `key`, `tag`, `taken`, `bad_signature`
   */
  async checkNext(uid, signed) {
    const entry = await checkAfter(this.instance, uid, this.entriesOf(uid), signed);
    demand(
      this.ownersOf(entry.tag).every((owner) => owner === uid),
      "taken",
    );
    return entry;
  }

  /** Whether all entries of a person are here. @param {string} uid @returns {boolean} */
  has(uid) {
    return (this.#entries.get(uid)?.length ?? 0) === (this.#places.get(uid)?.length ?? 0);
  }

  /** Those whose entries have to be fetched. @param {Iterable<string>} uids @returns {string[]} */
  lacking(uids) {
    return [...new Set(uids)].filter((uid) => !this.has(uid));
  }

  /** @param {string} uid @returns {KnownEntry[]} all of them, else `Unknown` */
  entriesOf(uid) {
    if (!this.has(uid)) throw new Unknown([uid]);
    return this.#entries.get(uid) ?? [];
  }

  /** @param {string} uid @returns {KnownEntry | null} */
  latest(uid) {
    return this.entriesOf(uid).at(-1) ?? null;
  }

  /**
   * The entries of a person at positions up to n.
   *
   * @param {string} uid
   * @param {number} n
   */
  #upTo(uid, n) {
    const wanted = (this.#places.get(uid) ?? []).filter((place) => place <= n).length;
    const known = this.#entries.get(uid) ?? [];
    if (known.length < wanted) throw new Unknown([uid]);
    return known.slice(0, wanted);
  }

  /** @param {string} uid @param {number} n @returns {Bytes | null} leaf of the latest `create` or `reset` up to n */
  rootAt(uid, n) {
    return this.#upTo(uid, n).findLast(({ entry }) => isRoot(entry))?.leaf ?? null;
  }

  /** @param {string} uid @param {number} n @returns {number} 0: none */
  genAt(uid, n) {
    return this.#upTo(uid, n).at(-1)?.entry.gen ?? 0;
  }

  /** @param {string} uid @param {number} gen @returns {{ed: Bytes, x: Bytes} | null} */
  keysOf(uid, gen) {
    const found = (this.#entries.get(uid) ?? []).find(({ entry }) => entry.gen === gen);
    if (!found && !this.has(uid)) throw new Unknown([uid]);
    return found ? { ed: found.entry.ed, x: found.entry.x } : null;
  }

  /** Where a person's keys changed. @param {string} uid @returns {{n: number, type: "rotate" | "reset"}[]} */
  changes(uid) {
    const changed = this.entriesOf(uid).filter(({ entry }) => entry.type === "rotate" || entry.type === "reset");
    return changed.map(({ n, entry }) => ({ n, type: /** @type {"rotate" | "reset"} */ (entry.type) }));
  }

  /** The person's name, if the one that was told fits the tag. @param {string} uid @returns {string | null} */
  nameOf(uid) {
    return this.latest(uid)?.name ?? null;
  }
}

/** @param {DirEntry} entry */
const isRoot = ({ type }) => type === "create" || type === "reset";

/**
 * The rules of 5.1 for an entry after those of the same person before it.
 *
 * @param {Bytes} instance
 * @param {string} uid
 * @param {KnownEntry[]} before
 * @param {SignedDirEntry} signed
 * @returns {Promise<DirEntry>}
 */
async function checkAfter(instance, uid, before, signed) {
  const entry = parseDirEntry(instance, signed.e);
  const { type, gen } = entry;
  const latest = before.at(-1);
  demand(entry.uid === uid, "form");
  demand((type === "create") === !latest, "type");
  demand(equal(entry.prevLeaf, latest?.leaf ?? new Uint8Array()), "prev");
  const renewed = type === "rotate" || type === "reset";
  demand(gen === (latest?.entry.gen ?? 0) + (type === "rename" ? 0 : 1), "generation");
  checkKeys(entry);
  if (renewed) demand(!before.some((each) => sharesKey(each.entry, entry)), "key");
  if (type === "rename" && latest) demand(equal(latest.entry.ed, entry.ed) && equal(latest.entry.x, entry.x), "key");
  if (latest) demand(equal(latest.entry.tag, entry.tag) === (type !== "rename"), "tag");
  const oldKey = type === "rotate" && latest ? latest.entry.ed : null;
  demand(await verifyDirEntry(entry, signed, oldKey), "bad_signature");
  return entry;
}

/** @param {DirEntry} one @param {DirEntry} other */
const sharesKey = (one, other) => equal(one.ed, other.ed) || equal(one.x, other.x);

/**
 * @param {Bytes} instance
 * @param {string | undefined} name
 * @param {Bytes} tag
 */
async function fittingName(instance, name, tag) {
  return name && equal(await tagOf(instance, name), tag) ? name : null;
}

/**
 * Whether the directory gives the name that somebody chose to this account now, and to nobody else ever: 5.2 (3, 6).
 *
 * @param {Directory} directory
 * @param {string} uid
 * @param {string} name
 * @returns {Promise<boolean>}
 */
export async function nameFits(directory, uid, name) {
  const tag = await tagOf(directory.instance, name);
  const latest = directory.latest(uid);
  const owners = directory.ownersOf(tag);
  return latest !== null && equal(latest.entry.tag, tag) && owners.length === 1 && owners[0] === uid;
}

/**
 * My own entries against my own keys, 5.2 (5): `newer`: a generation that my bundle does not have; `other_keys`: its
 * keys are not mine; `foreign_name`: a name of mine stands under another account, too; `older`: the directory has not
 * heard of my newest generation, as after a restored backup; `none`: it has no entry of mine.
 *
 * @param {Directory} directory
 * @param {Pick<import("./keystore.js").Identity, "uid" | "gen" | "ed" | "exchange">} identity
 * @returns {"same" | "none" | "newer" | "other_keys" | "foreign_name" | "older"}
 */
export function judgeOwn(directory, { uid, gen, ed, exchange }) {
  const entries = directory.entriesOf(uid).map(({ entry }) => entry);
  const latest = entries.at(-1);
  if (!latest) return "none";
  if (latest.gen > gen) return "newer";
  const isMine = (/** @type {DirEntry} */ entry) => {
    const x = exchange.get(entry.gen)?.publicKey;
    return (!x || equal(entry.x, x)) && (entry.gen !== gen || equal(entry.ed, ed));
  };
  if (!entries.every(isMine)) return "other_keys";
  const owners = entries.flatMap(({ tag }) => directory.ownersOf(tag));
  if (owners.some((owner) => owner !== uid)) return "foreign_name";
  return latest.gen < gen ? "older" : "same";
}
