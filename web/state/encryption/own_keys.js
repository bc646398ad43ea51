/**
 * My keys in this browser: how they come into it (first keys, sign-in, unlock card, recovery, fresh start), how they
 * change, and what is kept of them here (e2ee.md, 4.6, 12.2 and 14.1 to 14.14). Passwords and opened bundles
 * are held for as long as one of these takes, and while a recovery code is offered.
 */
import { endOtherSessions, endSession } from "../../calls/account.js";
import * as api from "../../calls/keys.js";
import { makeRecovery, recoveryOf } from "../../crypto/account.js";
import { Refused } from "../../crypto/encoding.js";
import { browserKey, loadIdentity, saveIdentity } from "../../crypto/keystore.js";
import { clock } from "../clock.js";
import { changePassword, deriveFor, newPassword } from "../credentials.js";
import * as account from "./account_keys.js";

/** @typedef {import("./account_keys.js").Own} Own */
/** @typedef {import("./account_keys.js").Opened} Opened */
/** @typedef {import("../../crypto/keystore.js").Identity} Identity */
/** @typedef {import("../../crypto/account.js").Recovery} Recovery */
/** @typedef {import("../../calls/keys.js").Opening} Opening */
/** @typedef {import("../credentials.js").Derived} Derived */
/** @typedef {import("../../platform/database.js").Database} Database */

/**
 * What this browser remembers of the account: the newest `akGen`, how the password is derived, whether another salt is
 * no surprise because the password was changed elsewhere, and which history of the server it was.
 *
 * @typedef {object} Remembered
 * @property {number} akGen
 * @property {boolean} hasCode
 * @property {import("../credentials.js").Derivation | null} derivation
 * @property {boolean} anySalt
 * @property {string} epoch
 */

/**
 * @typedef {object} Surroundings
 * @property {(change: Partial<import("../keys_state.js").KeysState>) => void} show
 * @property {(alarm: import("../keys_state.js").Alarm) => void} alarm
 * @property {(opened: Opened | null) => Promise<void>} adopted  the keys are here, or others than before
 * @property {() => Promise<import("./account_keys.js").Latest>} latest  my newest entry in the list of keys
 * @property {(akGen: number) => string} trustText  what I know of others, to be sealed anew
 * @property {() => string} emptyTrustText
 * @property {() => number} trustRev
 * @property {(gen: number, x: import("../../crypto/encoding.js").Bytes) => Promise<void>} wrapForNext
 * @property {() => string} epoch  which history of the server it is now
 * @property {() => Promise<boolean>} offersCode  whether a new account is offered a recovery code
 */

/**
 * Where one is signed out together with a change of keys: in all other browsers, or where this session is.
 *
 * @typedef {"others" | { session: string } | null} Ending
 */

/** Stores that are in memory alone where keys cannot be kept. */
const OWN_STORES = /** @type {const} */ (["keys", "meta", "epochs", "cache", "outbox", "drafts"]);
/** @type {Remembered} */
const NOTHING = { akGen: 0, hasCode: false, derivation: null, anySalt: false, epoch: "" };

export class OwnKeys {
  /** @type {Identity | null} */
  identity = null;
  /** Encrypts what this browser keeps. @type {CryptoKey | null} */
  localKey = null;
  #own;
  #database;
  #around;
  /** @type {Remembered} */
  #known = NOTHING;
  /** Opened by a password that a ticket has set. @type {{ opening: Opening, derived: Derived } | null} */
  #locked = null;
  /** Shown, and not in force before part of it was typed. @type {{ recovery: Recovery, derived: Derived } | null} */
  #offered = null;
  /** One change after the other. @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /**
   * @param {Own} own
   * @param {Database} database
   * @param {Surroundings} around
   */
  constructor(own, database, around) {
    this.#own = own;
    this.#database = database;
    this.#around = around;
    database.lost = () => {
      database.level = 3;
      around.show({ level: 3 });
    };
  }

  /** Takes up what this browser has kept. */
  async load() {
    this.#known = { ...NOTHING, ...(await this.#database.get("meta", "account")) };
    const records = this.#records();
    this.identity = records ? await loadIdentity(records).catch(() => null) : null;
    if (this.identity) await this.#settle(this.identity);
    this.#around.show({ phase: this.identity ? "ready" : "unlock" });
  }

