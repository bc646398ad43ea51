/** Rows in the page at once. */
export const ROWS_MAX = 240;
/** Rows by which the window slides. */
export const ROWS_STEP = 60;

/** @typedef {import("../../state/types.js").Message} Message */

/**
 * Which part of the messages of a room is in the page. It knows its first and last row by `mid`, so that pages that
 * arrive on either side do not move it; without a last row it follows the present.
 */
export class RowWindow {
  /** @type {string | null} */
  #first = null;
  /** @type {string | null} */
  #last = null;

  get endsAtPresent() {
    return this.#last === null;
  }

  /**
   * The messages to show. A window that has grown too large lets go of its rows at the far end.
   *
   * @param {Message[]} messages
   * @param {"start" | "end"} held  the end of the window that the reader looks at
   */
  visible(messages, held) {
    const firstAt = indexOf(messages, this.#first);
    const lastAt = indexOf(messages, this.#last);
    let end = lastAt < 0 ? messages.length : lastAt + 1;
    let start = firstAt < 0 ? Math.max(0, end - ROWS_MAX) : Math.min(firstAt, end);
    if (end - start > ROWS_MAX) {
      if (held === "end") start = end - ROWS_MAX;
      else end = start + ROWS_MAX;
    }
    this.#put(messages, start, end);
    return messages.slice(start, end);
  }

  /** Whether there are messages above the window. @param {Message[]} messages */
  hasAbove(messages) {
    return indexOf(messages, this.#first) > 0;
  }

  /** @param {Message[]} messages */
  slideUp(messages) {
    const start = Math.max(0, indexOf(messages, this.#first) - ROWS_STEP);
    this.#put(messages, start, start + ROWS_MAX);
  }

  /** @param {Message[]} messages */
  slideDown(messages) {
    const end = Math.min(messages.length, indexOf(messages, this.#last) + 1 + ROWS_STEP);
    this.#put(messages, Math.max(0, end - ROWS_MAX), end);
  }

  /** Puts the window around one message. @param {Message[]} messages @param {number} at */
  center(messages, at) {
    const start = Math.max(0, at - Math.floor(ROWS_MAX / 2));
    this.#put(messages, start, start + ROWS_MAX);
  }

  toPresent() {
    this.#first = this.#last = null;
  }

  /** @param {Message[]} messages @param {number} start @param {number} end */
  #put(messages, start, end) {
    this.#first = messages[start]?.mid ?? null;
    this.#last = end < messages.length ? (messages[end - 1]?.mid ?? null) : null;
  }
}

/** @param {Message[]} messages @param {string | null} mid */
function indexOf(messages, mid) {
  return mid === null ? -1 : messages.findIndex((message) => message.mid === mid);
}
