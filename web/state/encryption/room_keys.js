/**
 * The keys of one room's epochs (section 7 of e2ee.md): found by the walk of 7.2, kept where nothing can export them,
 * and told to be missing where nobody has handed them over yet.
 */
import { equal, fromBase64Url, importSecret } from "../../crypto/encoding.js";
import { checkLinks, findKey, findRawKey, holdsLeftOut, leftOut } from "../../crypto/epochs.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./parts.js").Bytes} Bytes */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** A key of the room, sealed to one generation of mine. @typedef {{ epoch: number, gen: number, w: Bytes }} Wrap */

/** Until the server is asked again for a key that it did not have, unless something comes first. */
const AGAIN_MS = 5000;

export class RoomKeys {
  #parts;
  #room;
  /** By epoch. @type {Map<number, CryptoKey>} */
  #keys = new Map();
  /** By epoch and generation. @type {Map<string, Wrap>} */
  #wraps = new Map();
  /** Links that lead nowhere, as `epochs.js` names them. @type {Set<string>} */
  broken = new Set();
  /** Epochs whose links have all been opened. @type {Set<number>} */
  #checked = new Set();
  /** @type {Promise<void> | null} */
  #loading = null;
  /** Walks under way, by epoch. @type {Map<number, Promise<CryptoKey | null>>} */
  #walks = new Map();
  /** When the server was asked last without a result, by epoch. @type {Map<number, number>} */
  #asked = new Map();
  /** Told when a key has come. */
  arrived = () => {};

  /** @param {Parts} parts @param {EncryptedRoom} room */
  constructor(parts, room) {
    this.#parts = parts;
    this.#room = room;
  }

  /** Epochs whose key is here. */
  get held() {
    return [...this.#keys.keys()].sort((a, b) => a - b);
  }

  /** @param {number} epoch */
  has(epoch) {
    return this.#keys.has(epoch);
  }

  load() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load() {
    const wraps = await this.#parts.database.get("rooms", [this.#room.name, "wraps"]);
    for (const wrap of wraps ?? []) this.#wraps.set(nameOf(wrap), wrap);
    const rows = await this.#parts.database.getAll("epochs", { under: [this.#room.name] });
    for (const { key, value } of rows) if (value instanceof CryptoKey) this.#keys.set(key[1], value);
    const kept = await this.#parts.database.get("rooms", [this.#room.name, "broken"]);
    for (const link of kept?.links ?? []) this.broken.add(link);
    for (const epoch of kept?.checked ?? []) this.#checked.add(epoch);
  }

  /**
   * The key of an epoch, or null if nobody has handed it over yet.
   *
   * @param {number} epoch
   * @returns {Promise<CryptoKey | null>}
   */
  async get(epoch) {
    await this.load();
    const known = this.#keys.get(epoch);
    if (known) return known;
    let walking = this.#walks.get(epoch);
    if (!walking) {
      walking = this.#find(epoch).finally(() => this.#walks.delete(epoch));
      this.#walks.set(epoch, walking);
    }
    return walking;
  }

  /** First with what is here, then with the newest wraps of the server, then with older ones. @param {number} epoch */
  async #find(epoch) {
    const found = await this.#walk(epoch);
    if (found || this.#parts.now() - (this.#asked.get(epoch) ?? -Infinity) < AGAIN_MS) return found;
    for await (const oldest of this.#pages()) {
      const key = await this.#walk(epoch);
      if (key) return key;
      if (oldest <= epoch) break;
    }
    this.#asked.set(epoch, this.#parts.now());
    return null;
  }

  /**
   * Notes the wraps of mine that the server has, the newest first.
   *
   * @returns {AsyncGenerator<number>} the oldest epoch of each page
   */
  async *#pages() {
    for (let before = Infinity; ;) {
      const { wraps } = await this.#readWraps(before === Infinity ? undefined : before);
      const oldest = Math.min(...wraps.map((wrap) => wrap.epoch));
      // A server that goes on with what it has told already is not asked for ever.
      if (!wraps.length || oldest >= before) return;
      yield oldest;
      if (oldest <= 1) return;
      before = oldest;
    }
  }

