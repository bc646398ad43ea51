/**
 * Edits, deletions and reactions that are shown before the server has answered, and how each is taken back if the
 * server refuses it. What the server has sent of a message meanwhile is newer than the change and stays.
 */
import { withoutReaction, withReaction } from "./messages.js";

/** @typedef {import("./types.js").Message} Message */

export class Undo {
  /** Messages as they were before changes that are not answered yet. @type {Map<string, Message>} */
  #originals = new Map();
  /** Reactions of mine that I have taken back. @type {Map<string, { mid: string, emoji: string, seq: number }>} */
  #takenBack = new Map();

  /** Before an edit or a deletion. Of several changes in a row the first one counts. @param {Message} message */
  keepOriginal(message) {
    if (this.#originals.get(message.mid)?.seq !== message.seq) this.#originals.set(message.mid, message);
  }

  /**
   * Before a reaction of mine is taken back.
   *
   * @param {string} reaction
   * @param {{ mid: string, emoji: string, seq: number }} of  the message, what the reaction was, and when it was so
   */
  keepReaction(reaction, of) {
    this.#takenBack.set(reaction, of);
  }

  /** Whether a change gives or takes back a reaction. @param {import("./outbox.js").Entry["msg"]} msg */
  isReaction(msg) {
    return msg.kind === "react" || this.#takenBack.has(msg.mid);
  }

  /**
   * The message that a refused change was made to, and what becomes of it.
   *
   * @param {import("./outbox.js").Entry["msg"]} msg  the change
   * @param {string} me
   * @returns {{ mid: string, undo: (message: Message) => Message }}
   */
  of(msg, me) {
    if (msg.kind === "react") {
      const [mid, emoji] = [msg["ref"], msg["e"]];
      return { mid, undo: (now) => (now.mine?.[emoji] === msg.mid ? withoutReaction(now, emoji, me) : now) };
    }
    const reaction = this.#takenBack.get(msg.mid);
    if (reaction) {
      const { mid, emoji, seq } = reaction;
      const isSo = (/** @type {Message} */ now) => now.seq !== seq || Boolean(now.mine?.[emoji]);
      return { mid, undo: (now) => (isSo(now) ? now : withReaction(now, emoji, me, msg.mid)) };
    }
    const original = this.#originals.get(msg.mid);
    return { mid: msg.mid, undo: (now) => (original && now.seq === original.seq ? original : now) };
  }

  /** After the last answer to changes of this message or reaction. @param {string} mid */
  forget(mid) {
    this.#originals.delete(mid);
    this.#takenBack.delete(mid);
  }

  /** A new epoch: what comes now may have the same `seq` and be another state. */
  restart() {
    this.#originals.clear();
    for (const [mid, of] of this.#takenBack) this.#takenBack.set(mid, { ...of, seq: NaN });
  }

  /** After a sign-out. */
  clear() {
    this.#originals.clear();
    this.#takenBack.clear();
  }
}
