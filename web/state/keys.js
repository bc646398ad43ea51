/**
 * My keys, for views and for the session: a door to `state/encryption`, whose modules are loaded when they are needed.
 * Signing in needs them at once; who is signed in already sees the rooms first.
 */
import { deleteDatabases } from "../platform/database.js";
import { hasWebCrypto } from "../platform/secure.js";
import { NO_KEYS } from "./keys_state.js";

/** @typedef {import("./encryption/encryption.js").Encryption} Encryption */
/** @typedef {import("./credentials.js").Entrance} Entrance */
/** @typedef {import("./types.js").User} User */
/** @typedef {import("../net/wire_frames.js").ServerEvent} ServerEvent */

/** Every database of the encryption is named so, followed by the uid. */
const NAME = "impulse-e2ee-";
/** Signing in does not wait longer for the keys: they come afterwards. */
const PATIENCE_MS = 15_000;
/** After the rooms were named: the keys of who comes back are looked at then. */
const QUIET_MS = 300;
/** What could not be looked at is looked at again. */
const AGAIN_MS = 10_000;

export class Keys {
  #store;
  /** Of whom, since when. @type {{ uid: string, opening: Promise<Encryption> } | null} */
  #current = null;
  /** The same, once it is there. @type {Encryption | null} */
  #loaded = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later;
  /** Told of each encryption that was loaded. @type {((encryption: Encryption) => void)[]} */
  #listeners = [];

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** What is loaded, if it is. */
  get loaded() {
    return this.#loaded;
  }

