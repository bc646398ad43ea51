/** My own profile: names, picture, status. */
import * as api from "../calls/account.js";

/** @typedef {import("./types.js").Picture} Picture */

export class Profile {
  #store;
  #session;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./session.js").Session} session
   */
  constructor(store, session) {
    this.#store = store;
    this.#session = session;
  }

  /** @param {{ displayName?: string, bio?: string, locale?: string }} change */
  async change(change) {
    this.#session.upsertMe(await api.changeMe(change));
  }

  /** @param {{ state: import("./types.js").Chosen, text: string, until: number | null }} status */
  async setStatus(status) {
    this.#session.upsertMe(await api.changeMe({ status }));
  }

  /**
   * @param {Blob} picture
   * @param {(part: number) => void} progress  0 to 1
   */
  async uploadAvatar(picture, progress) {
    this.#showAvatar(await api.uploadAvatar(picture, progress));
  }

  async removeAvatar() {
    await api.removeAvatar();
    this.#showAvatar(null);
  }

  /** @param {Picture | null} avatar */
  #showAvatar(avatar) {
    const { me } = this.#store.state;
    if (me) this.#session.upsertMe({ ...me, avatar });
  }
}
