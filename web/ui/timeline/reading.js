/** @typedef {import("../../state/types.js").Message} Message */

/** What the reader has seen of a room: from where on messages are new, and how many of them are not seen yet. */
export class Reading {
  /** The first new message, by its place in the room; the divider stands above it. @type {number | null} */
  divider = null;
  #seen = 0;

  /**
   * Begins when the room is opened.
   *
   * @param {Message[]} messages
   * @param {number} read
   * @param {string | undefined} me
   * @returns {boolean} whether reading goes on at the divider; else at the end
   */
  begin(messages, read, me) {
    const unread = messages.find(
      (message) => message.createdSeq > read && message.kind === "msg" && isNew(message, me),
    );
    if (!unread || read === 0) {
      this.#seen = newestOf(messages, read);
      return false;
    }
    this.divider = unread.createdSeq;
    this.#seen = read;
    return true;
  }

  /**
   * Puts the divider above what arrived while the page is not seen.
   *
   * @param {Message[]} messages
   * @param {number} read
   * @param {string | undefined} me
   */
  noteArrivals(messages, read, me) {
    const known = Math.max(read, this.#seen);
    this.divider ??= messages.find((message) => message.createdSeq > known && isNew(message, me))?.createdSeq ?? null;
  }

  /** @param {number} seq */
  see(seq) {
    this.#seen = Math.max(this.#seen, seq);
  }

  /** @param {Message[]} messages */
  seeAll(messages) {
    this.#seen = newestOf(messages, this.#seen);
  }

  /** @param {Message[]} messages @param {string | undefined} me */
  countUnseen(messages, me) {
    return messages.filter((message) => message.createdSeq > this.#seen && message.by !== me && message.kind === "msg")
      .length;
  }
}

/** @param {Message[]} messages @param {number} [floor] */
export function newestOf(messages, floor = 0) {
  return messages.reduce((newest, message) => Math.max(newest, message.createdSeq), floor);
}

/** @param {Message} message @param {string | undefined} me */
function isNew(message, me) {
  return message.by !== me && message.status === "sent";
}
