/** @typedef {import("../../state/types.js").Message} Message */

/** Knows which messages were written while the line was away, or the machine slept: those from before it came back. */
export class LineWatch {
  #online = true;
  /** When it came back, by the server's clock. */
  backAt = 0;

  /**
   * @param {boolean} online
   * @param {number} now  by the server's clock
   */
  update(online, now) {
    if (online && !this.#online) this.backAt = now;
    this.#online = online;
  }

  /** @param {Message} message */
  missed({ at }) {
    return at < this.backAt;
  }
}
