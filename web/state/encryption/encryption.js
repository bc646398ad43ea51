/**
 * The encryption of one person who is signed in: joins what is known of keys (mine, everybody's, and which of them I
 * trust) with the line and with the views, and is where encrypted rooms find it. Made once for each sign-in, by
 * `state/keys.js`.
 */
import { readInfo } from "../../calls/account.js";
import { addDirectoryEntries } from "../../calls/directory.js";
import { readEncryptionInfo, readTrust, unlock } from "../../calls/keys.js";
import { signDirEntry, judgeOwn, tagOf } from "../../crypto/directory.js";
import { equal, fromBase64Url, toBase64Url } from "../../crypto/encoding.js";
import { probe } from "../../crypto/signatures.js";
import { openDatabase } from "../../platform/database.js";
import { clock } from "../clock.js";
import { authOf, changePassword } from "../credentials.js";
import { KeyDirectory } from "./directory.js";
import { Notices } from "./notices.js";
import { OwnKeys } from "./own_keys.js";
import { People } from "./people.js";
import { TrustStore } from "./trust_store.js";

/** @typedef {import("../../crypto/encoding.js").Bytes} Bytes */
/** @typedef {import("../keys_state.js").Alarm} Alarm */
/** Mine, as encrypted rooms use them. @typedef {import("./parts.js").Identity} Identity */
/** @typedef {import("../keys_state.js").KeysState} KeysState */

/**
 * What encrypted rooms do for the keys.
 *
 * @typedef {object} Rooms
 * @property {(reason: "keys" | "manual") => Promise<{ left: number }>} rotateAll  gives every room a new key; `left`:
 *   how many could not be reached, and get theirs later
 * @property {() => Promise<void>} unlinkMine  ends all invitations of mine
 * @property {(gen: number, x: Bytes) => Promise<void>} wrapForNext  lets keys that come next read every room
 * @property {(uids: string[]) => void} directoryChanged
 * @property {() => void} trustChanged
 */
/**
 * @typedef {object} Person
 * @property {string} uid
 * @property {string} username
 * @property {string} name  of the database
 * @property {(change: Partial<KeysState>) => void} show
 * @property {() => string} epoch  which history of the server it is, empty until it is known
 */

/** Nothing encrypted is sent while one of these stands. */
export const STOPPING = new Set(["my_name", "own_keys", "own_reset", "fork", "rollback"]);
/** What could not be looked at is looked at again: soon, and then ever more rarely. */
const AGAIN_MS = 5000;
const AGAIN_MOST_MS = 300_000;

export class Encryption {
  /** @type {Identity | null} */
  identity = null;
  #person;
  #isSupported;
  /** What views see. @type {Partial<KeysState>} */
  #shown = {};
  /** @type {Map<string, Alarm>} */
  #alarms = new Map();
  /** @type {Rooms | null} */
  #rooms = null;
  /** @type {Set<(identity: Identity | null) => void>} */
  #listeners = new Set();
  /** Tells the other tabs what has changed. @type {BroadcastChannel | null} */
  #tabs = null;
  /** The keys were just opened with the password, so they are the newest that the server has. */
  #isFresh = false;
  #isClosed = false;
  /** @type {Promise<void> | null} */
  #looking = null;
  #lookAgain = false;
  #againMs = AGAIN_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  #counts = { failed: 0, missing: 0 };
  /** Who has changed my keys, as far as it is known, until the server has told how far they are. */
  #changed = /** @type {{ device: string, at: number } | null} */ (null);

