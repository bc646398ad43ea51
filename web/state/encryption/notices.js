/**
 * What was done with my account elsewhere: sign-ins, and changes of password or keys. What happened while this browser
 * was away is found by the sessions, and by the version of the keys, that it has not seen yet (e2ee.md,
 * 14.11). A notice stays until somebody has seen to it.
 */
import { listSessions } from "../../calls/account.js";

/** @typedef {import("../keys_state.js").Notice} Notice */
/** How far my keys are at the server. @typedef {{ akGen: number, locked: boolean }} Version */
/** Who has changed them, and when. @typedef {{ device: string, at: number }} Change */

/** So many are shown at once. */
const SHOWN_MAX = 5;

export class Notices {
  #database;
  #show;
  /** @type {Notice[]} */
  #notices = [];
  /** The newest session that somebody has seen to; null before the first look. @type {number | null} */
  #seen = null;
  /** The newest version of the keys that was told of; null before the first look. @type {Version | null} */
  #version = null;

  /**
   * @param {import("../../platform/database.js").Database} database
   * @param {(notices: Notice[]) => void} show
   */
  constructor(database, show) {
    this.#database = database;
    this.#show = show;
  }

  async load() {
    this.#seen = (await this.#database.get("meta", "sessions")) ?? null;
    const { version = null, notices = [] } = (await this.#database.get("meta", "changes")) ?? {};
    this.#version = version;
    this.#notices = notices;
    if (notices.length) this.#show(this.#notices);
  }

  /** Looks for sign-ins of the time when this browser was away. */
  async look() {
    const sessions = await listSessions();
    const own = sessions.find(({ current }) => current);
    const newest = Math.max(0, ...sessions.map(({ id }) => Number(id)));
    if (this.#seen === null) return this.#see(newest);
    // My own sign-in is no news to me.
    const seen = Math.max(this.#seen, Number(own?.id ?? 0) === newest ? newest : 0);
    const isNews = (/** @type {{ id: string, current: boolean }} */ { id, current }) => !current && Number(id) > seen;
    for (const { id, name, createdAt } of sessions.filter(isNews)) this.signedIn({ id, device: name, createdAt });
  }

  /** @param {import("../../net/wire_frames.js").SignIn} session */
  signedIn({ id, device, createdAt }) {
    if (Number(id) > (this.#seen ?? 0)) this.#add({ id, kind: "signed_in", device, at: createdAt });
  }

  /**
   * How far my keys are now; further than this browser has brought or known them is news.
   *
   * @param {Version} version  at the server
   * @param {number} own  the newest `akGen` that this browser has opened
   * @param {Change} change
   */
  async keysAre(version, own, change) {
    const { akGen, locked } = version;
    const known = this.#version;
    if (known?.akGen === akGen && known.locked === locked) return;
    this.#version = version;
    const isNews = known && (akGen > Math.max(known.akGen, own) || (locked && !known.locked));
    if (isNews) this.#add({ id: `keys ${akGen}${locked ? " locked" : ""}`, kind: "changed", ...change });
    await this.#keepChanges();
  }

  /** @param {string} id */
  async dismiss(id) {
    const notice = this.#notices.find((each) => each.id === id);
    this.#notices = this.#notices.filter((each) => each !== notice);
    this.#show(this.#notices);
    if (notice?.kind === "changed") await this.#keepChanges();
    else await this.#see(Math.max(this.#seen ?? 0, Number(id)));
  }

  /** @param {Notice} notice */
  #add(notice) {
    if (this.#notices.some(({ id }) => id === notice.id)) return;
    this.#notices = [...this.#notices, notice].slice(-SHOWN_MAX);
    this.#show(this.#notices);
  }

  /** @param {number} id */
  async #see(id) {
    this.#seen = id;
    await this.#database.put("meta", "sessions", id);
  }

  /** Sign-ins are found again by their sessions. */
  async #keepChanges() {
    const notices = this.#notices.filter(({ kind }) => kind === "changed");
    await this.#database.put("meta", "changes", { version: this.#version, notices });
  }
}
