/** Tells the state what the reader of a room looks at and has read. */

/** @typedef {import("../../state/types.js").Timeline} Stretch */
/** @typedef {import("../../state/types.js").Actions["rooms"]} RoomActions */

/** The read position is sent this long after something changed. */
const READ_MS = 250;

export class ReadReport {
  #room;
  #actions;
  #reading;
  /** @type {Stretch | null} */
  #stretch = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} room
   * @param {RoomActions} actions
   * @param {import("./reading.js").Reading} reading
   */
  constructor(room, actions, reading) {
    this.#room = room;
    this.#actions = actions;
    this.#reading = reading;
  }

  /**
   * Somebody may have read on.
   *
   * @param {Stretch} stretch
   * @param {{ seq: number, isAtPresent: boolean }} what  the message in the middle of the screen, by its place in the
   *   room, and whether somebody has the newest one before their eyes
   */
  looked(stretch, { seq, isAtPresent }) {
    this.#stretch = stretch;
    // Who has left something unread above is still told of it.
    this.#actions.lookAt(this.#room, { seq, attends: isAtPresent && this.#reading.isDone(stretch) });
    this.#timer ??= setTimeout(() => this.#send(), READ_MS);
  }

  close() {
    if (this.#timer !== undefined) this.#send();
    this.#actions.lookAt(this.#room, { seq: 0, attends: false });
  }

  #send() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#stretch) return;
    const { position } = this.#reading;
    // What changed last may be an edit of an older message.
    const seq = this.#reading.isDone(this.#stretch) ? Math.max(position, this.#stretch.seq) : position;
    this.#actions.markRead(this.#room, seq);
  }
}