  /**
   * @param {Person} person
   * @param {object} parts
   * @param {boolean} parts.isSupported
   * @param {import("../../platform/database.js").Database} parts.database
   * @param {Bytes} parts.instance
   * @param {Bytes} parts.dirKey
   * @param {KeyDirectory} parts.directory
   */
  constructor(person, { isSupported, database, instance, dirKey, directory }) {
    this.#person = person;
    this.#isSupported = isSupported;
    this.uid = person.uid;
    this.database = database;
    this.instance = instance;
    this.directory = directory;
    const own = { uid: person.uid, username: person.username, instance };
    this.trust = new TrustStore({ own, database, dirKey, directory });
    this.people = new People(own, directory, this.trust, (contacts) => this.show({ contacts }));
    this.notices = new Notices(database, (notices) => this.show({ notices }));
    this.keys = new OwnKeys(own, database, this.#surroundings());
    directory.changed = (uids) => this.#directoryChanged(uids);
    this.trust.changed(() => this.#trustChanged());
    this.trust.alarm = (alarm) => this.alarm(alarm);
    this.trust.kept = () => this.#tabs?.postMessage("trust");
  }

  /**
   * @param {Person} person
   * @returns {Promise<Encryption>}
   * @throws {{ code: string }} the server cannot be asked now
   */
  static async open(person) {
    const [isSupported, database] = await Promise.all([probe(), openDatabase(person.name)]);
    const known = await database.get("meta", "server");
    const told = known ?? (await readEncryptionInfo());
    const { instance, dirKey } = told;
    if (!known) await database.put("meta", "server", { instance, dirKey });
    const parts = { instance: fromBase64Url(instance), dirKey: fromBase64Url(dirKey) };
    const directory = await KeyDirectory.load(database, person.uid, parts);
    const encryption = new Encryption(person, { isSupported, database, directory, ...parts });
    await encryption.#load();
    return encryption;
  }

  async #load() {
    if (!this.#isSupported) return this.show({ phase: "unsupported" });
    this.#listenToTabs();
    await this.notices.load();
    await this.keys.load();
    if (this.keys.identity) await this.trust.open(this.keys.identity.trust, this.keys.identity.akGen, null);
    this.#announce();
  }

  /** Shows again what is known. */
  publish() {
    this.#person.show(this.#shown);
  }

  /** @param {Partial<KeysState>} change */
  show(change) {
    Object.assign(this.#shown, change);
    if (!this.#isClosed) this.#person.show(change);
  }

  /** With what a sign-in has answered. @param {Parameters<OwnKeys["begin"]>[0]} entrance */
  async begin(entrance) {
    if (!this.#isSupported) return;
    await this.keys.begin(entrance);
  }

  /**
   * The line is there: looks at everything that may have changed.
   *
   * @param {{ dir: import("../../net/wire_frames.js").DirectoryHead | null }} hello
   */
  async connected({ dir }) {
    if (!this.#isSupported) return;
    if (dir) await this.directory.told(dir).catch(() => {});
    this.#changed ??= { device: "", at: 0 };
    await this.#look();
    await this.notices.look().catch(() => {});
  }

  /** @param {import("../../net/wire_frames.js").ServerEvent} event */
  async receive(event) {
    if (event.op === "signed_in") this.notices.signedIn(event.session);
    if (event.op !== "keys.changed" || !this.#isSupported) return;
    await this.#keysChanged({ device: event.device, at: clock.now() });
  }

  /** @param {{ device: string, at: number } | null} change  null: a server that refuses my keys says no more */
  async #keysChanged(change) {
    this.#changed = change ?? this.#changed;
    await this.keys.changedElsewhere();
    this.#isFresh = false;
    await this.#look();
  }

  /**
   * Calls back with my identity, now and whenever it is another one.
   *
   * @param {(identity: Identity | null) => void} listener
   * @returns {() => void} ends it
   */
  onIdentity(listener) {
    this.#listeners.add(listener);
    listener(this.identity);
    return () => this.#listeners.delete(listener);
  }

  /** @param {Rooms} rooms */
  useRooms(rooms) {
    this.#rooms = rooms;
  }

  /** Whether anything encrypted may be sent. */
  get mayWrite() {
    return ![...this.#alarms.values()].some(({ kind }) => STOPPING.has(kind));
  }

  /** @param {Alarm} alarm */
  alarm(alarm) {
    if (this.#alarms.has(alarm.id)) return;
    this.#alarms.set(alarm.id, alarm);
    this.#showAlarms();
  }

  /** A check has failed, or a key was missing. @param {"failed" | "missing"} what @param {number} [n] */
  count(what, n = 1) {
    this.#counts[what] += n;
    this.show({ ...this.#counts });
  }

  /** @param {Parameters<OwnKeys["changePassword"]>[0]} change */
  async changePassword(change) {
    if (!this.#isSupported) {
      const { username } = this.#person;
      const { keys } = await unlock(await authOf(username, change.old));
      // They have to go along with the password, and this browser cannot open them.
      if (keys) throw { code: "keys_unsupported" };
      return changePassword({ ...change, username });
    }
    await this.keys.changePassword(change);
  }

  /** The server refuses what my keys sign: they were changed elsewhere. */
  keysChangedElsewhere() {
    if (this.#isSupported) void this.#keysChanged(null);
  }

  /**
   * New keys because somebody else may have mine (14.10): every room gets a new key before this is done.
   *
   * @param {Parameters<OwnKeys["rotate"]>[0]} change
   * @returns {Promise<{ left: number }>} how many rooms could not be reached, and get theirs later
   */
  async rotate(change) {
    await this.directory.sync();
    await this.keys.rotate(change);
    await this.#look();
    await this.#rooms?.unlinkMine().catch(() => {});
    return (await this.#rooms?.rotateAll("keys").catch(() => null)) ?? { left: 0 };
  }

  /** Follows a new list of keys from its beginning. @param {string} password */
  async forgetDirectory(password) {
    await this.keys.unlock(password);
    await this.trust.forgetDirectory();
    await this.directory.forget();
    this.#clearAlarms((kind) => kind === "fork" || kind === "rollback");
    await this.#look();
  }

  /** What shows that the server has told two things, to be saved. @returns {string | null} */
  evidence() {
    const { fork, head } = this.directory;
    if (!fork) return null;
    const signed = head && { n: head.n, h: toBase64Url(head.h), t: head.t, sig: toBase64Url(head.sig) };
    return JSON.stringify({ instance: toBase64Url(this.instance), position: fork, head: signed }, null, 2);
  }

  /** The page goes, or somebody else signs in. */
  close() {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.#tabs?.close();
    this.#tabs = null;
    this.#setIdentity(null);
    this.database.close();
  }

  /** Looks at what may have changed at the server, and once more if that is asked for meanwhile. */
  #look() {
    this.#lookAgain = true;
    this.#looking ??= this.#lookUntilDone().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookUntilDone() {
    clearTimeout(this.#again);
    while (this.#lookAgain && !this.#isClosed) {
      this.#lookAgain = false;
      try {
        await this.directory.sync();
        await this.directory.entriesOf([this.uid]);
        await this.#judgeOwn();
        await this.#lookAtServersKeys();
        this.#againMs = AGAIN_MS;
      } catch (error) {
        const { code } = /** @type {{ code?: string }} */ (error);
        if (!code) throw error;
        if (code === "entries_withheld") this.alarm({ id: "own_keys", kind: "own_keys", at: clock.now() });
        else this.#lookLater();
        return;
      }
    }
  }

  #lookLater() {
    if (this.#isClosed) return;
    this.#again = setTimeout(() => void this.#look().catch(() => {}), this.#againMs);
    this.#againMs = Math.min(2 * this.#againMs, AGAIN_MOST_MS);
  }

  /** My own entries against my keys (5.2, 5). */
  async #judgeOwn() {
    const { identity } = this.keys;
    const namesake = this.directory.namesakesOf(this.uid)[0];
    if (namesake) this.alarm({ id: "my_name", kind: "my_name", uid: namesake });
    if (!identity) return this.#showWhetherKeysExist();
    const verdict = judgeOwn(this.directory.view, identity);
    if (verdict === "newer") return this.#newerKeys();
    if (verdict === "other_keys") this.alarm({ id: "own_keys", kind: "own_keys", at: this.directory.madeAt(this.uid) });
    if (verdict === "older" || verdict === "none") return this.#bringOwnEntries();
    if (verdict === "same") {
      this.#isFresh = false;
      this.#clearAlarms((kind) => kind === "own_reset" || kind === "own_keys");
    }
    this.#announce();
    await this.#rename();
  }

  #showWhetherKeysExist() {
    if (this.#shown.phase === "unlock" && !this.directory.hasKeys(this.uid)) this.show({ phase: "none" });
  }

  /** The list has newer keys of mine than this browser: changed elsewhere by me, or by somebody else. */
  #newerKeys() {
    const at = this.directory.madeAt(this.uid);
    if (this.#isFresh) return this.alarm({ id: "own_keys", kind: "own_keys", at });
    const last = this.directory.view.changes(this.uid).at(-1);
    if (last?.type === "reset") this.alarm({ id: "own_reset", kind: "own_reset", at });
    this.#setIdentity(null);
    this.keys.needPassword();
  }

  /** The list has lost my newest entries, as after a restored backup. */
  async #bringOwnEntries() {
    if (this.directory.closed || !(await this.directory.bringOwnAgain())) return;
    this.#announce();
  }

  /** An administrator has given me another name (14.16). */
  async #rename() {
    const latest = this.directory.latest(this.uid);
    const tag = await tagOf(this.instance, this.#person.username);
    const { identity } = this.keys;
    if (!latest || !identity || equal(latest.tag, tag) || this.directory.closed) return;
    const { gen, ed, x, leaf } = latest;
    const time = Math.floor(clock.now());
    const entry = { uid: this.uid, tag, type: /** @type {const} */ ("rename"), gen, ed, x, prevLeaf: leaf, time };
    const { e, sn } = await signDirEntry(this.instance, entry, identity.sign);
    await addDirectoryEntries([{ e: toBase64Url(e), sn: toBase64Url(sn) }]);
    await this.directory.sync();
    await this.directory.entriesOf([this.uid]);
  }

  /** Whether the server has other keys of mine than this browser, and what else I know of people. */
  async #lookAtServersKeys() {
    if (!this.keys.identity && !this.#changed) return;
    const asked = { akGen: this.keys.akGen, rev: this.trust.rev };
    const { akGen, locked, rev, blob, hasCode } = await readTrust();
    if (this.#changed) await this.notices.keysAre({ akGen, locked }, this.keys.akGen, this.#changed);
    this.#changed = null;
    if (!this.keys.identity) return;
    if (akGen > asked.akGen) await this.keys.noteCode(hasCode);
    const epoch = this.#person.epoch();
    const isSetBack = akGen < asked.akGen && epoch !== "" && this.keys.epoch !== epoch;
    if (locked || isSetBack) return this.show({ phase: "unlock", isChanged: true });
    if (akGen < asked.akGen) return this.alarm({ id: "older_keys", kind: "older_keys" });
    await this.keys.noteEpoch(epoch);
    await this.trust.take({ rev, blob }, akGen, asked.rev);
  }

  /** @returns {import("./own_keys.js").Surroundings} */
  #surroundings() {
    return {
      show: (change) => this.show(change),
      alarm: (alarm) => this.alarm(alarm),
      adopted: (opened) => this.#adopted(opened),
      latest: async () => {
        await this.directory.sync();
        await this.directory.entriesOf([this.uid]);
        const latest = this.directory.latest(this.uid);
        if (!latest) throw { code: "keys_do_not_match" };
        return latest;
      },
      trustText: (akGen) => this.trust.textFor(akGen),
      emptyTrustText: () => this.trust.emptyText(),
      trustRev: () => this.trust.rev,
      wrapForNext: async (gen, x) => this.#rooms?.wrapForNext(gen, x),
      epoch: () => this.#person.epoch(),
      // In a demo everybody is everybody, and nobody keeps a code.
      offersCode: () =>
        readInfo().then(
          ({ demo }) => !demo,
          () => true,
        ),
    };
  }

  /** @param {import("./account_keys.js").Opened | null} opened  null: in another tab */
  async #adopted(opened) {
    const { identity } = this.keys;
    if (!identity) return;
    if (opened) this.#isFresh = true;
    await this.trust.open(identity.trust, identity.akGen, opened?.trust ?? null);
    await this.trust.noteKeys(identity.akGen);
    if (opened) this.#tabs?.postMessage("keys");
    // Signing in does not wait for the list of keys.
    void this.#look().catch(() => {});
  }

  #announce() {
    const { identity, localKey } = this.keys;
    const root =
      identity && this.directory.view.has(this.uid) && this.directory.view.rootAt(this.uid, this.directory.n);
    if (!identity || !localKey || !root || !this.directory.hasKeys(this.uid)) return;
    const { gen, exchange } = identity;
    if (this.identity?.signKey === identity.sign && equal(this.identity.root, root)) return;
    this.#setIdentity({ uid: this.uid, gen, root, signKey: identity.sign, exchange, localKey });
  }

  /** @param {Identity | null} identity */
  #setIdentity(identity) {
    if (this.identity === identity) return;
    this.identity = identity;
    for (const listener of this.#listeners) listener(identity);
  }

  /** @param {string[]} uids */
  #directoryChanged(uids) {
    const { state, fork, closed } = this.directory;
    if (state === "fine") this.#clearAlarms((kind) => kind === "fork" || kind === "rollback");
    if (state === "fork" && fork) this.alarm({ id: "fork", kind: "fork", ...fork });
    if (state === "rollback") this.alarm({ id: "rollback", kind: "rollback" });
    this.show({ isClosed: closed });
    this.people.draw();
    if (uids.includes(this.uid)) void this.#look().catch(() => {});
    if (state === "fine") this.trust.noteDirectory();
    this.#rooms?.directoryChanged(uids);
  }

  #trustChanged() {
    this.people.draw();
    this.#rooms?.trustChanged();
  }

  #listenToTabs() {
    if (!("BroadcastChannel" in globalThis) || !this.database.isKept) return;
    this.#tabs = new BroadcastChannel(this.#person.name);
    this.#tabs.onmessage = ({ data }) => {
      if (data === "keys") void this.keys.reload();
      if (data === "trust") void this.trust.reload();
    };
  }

  /** @param {(kind: Alarm["kind"]) => boolean} which */
  #clearAlarms(which) {
    const before = this.#alarms.size;
    for (const [id, { kind }] of this.#alarms) if (which(kind)) this.#alarms.delete(id);
    if (this.#alarms.size !== before) this.#showAlarms();
  }

  /** What may be written, and so what rooms show, follows from the alarms. */
  #showAlarms() {
    const { mayWrite } = this;
    const isOther = (this.#shown.mayWrite ?? true) !== mayWrite;
    this.show({ alarms: [...this.#alarms.values()], mayWrite });
    if (isOther) this.#rooms?.trustChanged();
  }
}
