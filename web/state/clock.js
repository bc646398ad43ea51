/**
 * The server's clock. The clock of this device may be hours off, so whatever the server has set (the end of a mute, of
 * a status, of an invitation) is compared with `clock.now()`.
 */
class Clock {
  #aheadMs = 0;

  /** The server has told its time, which has just arrived. @param {number} at */
  set(at) {
    if (Number.isFinite(at)) this.#aheadMs = at - Date.now();
  }

  now() {
    return Date.now() + this.#aheadMs;
  }
}

export const clock = new Clock();