  /** The newest `akGen` that this browser has known. */
  get akGen() {
    return this.#known.akGen;
  }

  /** Which history of the server the keys were last seen in. */
  get epoch() {
    return this.#known.epoch;
  }

  /**
   * With what a sign-in has answered.
   *
   * @param {import("../credentials.js").Entrance & { isRecovered?: boolean }} entrance
   */
  begin({ derived, isRecovered = false, ...opening }) {
    return this.#alone(async () => {
      await this.#take(opening, derived);
      if (isRecovered) await this.#offer(derived);
    });
  }

  /**
   * The unlock card.
   *
   * @param {string} password
   * @param {{ anySalt?: boolean }} [options]  the person says that the password was changed
   * @throws {{ code: string }}
   */
  unlock(password, { anySalt = false } = {}) {
    return this.#alone(async () => {
      const derived = await this.#derive(password, anySalt);
      await this.#take(await api.unlock(derived.auth), derived);
    });
  }

  /**
   * @param {{ old: string, password: string, signOutOthers: boolean }} change
   * @throws {{ code: string }}
   */
  changePassword({ old, password, signOutOthers }) {
    return this.#alone(async () => {
      const { username } = this.#own;
      const derived = await this.#derive(old, false);
      const opening = await api.unlock(derived.auth);
      if (opening.locked) throw { code: "keys_locked" };
      if (!opening.keys) return changePassword({ username, old, password, signOutOthers });
      const opened = await account.openKeys(this.#own, opening, derived);
      const next = await newPassword(username, password);
      const change = { old: derived, next, signOutOthers };
      await this.#adopt(await account.changePassword(this.#own, opened, change, this.#moment()), next);
    });
  }

  /** Offers a recovery code that takes the place of the one there is. @param {string} password */
  newCode(password) {
    return this.#alone(async () => {
      const derived = await this.#derive(password, false);
      await account.unlockKeys(this.#own, derived);
      await this.#offer(derived);
    });
  }

  /** The code on offer was kept: from now on it counts. @throws {{ code: string }} */
  keepCode() {
    return this.#alone(async () => {
      const offered = this.#offered;
      if (!offered) return;
      const { recovery, derived } = offered;
      const opened = await account.unlockKeys(this.#own, derived);
      await this.#adopt(await account.setRecovery(this.#own, opened, derived, recovery, this.#moment()), derived);
      this.dropCode();
    });
  }

  /** Not now: nothing of the code on offer counts. */
  dropCode() {
    this.#offered = null;
    this.#around.show({ offer: null });
  }

  /**
   * Opens a locked account with the recovery code.
   *
   * @param {string} code
   * @param {string} password  the one that the ticket has set; not needed right after the sign-in
   */
  unlockWithCode(code, password) {
    return this.#alone(async () => {
      const recovery = await readCode(code);
      const secrets = await this.#secrets(password);
      const opened = await account.unlockWithCode(this.#own, secrets, recovery, this.#moment());
      await this.#adopt(opened, secrets);
      await this.#offer(secrets);
    });
  }

  /** New keys instead of lost ones. @param {string} password  not needed right after the sign-in */
  startFresh(password) {
    return this.#alone(async () => {
      const secrets = await this.#secrets(password);
      const latest = await this.#around.latest();
      const text = this.#around.emptyTrustText();
      const opened = await account.startFresh(this.#own, secrets, latest, text, this.#moment());
      await this.#database.remove("meta", "trust");
      await this.#adopt(opened, secrets);
      await this.#offer(secrets);
    });
  }

  /**
   * New keys that continue the old ones, because somebody else may have those.
   *
   * @param {object} change
   * @param {string} change.password
   * @param {string} change.next  another password, or empty
   * @param {Ending} change.ends
   */
  rotate({ password, next, ends }) {
    return this.#alone(async () => {
      const derived = await this.#derive(password, false);
      const opened = await account.unlockKeys(this.#own, derived);
      // By now the password is known to be right.
      await end(ends);
      const latest = await this.#around.latest();
      const fresh = next ? await newPassword(this.#own.username, next) : null;
      const trustText = this.#around.trustText(opened.akGen + 1);
      const change = { derived, next: fresh, latest, trustText };
      await this.#adopt(await account.rotateKeys(this.#own, opened, change, this.#moment()), fresh ?? derived);
    });
  }

  /**
   * A ticket of mine is opened in a browser that has my keys (14.7 b): they go on under the new password.
   *
   * @param {{ ticket: string, password: string }} choice
   */
  redeemTicket({ ticket, password }) {
    return this.#alone(async () => {
      const next = await newPassword(this.#own.username, password);
      await this.#rotateHere({ ticket }, next);
      await this.#offer(next);
    });
  }

  /** The server has these keys in this history of its own, too. @param {string} epoch  empty if it is not known */
  async noteEpoch(epoch) {
    if (epoch && epoch !== this.#known.epoch) await this.#remember({ epoch });
  }

  /** Another browser has made a recovery code. @param {boolean} hasCode */
  async noteCode(hasCode) {
    if (hasCode === this.#known.hasCode) return;
    await this.#remember({ hasCode });
    this.#around.show({ hasCode });
  }

  /** They were changed in another browser, perhaps with the password. */
  async changedElsewhere() {
    await this.#remember({ anySalt: true });
  }

  /** My keys are older than the list of keys says: the password brings the newer ones. */
  needPassword() {
    this.identity = null;
    this.#around.show({ phase: "unlock", isChanged: true });
  }

  /** Another tab has other keys than this one. */
  async reload() {
    this.#known = { ...NOTHING, ...(await this.#database.get("meta", "account")) };
    const records = this.#records();
    const kept = records && (await loadIdentity(records).catch(() => null));
    if (!kept || kept.akGen === this.identity?.akGen) return;
    this.identity = kept;
    await this.#settle(kept);
    await this.#around.adopted(null);
    this.#around.show({ phase: "ready", isChanged: false, hasCode: this.#known.hasCode });
  }

  /**
   * @param {Opening} opening
   * @param {Derived} derived
   * @returns {Promise<void>}
   */
  async #take(opening, derived) {
    this.#locked = null;
    if (opening.locked) return this.#takeLocked(opening, derived);
    if (!opening.keys) return this.#makeFirst({ ...derived, share: opening.share });
    if (opening.keys.akGen < this.#known.akGen) return this.#takeOlder(derived);
    await this.#adopt(await account.openKeys(this.#own, opening, derived), derived);
  }

  /**
   * A ticket has set the password, and nothing on the server opens with it. A browser that has the keys goes on.
   *
   * @param {Opening} opening
   * @param {Derived} derived
   */
  async #takeLocked(opening, derived) {
    if (this.identity) return this.#rotateHere({ auth: derived.auth }, null, derived);
    this.#locked = { opening, derived };
    this.#around.show({ phase: "locked" });
  }

  /**
   * The server has older keys than this browser: after a restored backup they are replaced, else they are refused.
   *
   * @param {Derived} derived
   */
  async #takeOlder(derived) {
    if (this.identity && this.#known.epoch && this.#known.epoch !== this.#around.epoch())
      return this.#rotateHere({ auth: derived.auth }, null, derived);
    this.#around.alarm({ id: "older_keys", kind: "older_keys" });
    throw { code: "older_keys" };
  }

  /** @param {Derived & { share: string }} secrets @returns {Promise<void>} */
  async #makeFirst(secrets) {
    try {
      await this.#adopt(await account.makeFirstKeys(this.#own, secrets, this.#moment()), secrets);
    } catch (error) {
      const { code } = /** @type {{ code?: string }} */ (error);
      this.#around.show({ phase: "none" });
      if (code !== "conflict") throw error;
      // Another browser of mine was first.
      const opening = await api.unlock(secrets.auth);
      if (!opening.keys) throw error;
      return this.#take(opening, secrets);
    }
    if (await this.#around.offersCode()) await this.#offer(secrets);
  }

  /**
   * @param {{ ticket: string } | { auth: string }} by
   * @param {import("../credentials.js").NewPassword | null} next
   * @param {Derived} [present]  without `next`: the present password goes on under another salt
   */
  async #rotateHere(by, next, present) {
    const { identity } = this;
    if (!identity) throw { code: "no_keys_here" };
    const latest = await this.#around.latest();
    const { akGen } = this.#known;
    const change = {
      by,
      next,
      present: present ?? null,
      latest,
      from: akGen,
      trustRev: this.#around.trustRev(),
      trustText: this.#around.trustText(akGen + 1),
      beforehand: this.#around.wrapForNext,
    };
    const opened = await account.rotateFromBrowser(this.#own, identity.sign, change, this.#moment());
    await this.#adopt(opened, next ?? /** @type {Derived} */ (present));
  }

  /**
   * Imports the keys, keeps them as well as this browser can, and remembers what is not secret.
   *
   * @param {Opened} opened
   * @param {Derived} derived
   */
  async #adopt(opened, { derivation }) {
    const { akGen, bundle, hasCode } = opened;
    this.identity = await saveIdentity(this.#records(), this.#own.uid, akGen, bundle);
    this.#locked = null;
    await this.#settle(this.identity);
    await this.#remember({ akGen, hasCode, derivation, anySalt: false, epoch: this.#around.epoch() });
    await this.#around.adopted(opened);
    this.#around.show({ phase: "ready", isChanged: false, hasCode });
    void globalThis.navigator?.storage?.persist?.().catch(() => {});
  }

  /** @param {Identity} identity */
  async #settle({ level }) {
    this.#database.level = level;
    if (level === 3) this.#database.keepInMemory(OWN_STORES);
    this.localKey ??= await browserKey(this.#records());
    this.#around.show({ level, hasCode: this.#known.hasCode });
  }

  /** @param {Derived} derived */
  async #offer(derived) {
    this.#offered = { recovery: await makeRecovery(), derived };
    this.#around.show({ offer: this.#offered.recovery.text });
  }

  /**
   * What opens a locked account.
   *
   * @param {string} password
   */
  async #secrets(password) {
    const locked = this.#locked ?? (await this.#askLocked(password));
    const { opening, derived } = locked;
    const { keys, share } = opening;
    return { ...derived, share, from: keys?.akGen ?? 0, trustRev: keys?.trustRev ?? 0 };
  }

  /** @param {string} password */
  async #askLocked(password) {
    const derived = await this.#derive(password, true);
    const opening = await api.unlock(derived.auth);
    if (!opening.locked) throw { code: "not_locked" };
    return { opening, derived };
  }

  /**
   * @param {string} password
   * @param {boolean} anySalt
   */
  async #derive(password, anySalt) {
    const { derivation, anySalt: isChanged } = this.#known;
    const known = derivation && { iter: derivation.iter, ...(anySalt || isChanged ? {} : { salt: derivation.salt }) };
    try {
      return await deriveFor(this.#own.username, password, known);
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code === "unsafe_kdf")
        this.#around.alarm({ id: "weaker", kind: "weaker" });
      throw error;
    }
  }

  /** @returns {import("./account_keys.js").Moment} */
  #moment() {
    return { knownAkGen: this.#known.akGen, time: clock.now() };
  }

  /** @param {Partial<Remembered>} change */
  async #remember(change) {
    this.#known = { ...this.#known, ...change };
    await this.#database.put("meta", "account", this.#known);
  }

  /** Where keys are kept, if anything is. */
  #records() {
    const database = this.#database;
    if (!database.isKept || database.level === 3) return null;
    return {
      get: (/** @type {string} */ name) => database.get("keys", name),
      put: async (/** @type {string} */ name, /** @type {unknown} */ value) => {
        if (!(await database.put("keys", name, value))) throw { code: "not_stored" };
      },
      delete: (/** @type {string} */ name) => database.remove("keys", name),
    };
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #alone(work) {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** @param {Ending} ends */
async function end(ends) {
  if (ends === "others") return endOtherSessions();
  if (!ends) return;
  await endSession(ends.session).catch((error) => {
    // Whoever was there may have signed out meanwhile.
    if (error.code !== "not_found") throw error;
  });
}

/**
 * @param {string} text  as it was typed
 * @returns {Promise<Recovery>}
 * @throws {{ code: "code_typo" }}
 */
export async function readCode(text) {
  try {
    return await recoveryOf(text);
  } catch (error) {
    throw error instanceof Refused ? { code: "code_typo" } : error;
  }
}