  /** @param {number | undefined} before */
  async #readWraps(before) {
    const told = await this.#parts.calls.readWraps(this.#room.id, before);
    await this.noteWraps(told.wraps);
    if (before === undefined) {
      this.#room.shut = told.shut;
      this.#room.why = told.why;
    }
    return told;
  }

  /**
   * Wraps of mine are kept here, too: a backup of the server may lose them, and what is kept of keys cannot be sealed
   * to anybody. The server has them as well, so they are no secret.
   *
   * @param {{ epoch: number, gen: number, w: string }[]} wraps
   */
  async noteWraps(wraps) {
    await this.load();
    const fresh = wraps.filter((wrap) => this.#note(wrap));
    if (fresh.length) await this.#keepWraps();
  }

  #keepWraps() {
    return this.#parts.database.put("rooms", [this.#room.name, "wraps"], this.#list());
  }

  /** @param {{ epoch: number, gen: number, w: string }} wrap @returns {boolean} whether it was not known */
  #note({ epoch, gen, w }) {
    try {
      const wrap = { epoch, gen, w: fromBase64Url(w) };
      const known = this.#wraps.get(nameOf(wrap));
      this.#wraps.set(nameOf(wrap), wrap);
      return !known || !equal(known.w, wrap.w);
    } catch {
      // What is no bytes is no wrap.
      return false;
    }
  }

  /**
   * A wrap for me has come.
   *
   * @param {{ epoch: number, gen: number, w: string }} wrap
   */
  async take(wrap) {
    await this.noteWraps([wrap]);
    this.#asked.clear();
    if (!this.#room.state || wrap.epoch > this.#room.state.epoch) return;
    if (await this.#walk(wrap.epoch)) this.arrived();
  }

  /** Something has changed that keys may come from. */
  poke() {
    this.#asked.clear();
  }

  /** @param {number} target @returns {Promise<CryptoKey | null>} */
  async #walk(target) {
    const ring = this.ring();
    if (!ring) return null;
    return this.#keeping(async () => {
      const { key, bad } = await findKey(target, ring);
      for (const wrap of bad) await this.#report(wrap);
      return key;
    });
  }

  /**
   * What I have to find keys with; null without my own keys.
   *
   * @returns {import("../../crypto/epochs.js").Keyring | null}
   */
  ring() {
    const me = this.#parts.identity();
    const { state } = this.#room;
    if (!me || !state) return null;
    return { uid: me.uid, state, wraps: this.#list(), exchange: me.exchange, keys: this.#keys, broken: this.broken };
  }

  /** Keeps what a walk finds: keys, and links that lead nowhere. @template T @param {() => Promise<T>} walk */
  async #keeping(walk) {
    const keys = new Set(this.#keys.keys());
    const noted = this.broken.size + this.#checked.size;
    const result = await walk();
    const fresh = [...this.#keys].filter(([epoch]) => !keys.has(epoch));
    if (fresh.length) await this.#keep(fresh);
    if (this.broken.size + this.#checked.size > noted) {
      const links = { links: [...this.broken], checked: [...this.#checked] };
      await this.#parts.database.put("rooms", [this.#room.name, "broken"], links);
    }
    return result;
  }

  #list() {
    return [...this.#wraps.values()];
  }

  /** @param {[number, CryptoKey][]} keys */
  async #keep(keys) {
    await this.#parts.database.putAll(
      "epochs",
      keys.map(([epoch, key]) => [[this.#room.name, epoch], key]),
    );
  }

  /** A wrap of mine is no good: somebody else has to make one. @param {{ epoch: number, gen: number }} wrap */
  async #report({ epoch, gen }) {
    this.#wraps.delete(nameOf({ epoch, gen }));
    await this.#keepWraps();
    await this.#parts.calls.reportWrap(this.#room.id, { epoch, gen }).catch(() => {});
  }

  /** The links of epochs that have come are all opened, so that a broken one is known at once. */
  async checkLinks() {
    await this.get(this.#room.state?.epoch ?? 0);
    const ring = this.ring();
    if (!ring) return;
    await this.#walkAll(ring.state.epoch);
    await this.#keeping(async () => {
      for (const epoch of this.held) {
        if (this.#checked.has(epoch)) continue;
        await checkLinks(epoch, ring);
        this.#checked.add(epoch);
      }
    });
  }

  /** Opens whatever what is here leads to, the newest first. @param {number} newest */
  async #walkAll(newest) {
    for (let epoch = newest; epoch >= 1; epoch -= 1) if (!this.#keys.has(epoch)) await this.#walk(epoch);
  }

  /**
   * Looks for an epoch that the newest does not lead to: it may be known from a wrap of mine alone, and from one that
   * is not among the newest.
   *
   * @returns {Promise<boolean>} whether one is held
   */
  async lookForLeftOut() {
    await this.checkLinks();
    const { state } = this.#room;
    if (!state || !this.#keys.has(state.epoch)) return false;
    const lacking = leftOut(state, this.broken).filter((epoch) => !this.#keys.has(epoch));
    if (lacking.length) {
      await this.all();
      for (const epoch of lacking) await this.#walk(epoch);
    }
    return this.isLeftOut;
  }

  /** Whether an epoch is held that the newest does not lead to. */
  get isLeftOut() {
    const { state } = this.#room;
    return state !== null && this.#keys.has(state.epoch) && holdsLeftOut(this.#keys.keys(), state, this.broken);
  }

  /**
   * The bytes of a key, to be sealed to others: found anew, as what is kept cannot be exported.
   *
   * @param {number} epoch
   * @returns {Promise<Bytes | null>}
   */
  async raw(epoch) {
    const ring = this.ring();
    const found = ring && (await findRawKey(epoch, ring));
    if (found) return found;
    // The wrap that it came from may not be here any more.
    await this.all();
    const again = this.ring();
    return again && findRawKey(epoch, again);
  }

  /** A key that I have made. @param {number} epoch @param {Bytes} bytes */
  async put(epoch, bytes) {
    await this.load();
    const key = await importSecret(bytes);
    this.#keys.set(epoch, key);
    await this.#keep([[epoch, key]]);
    this.arrived();
  }

  /** What the server says about who is shut, who lacks the key, and why a new one is due. */
  ask() {
    return this.#readWraps(undefined);
  }

  /** Every wrap of mine that the server has. @returns {Promise<Wrap[]>} */
  async all() {
    for await (const _ of this.#pages());
    return this.#list();
  }
}

/** @param {{ epoch: number, gen: number }} wrap */
const nameOf = ({ epoch, gen }) => `${epoch}/${gen}`;