  /**
   * Calls back with the encryption of who is signed in, now and whenever it is another.
   *
   * @param {(encryption: Encryption) => void} listener
   */
  onLoaded(listener) {
    this.#listeners.push(listener);
    if (this.#loaded) listener(this.#loaded);
  }

  /** Loads the modules ahead, while a password is derived. */
  prepare() {
    if (hasWebCrypto()) void import("./encryption/encryption.js").catch(() => {});
  }

  /**
   * Somebody signs in with a password: opens the keys with it, or makes the first ones, before the rooms are shown.
   *
   * @param {User} me
   * @param {Entrance} entrance
   */
  async begin(me, entrance) {
    const work = async () => (await this.#open(me)).begin(entrance);
    await Promise.race([work(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]).catch(() => {});
  }

  /**
   * Somebody is signed in: what is known is shown, and the rest is looked at when there is nothing else to do.
   *
   * @param {User} me
   */
  start(me) {
    if (this.#current?.uid === me.uid) return void this.#loaded?.publish();
    this.#drop();
    if (!hasWebCrypto()) this.#show({ phase: "unsupported" });
  }

  /** Nothing more is asked of the server. */
  rest() {
    clearTimeout(this.#later);
    this.#loaded?.close();
  }

  /** Nobody is signed in any more: the keys leave this browser. */
  stop() {
    this.#drop();
    void deleteDatabases(NAME);
  }

  /** Somebody else is, in another tab. @param {string} uid */
  forgetOthers(uid) {
    void deleteDatabases(NAME, NAME + uid);
  }

  /** @param {ServerEvent} event */
  receive(event) {
    if (event.op !== "hello" && event.op !== "signed_in" && event.op !== "keys.changed") return;
    const tell = async () => {
      const encryption = await this.load();
      await (event.op === "hello" ? encryption.connected(event) : encryption.receive(event));
    };
    const begin = () => void tell().catch(() => {});
    if (event.op !== "hello") return begin();
    clearTimeout(this.#later);
    this.#later = setTimeout(begin, event.rooms.some(({ e2ee }) => e2ee) ? 0 : QUIET_MS);
  }

  /**
   * @returns {Promise<Encryption>} of who is signed in
   * @throws {{ code: string }} nobody is, or it cannot be loaded now
   */
  async load() {
    const { me } = this.#store.state;
    if (!me || !hasWebCrypto()) throw { code: "no_keys_here" };
    return this.#open(me);
  }

  /** Whether the keys of who is signed in are in this browser. */
  async areHere() {
    const encryption = await this.load().catch(() => null);
    return Boolean(encryption?.keys.identity);
  }

  /** @param {string} password @param {{ anySalt?: boolean }} [options] */
  async unlock(password, options) {
    await (await this.load()).keys.unlock(password, options);
  }

  /**
   * Another password for the account, and the same keys under it.
   *
   * @param {{ old: string, password: string, signOutOthers: boolean }} change
   */
  async changePassword(change) {
    const encryption = await this.load();
    await encryption.changePassword(change);
  }

  /**
   * Sets another password with the recovery code, and signs in.
   *
   * @param {{ username: string, code: string, password: string }} choice
   */
  async recover(choice) {
    return (await import("./encryption/recovery.js")).recover(choice);
  }

  /**
   * A ticket of mine sets another password for the keys that are here.
   *
   * @param {{ ticket: string, password: string }} choice
   */
  async redeemTicket(choice) {
    await (await this.load()).keys.redeemTicket(choice);
  }

  /** Offers a recovery code. @param {string} password */
  async newCode(password) {
    await (await this.load()).keys.newCode(password);
  }

  /** The code on offer was kept: now it counts. */
  async keepCode() {
    await (await this.load()).keys.keepCode();
  }

  /** The code on offer is not wanted now. */
  dropCode() {
    this.#loaded?.keys.dropCode();
  }

  /**
   * Opens a locked account with the recovery code.
   *
   * @param {string} code
   * @param {string} password  may be empty right after the sign-in
   */
  async unlockWithCode(code, password) {
    await (await this.load()).keys.unlockWithCode(code, password);
  }

  /** New keys instead of lost ones. @param {string} password  may be empty right after the sign-in */
  async startFresh(password) {
    await (await this.load()).keys.startFresh(password);
  }

  /**
   * New keys, because somebody else may have mine.
   *
   * @param {Parameters<Encryption["rotate"]>[0]} change
   * @returns {Promise<{ left: number }>} rooms that get theirs later
   */
  async rotate(change) {
    return (await this.load()).rotate(change);
  }

  /** Looks at somebody's keys, and shows what is known of them. @param {string} uid */
  async look(uid) {
    await (await this.load()).people.look(uid);
  }

  /** @param {string} uid @returns {Promise<string>} what both of us compare */
  async safetyNumber(uid) {
    return (await this.load()).people.safetyNumber(uid);
  }

  /** Numbers were compared, or are not trusted any more. @param {string} uid @param {boolean} isVerified */
  async verify(uid, isVerified) {
    await (await this.load()).trust.verify(uid, isVerified);
  }

  /** @param {string} id  of a notice */
  async dismissNotice(id) {
    await (await this.load()).notices.dismiss(id);
  }

  /** Follows another list of keys from its beginning. @param {string} password */
  async forgetDirectory(password) {
    await (await this.load()).forgetDirectory(password);
  }

  /** What shows that the server has told two things. */
  async evidence() {
    return (await this.load()).evidence();
  }

  /** @param {User} me @returns {Promise<Encryption>} */
  #open(me) {
    if (this.#current?.uid === me.uid) return this.#current.opening;
    this.#drop();
    const opening = this.#make(me);
    const current = { uid: me.uid, opening };
    this.#current = current;
    opening.then(
      (encryption) => {
        if (this.#current !== current) return encryption.close();
        this.#loaded = encryption;
        for (const listener of this.#listeners) listener(encryption);
      },
      () => {
        if (this.#current !== current) return;
        this.#current = null;
        this.#show({ phase: "failed" });
        this.#later = setTimeout(() => void this.load().catch(() => {}), AGAIN_MS);
      },
    );
    return opening;
  }

  /** @param {User} me */
  async #make(me) {
    const { Encryption } = await import("./encryption/encryption.js").catch(() => Promise.reject({ code: "network" }));
    return Encryption.open({
      uid: me.uid,
      username: me.username,
      name: NAME + me.uid,
      show: (change) => this.#show(change),
      epoch: () => this.#store.state.epoch,
    });
  }

  /** @param {Partial<import("./keys_state.js").KeysState>} change */
  #show(change) {
    this.#store.update({ keys: { ...this.#store.state.keys, ...change } });
  }

  #drop() {
    clearTimeout(this.#later);
    const { opening } = this.#current ?? {};
    this.#current = null;
    this.#loaded = null;
    // What is still being opened closes itself.
    opening?.then((encryption) => encryption.close()).catch(() => {});
    this.#store.update({ keys: NO_KEYS });
  }
}
