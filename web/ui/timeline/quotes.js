/** @typedef {import("../../state/types.js").Message} Message */

/**
 * Finds messages that others quote. Where each was is remembered, so that a message that arrives does not make every
 * quote on the screen search the whole list again: arriving moves none of the older ones.
 */
export class Quotes {
  /** Where a message was, or before which first message it was missing. @type {Map<string, number | string>} */
  #known = new Map();

  /**
   * @param {Message[]} messages
   * @param {string} mid
   * @returns {Message | null}
   */
  find(messages, mid) {
    const known = this.#known.get(mid);
    if (typeof known === "number" && messages[known]?.mid === mid) return messages[known];
    const first = messages[0]?.mid ?? "";
    // What is quoted is older than what quotes it: it comes with older messages only.
    if (known === first) return null;
    const at = messages.findIndex((message) => message.mid === mid);
    this.#known.set(mid, at < 0 ? first : at);
    return messages[at] ?? null;
  }
}
