/**
 * Whose keys I know and trust, and which rooms are encrypted for ever (e2ee.md, 11.1 and 11.2). Sealed with a
 * key of mine and kept on the server, so it follows the account; a copy stays in this browser. Tabs and browsers write
 * by compare-and-swap, and what two have noted is joined.
 */
import { putTrust, readTrust } from "../../calls/keys.js";
import { openTrust, sealTrust } from "../../crypto/account.js";
import { nameFits } from "../../crypto/directory.js";
import { equal, fromBase64Url, toBase64Url } from "../../crypto/encoding.js";
import { emptyTrust, judgeContact, mergeTrust, parseTrust, trustText } from "../../crypto/trust.js";
import { clock } from "../clock.js";

/** @typedef {import("../../crypto/trust.js").Trust} Trust */
/** @typedef {import("../../crypto/encoding.js").Bytes} Bytes */
/** @typedef {import("./account_keys.js").SealedTrust} SealedTrust */
/**
 * What this browser keeps: sealed, and whether the server has it.
 *
 * @typedef {SealedTrust & { isDirty: boolean }} Kept
 */
/** @typedef {{ id: string, seq: number, hash: Bytes }} KnownRoom */

/** Positions alone are written this often; what matters more takes them along. */
const SOMETIME_MS = 24 * 3_600_000;
/** Refusals because somebody else was first, in one write. */
const ATTEMPTS = 6;
const WAIT_MS = 300;

export class TrustStore {
  /** Opened, so that what it says counts. */
  ready = false;
  /** The number of the version that the server has, as far as this browser knows. */
  rev = 0;
  /** @type {(alarm: import("../keys_state.js").Alarm) => void} */
  alarm = () => {};
  /** This browser has something new, which its other tabs do not know yet. */
  kept = () => {};
  #own;
  #database;
  #dirKey;
  #directory;
  /** @type {CryptoKey | null} */
  #key = null;
  /** The `akGen` with which my key came. */
  #akGen = 0;
  /** @type {Trust} */
  #trust = emptyTrust();
  /** Whether the server lacks something of it. */
  #isDirty = false;
  #writtenAt = 0;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Promise<void> | null} */
  #writing = null;

  /**
   * @param {object} parts
   * @param {import("./account_keys.js").Own} parts.own
   * @param {import("../../platform/database.js").Database} parts.database
   * @param {Bytes} parts.dirKey
   * @param {import("./directory.js").KeyDirectory} parts.directory
   */
  constructor({ own, database, dirKey, directory }) {
    this.#own = own;
    this.#database = database;
    this.#dirKey = dirKey;
    this.#directory = directory;
  }

