/** Rows in the page at once. */
export const ROWS_MAX = 240;
/** Rows by which the window slides. */
export const ROWS_STEP = 60;
/** Rows around the place where the reader begins: what is in the page costs time at every frame. */
export const ROWS_AROUND = 80;
/** While the window follows the present, its older half goes when there are more rows than this. */
export const ROWS_FOLLOWING = 160;

/** @typedef {import("../../state/types.js").Message} Message */
/** The first or last row: its message, where that was in the list, and its place in the room. */
/** @typedef {{ mid: string, at: number, seq: number }} Edge */

/**
 * Which part of the messages of a room is in the page. It knows its first and last row by `mid`, so that pages that
 * arrive on either side do not move it; without a last row it follows the end of the list.
 */
export class RowWindow {
  /** @type {Edge | null} */
  #first = null;
  /** @type {Edge | null} */
  #last = null;

  /** Whether its last row is the last message of the list. */
  get followsEnd() {
    return this.#last === null;
  }

  /**
   * The messages to show. A window that has grown too large lets go of its rows at the far end.
   *
   * @param {Message[]} messages
   * @param {"start" | "end"} held  the end of the window that the reader looks at
   */
  visible(messages, held) {
    const lastAt = indexOf(messages, this.#last);
    const firstAt = indexOf(messages, this.#first);
    let end = lastAt < 0 ? messages.length : lastAt + 1;
    let start = firstAt < 0 ? Math.max(0, end - ROWS_AROUND) : Math.min(firstAt, end);
    if (held === "end" && end - start > ROWS_FOLLOWING) start = end - ROWS_AROUND;
    if (end - start > ROWS_MAX) end = start + ROWS_MAX;
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
    this.#put(messages, Math.max(0, at - ROWS_AROUND / 2), at + ROWS_AROUND);
  }

  toEnd() {
    this.#first = this.#last = null;
  }

  /** @param {Message[]} messages @param {number} start @param {number} end */
  #put(messages, start, end) {
    this.#first = edgeAt(messages, start);
    this.#last = end < messages.length ? edgeAt(messages, end - 1) : null;
  }
}

/** @param {Message[]} messages @param {number} at @returns {Edge | null} */
function edgeAt(messages, at) {
  const message = messages[at];
  return message ? { mid: message.mid, at, seq: message.createdSeq } : null;
}

/**
 * Where a row is by now; one that is not in the list any more gives way to the next after it.
 *
 * @param {Message[]} messages
 * @param {Edge | null} edge
 */
function indexOf(messages, edge) {
  if (!edge) return -1;
  if (messages[edge.at]?.mid === edge.mid) return edge.at;
  const at = messages.findIndex((message) => message.mid === edge.mid);
  return at < 0 && edge.seq ? messages.findIndex((message) => message.createdSeq >= edge.seq) : at;
}
