/**
 * Which message is answered or edited in each room. It stays while another room or screen is shown, so that one may
 * look something up and come back.
 */
export class ComposerTargets {
  /** @type {{ room: string, mid: string, text: string | null } | null} */
  #edited = null;
  /** @type {Map<string, string>} */
  #answered = new Map();

  /**
   * @param {string} room
   * @param {string} mid
   * @param {string | null} [text]  what to begin with, in the place of what the message says
   */
  edit(room, mid, text = null) {
    this.#edited = { room, mid, text };
  }

  /** The text to begin an edit with, once. */
  takeText() {
    const text = this.#edited?.text ?? null;
    if (this.#edited) this.#edited.text = null;
    return text;
  }

  stopEditing() {
    this.#edited = null;
  }

  /** The `mid` being edited in a room. @param {string} room */
  editedIn(room) {
    return this.#edited?.room === room ? this.#edited.mid : null;
  }

  /** @param {string} room @param {string} mid */
  answer(room, mid) {
    this.#answered.set(room, mid);
  }

  /** The `mid` being answered in a room. @param {string} room */
  answeredIn(room) {
    return this.#answered.get(room) ?? null;
  }

  /** The same, and answers nothing any more. @param {string} room */
  takeAnswered(room) {
    const mid = this.answeredIn(room);
    this.#answered.delete(room);
    return mid;
  }
}
