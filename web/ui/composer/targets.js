/**
 * Which message is answered or edited in each room. It stays while another room or screen is shown, so that one may
 * look something up and come back, and while the list shows another part of the room, so it is kept as it was.
 */

/** @typedef {import("../../state/types.js").Message} Message */

export class ComposerTargets {
  /** @type {Map<string, { message: Message, text: string | null }>} */
  #edited = new Map();
  /** @type {Map<string, Message>} */
  #answered = new Map();

  /**
   * @param {string} room
   * @param {Message} message
   * @param {string | null} [text]  what to begin with, in the place of what the message says
   */
  edit(room, message, text = null) {
    this.#edited.set(room, { message, text });
  }

  /** The text to begin an edit with, once. @param {string} room */
  takeText(room) {
    const edited = this.#edited.get(room);
    const text = edited?.text ?? null;
    if (edited) edited.text = null;
    return text;
  }

  /** What is typed of an edit, for whoever comes back to it. @param {string} room @param {string} text */
  keepText(room, text) {
    const edited = this.#edited.get(room);
    if (edited) edited.text = text;
  }

  /** @param {string} room */
  stopEditing(room) {
    this.#edited.delete(room);
  }

  /** The message being edited in a room. @param {string} room */
  editedIn(room) {
    return this.#edited.get(room)?.message ?? null;
  }

  /** @param {string} room @param {Message} message */
  answer(room, message) {
    this.#answered.set(room, message);
  }

  /** The message being answered in a room. @param {string} room */
  answeredIn(room) {
    return this.#answered.get(room) ?? null;
  }

  /** The same, and answers nothing any more. @param {string} room */
  takeAnswered(room) {
    const message = this.answeredIn(room);
    this.#answered.delete(room);
    return message;
  }
}