  /** @param {() => void} listener @returns {() => void} ends it */
  changed(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * With my key, and what the server has answered, if it was asked.
   *
   * @param {CryptoKey} key
   * @param {number} akGen
   * @param {SealedTrust | null} told
   */
  async open(key, akGen, told) {
    this.#key = key;
    this.#akGen = akGen;
    const kept = /** @type {Kept | undefined} */ (await this.#database.get("meta", "trust"));
    const mine = kept && (await this.#unseal(kept));
    if (mine && kept) {
      this.#join(mine);
      this.rev = kept.rev;
      this.#isDirty = kept.isDirty;
    }
    this.ready = true;
    if (told) await this.take(told, akGen);
    this.#checkDirectory();
    this.#tell();
  }

  /**
   * What the server has: another browser may have written it.
   *
   * @param {SealedTrust} told
   * @param {number} akGen  of the keys that the server has
   * @param {number} [asked]  what this browser knew when it asked
   */
  async take(told, akGen, asked = this.rev) {
    if (told.rev < asked) {
      // Restored or held back: what is known here is put there again.
      this.alarm({ id: "older_keys", kind: "older_keys" });
      this.#isDirty = true;
      this.rev = told.rev;
    } else if (told.rev > this.rev || !this.#isDirty) {
      if (!(await this.#joinTheirs(told, akGen))) return;
      await this.#keep();
      this.#checkDirectory();
    }
    if (this.#isDirty) await this.#write();
  }

  /**
   * Takes in a version of the server. Whoever has a session of mine may overwrite it, but only my key makes one that
   * opens: what is known here is written in the place of another one. Not so if my keys have changed elsewhere.
   *
   * @param {SealedTrust} told
   * @param {number} akGen
   * @returns {Promise<boolean>} whether this browser may write after it
   */
  async #joinTheirs(told, akGen) {
    const theirs = await this.#unseal(told);
    if (theirs) this.#join(theirs);
    else if (told.blob && akGen > this.#akGen) return false;
    else if (told.blob) {
      this.alarm({ id: "spoilt_trust", kind: "spoilt_trust" });
      this.#isDirty = true;
    }
    this.rev = told.rev;
    return true;
  }

  /** Another tab has written. */
  async reload() {
    const kept = /** @type {Kept | undefined} */ (await this.#database.get("meta", "trust"));
    const theirs = kept && (await this.#unseal(kept));
    if (!theirs || !kept) return;
    this.#join(theirs);
    this.rev = Math.max(this.rev, kept.rev);
    this.#tell();
  }

  /** What is known of somebody, or null. @param {string} uid */
  contact(uid) {
    return this.#trust.contacts.get(uid) ?? null;
  }

  /** Everybody who is known. */
  contacts() {
    return [...this.#trust.contacts];
  }

  /**
   * Somebody's keys, as the list has them, against what is known; entries first (`entriesOf`).
   *
   * @param {string} uid
   * @returns {import("./parts.js").Judged}
   */
  judge(uid) {
    if (this.#directory.namesakesOf(uid).length) return "two_names";
    const now = this.#now(uid);
    return now ? judgeContact(this.#trust.contacts.get(uid), now) : "no_keys";
  }

  /**
   * Notes somebody's keys at their first sight; the account must be the one that the list has under the name that the
   * person chose.
   *
   * @param {string} uid
   * @param {string} name
   * @throws {{ code: string, name?: string | null }} `other_name` (with the list's name), `two_names`, `no_keys`,
   *   `reset`, `old`
   */
  async pin(uid, name) {
    await this.#learn(uid);
    const verdict = this.judge(uid);
    if (verdict === "no_keys" || verdict === "two_names" || verdict === "reset" || verdict === "old")
      throw { code: verdict };
    if (verdict === "first" && !(await nameFits(this.#directory.view, uid, name)))
      throw { code: "other_name", name: this.#directory.nameOf(uid) };
    if (verdict !== "same") await this.#note(uid, this.#trust.contacts.get(uid)?.ok ?? null);
  }

  /**
   * The same for somebody who stands in a room's log already: the name that is told must fit.
   *
   * @param {string} uid
   * @throws {{ code: string }}
   */
  async pinFromLog(uid) {
    await this.#learn(uid);
    const name = this.#directory.nameOf(uid);
    if (name === null) throw { code: "other_name", name: null };
    await this.pin(uid, name);
  }

  /** The person was asked about a name that differs, and agrees. @param {string} uid */
  async acceptName(uid) {
    await this.#learn(uid);
    if (this.judge(uid) === "first") await this.#note(uid, null);
  }

  /** New keys of somebody were approved; they are not compared yet. @param {string} uid */
  async approve(uid) {
    await this.#learn(uid);
    await this.#note(uid, null);
  }

  /**
   * Safety numbers were compared in person, or are not trusted any more.
   *
   * @param {string} uid
   * @param {boolean} isVerified
   */
  async verify(uid, isVerified) {
    await this.#learn(uid);
    const verdict = this.judge(uid);
    if (verdict === "two_names" || verdict === "no_keys" || verdict === "old") throw { code: verdict };
    await this.#note(uid, isVerified ? Math.floor(clock.now()) : null);
  }

  /** @param {string} rid  base64url @returns {KnownRoom | null} */
  room(rid) {
    return this.#trust.rooms.get(rid) ?? null;
  }

  /**
   * The encrypted room that a number of the server stands for, for ever.
   *
   * @param {string} id
   * @returns {string | null}
   */
  roomOfId(id) {
    return [...this.#trust.rooms].find(([, room]) => room.id === id)?.[0] ?? null;
  }

  /** @returns {[string, KnownRoom][]} */
  rooms() {
    return [...this.#trust.rooms];
  }

  /**
   * @param {string} rid
   * @param {KnownRoom} room
   * @param {"now" | "sometime"} [when]
   */
  async noteRoom(rid, room, when = "now") {
    const known = this.#trust.rooms.get(rid);
    if (known && known.id === room.id && known.seq >= room.seq) return;
    this.#trust.rooms.set(rid, room);
    await this.#changed(known ? when : "now");
  }

  /** How far the list of keys was followed. */
  noteDirectory() {
    const { head, n, hash } = this.#directory;
    if (!this.ready || (this.#trust.dir?.n ?? 0) >= n) return;
    this.#trust.dir = { key: this.#dirKey, n, h: hash, head };
    void this.#changed("sometime");
  }

  /** @param {number} akGen */
  async noteKeys(akGen) {
    if (this.#trust.akGen >= akGen) return;
    this.#trust.akGen = akGen;
    await this.#changed("now");
  }

  /** Nothing is known of the list of keys any more. */
  async forgetDirectory() {
    this.#trust.dir = null;
    await this.#changed("now");
  }

  /** To be sealed under another key. @param {number} akGen */
  textFor(akGen) {
    return trustText({ ...this.#trust, akGen });
  }

  /** Of somebody who knows nobody. */
  emptyText() {
    return trustText(emptyTrust());
  }

  /** @param {string} uid */
  async #learn(uid) {
    if (!this.#directory.hasKeys(uid)) await this.#directory.sync();
    await this.#directory.entriesOf([uid]);
  }

  /** @param {string} uid */
  #now(uid) {
    const latest = this.#directory.latest(uid);
    const root = latest && this.#directory.view.rootAt(uid, this.#directory.n);
    return latest && root ? { root, gen: latest.gen, tag: latest.tag } : null;
  }

  /** @param {string} uid @param {number | null} ok */
  async #note(uid, ok) {
    const now = this.#now(uid);
    if (!now) throw { code: "no_keys" };
    const seen = this.#trust.contacts.get(uid)?.seen ?? Math.floor(clock.now());
    const name = this.#directory.nameOf(uid) ?? this.#trust.contacts.get(uid)?.name ?? "";
    this.#trust.contacts.set(uid, { ...now, name, seen, ok });
    await this.#changed("now");
  }

  /** @param {"now" | "sometime"} when */
  async #changed(when) {
    this.#isDirty = true;
    await this.#keep();
    this.kept();
    this.#tell();
    if (when === "now" || clock.now() - this.#writtenAt > SOMETIME_MS) await this.#write();
  }

  /** Puts it to the server. What cannot be put now is put later: this browser has it. */
  #write() {
    this.#writing ??= this.#put()
      .catch(() => {})
      .finally(() => {
        this.#writing = null;
      });
    return this.#writing;
  }

  async #put() {
    for (let attempt = 0; attempt < ATTEMPTS && this.#isDirty && this.#key; attempt += 1) {
      const text = trustText(this.#trust);
      const rev = this.rev + 1;
      const blob = toBase64Url(await sealTrust(this.#key, this.#own.uid, rev, text));
      try {
        await putTrust(rev, blob);
        this.rev = rev;
        this.#writtenAt = clock.now();
        // What was noted meanwhile goes with the next one.
        this.#isDirty = trustText(this.#trust) !== text;
        await this.#keep();
      } catch (error) {
        if (/** @type {{ code?: string }} */ (error).code !== "keys_conflict") throw error;
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS * Math.random()));
        const { akGen, rev, blob } = await readTrust();
        if (!(await this.#joinTheirs({ rev, blob }, akGen))) return;
        this.#tell();
      }
    }
  }

  /** @param {SealedTrust} sealed @returns {Promise<Trust | null>} null if it is none that this key opens */
  async #unseal({ rev, blob }) {
    if (!blob || !this.#key) return null;
    try {
      return parseTrust(await openTrust(this.#key, this.#own.uid, rev, fromBase64Url(blob)));
    } catch {
      return null;
    }
  }

  /**
   * Takes in what another tab or browser has noted.
   *
   * @param {Trust} theirs
   */
  #join(theirs) {
    const { trust } = mergeTrust(this.#trust, theirs);
    if (trustText(trust) !== trustText(theirs)) this.#isDirty = true;
    this.#trust = trust;
  }

  async #keep() {
    if (!this.#key) return;
    const blob = toBase64Url(await sealTrust(this.#key, this.#own.uid, this.rev, trustText(this.#trust)));
    await this.#database.put("meta", "trust", { rev: this.rev, blob, isDirty: this.#isDirty });
  }

  /** What other browsers of mine have seen of the list of keys binds this one, too. */
  #checkDirectory() {
    const { dir } = this.#trust;
    if (!dir) return;
    if (!equal(dir.key, this.#dirKey)) this.#directory.mismatch(dir.n, dir.h);
    else this.#directory.expect(dir.n, dir.h);
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}
