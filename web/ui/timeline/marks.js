/**
 * What only this page knows of messages: which deletions can still be undone, which messages of blocked people were
 * asked for, and which long ones are shown whole. It outlives the view of a room.
 */
export class MessageMarks {
  /** @type {Set<string>} */
  #pendingDeletes = new Set();
  /** @type {Set<string>} */
  #revealed = new Set();
  /** @type {Set<string>} */
  #unfolded = new Set();
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

  /** Whether a long message is shown whole. @param {string} mid */
  isUnfolded(mid) {
    return this.#unfolded.has(mid);
  }

  /** Its row shows it already. @param {string} mid @param {boolean} unfolded */
  setUnfolded(mid, unfolded) {
    if (unfolded) this.#unfolded.add(mid);
    else this.#unfolded.delete(mid);
  }
}
