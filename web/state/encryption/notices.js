/**
 * What other browsers did with my account: sign-ins, and changes of password or keys. What happened while this browser
 * was away is found by the sessions that it has not seen yet (encryption design, 14.11). A notice stays until somebody
 * has seen to it.
 */
import { listSessions } from "../../calls/account.js";

/** @typedef {import("../keys_state.js").Notice} Notice */

/** So many are shown at once. */
const SHOWN_MAX = 5;

export class Notices {
  #database;
  #show;
  /** @type {Notice[]} */
  #notices = [];
  /** The newest session that somebody has seen to; null before the first look. @type {number | null} */
  #seen = null;

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
    for (const { id, name, createdAt } of sessions.filter(isNews)) this.#add({ id, device: name, at: createdAt });
  }

  /** @param {import("../../net/wire_frames.js").SignIn} session */
  signedIn({ id, device, createdAt }) {
    this.#add({ id, device, at: createdAt });
  }

  /** @param {string} id */
  async dismiss(id) {
    this.#notices = this.#notices.filter((notice) => notice.id !== id);
    this.#show(this.#notices);
    await this.#see(Math.max(this.#seen ?? 0, Number(id)));
  }

  /** @param {Notice} notice */
  #add(notice) {
    if (this.#notices.some(({ id }) => id === notice.id) || Number(notice.id) <= (this.#seen ?? 0)) return;
    this.#notices = [...this.#notices, notice].slice(-SHOWN_MAX);
    this.#show(this.#notices);
  }

  /** @param {number} id */
  async #see(id) {
    this.#seen = id;
    await this.#database.put("meta", "sessions", id);
  }
}
