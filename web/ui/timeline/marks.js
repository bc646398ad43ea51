/**
 * What only this page knows of messages: which deletions can still be undone, and which messages of blocked people
 * were asked for. It outlives the view of a room.
 */
export class MessageMarks {
  /** @type {Set<string>} */
  #pendingDeletes = new Set();
  /** @type {Set<string>} */
  #revealed = new Set();
  #changed;

  /** @param {() => void} changed */
  constructor(changed) {
    this.#changed = changed;
  }

  /** Whether a message is deleted here and not yet on the server. @param {string} mid */
  isPendingDelete(mid) {
    return this.#pendingDeletes.has(mid);
  }

  /** @param {string} mid */
  beginDelete(mid) {
    this.#pendingDeletes.add(mid);
    this.#changed();
  }

  /** The deletion was carried out or taken back. @param {string} mid */
  endDelete(mid) {
    this.#pendingDeletes.delete(mid);
    this.#changed();
  }

  /** Whether a message of somebody blocked is shown all the same. @param {string} mid */
  isRevealed(mid) {
    return this.#revealed.has(mid);
  }

  /** @param {string} mid */
  reveal(mid) {
    this.#revealed.add(mid);
    this.#changed();
  }
}
