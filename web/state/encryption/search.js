/**
 * Search in one encrypted chat, in this browser: what the server has are envelopes (section 20 of e2ee.md). It looks
 * from the newest message backwards, a page at a time, says how far back it has looked, and goes on when it is told to.
 */

/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../encrypted_door.js").AskedPage} Page */
/** @typedef {import("../../net/wire.js").Where} Where */

/** Messages of a page. */
const PAGE = 500;

export class Search {
  /** What was found, the newest first. @type {Message[]} */
  found = [];
  /** When the oldest message was written that it has looked at; null before the first. @type {number | null} */
  since = null;
  isComplete = false;
  isRunning = false;
  /** Why it could not go on. @type {{ code?: string } | null} */
  error = null;
  changed = () => {};
  #words;
  #ways;
  #before = Infinity;
  /** Counts pages and stops: a page that was stopped adds nothing. */
  #turn = 0;

  /**
   * @param {string} text
   * @param {object} ways
   * @param {(where: Where & { limit: number }) => Promise<Page>} ways.read
   * @param {(page: Page, where: Where, apply: (messages: Message[]) => void) => Promise<boolean>} ways.open
   */
  constructor(text, ways) {
    this.#words = folded(text).split(/\s+/).filter(Boolean);
    this.#ways = ways;
  }

  /** Looks at the next page. */
  async more() {
    if (this.isRunning || this.isComplete || !this.#words.length) return;
    this.#turn += 1;
    const turn = this.#turn;
    this.isRunning = true;
    this.error = null;
    this.changed();
    try {
      await this.#look(turn);
    } catch (error) {
      if (turn === this.#turn) this.error = /** @type {{ code?: string }} */ (error);
    }
    if (turn !== this.#turn) return;
    this.isRunning = false;
    this.changed();
  }

  /** The page that is under way counts no more; `more` goes on with it. */
  stop() {
    if (!this.isRunning) return;
    this.#turn += 1;
    this.isRunning = false;
    this.changed();
  }

  /** @param {number} turn */
  async #look(turn) {
    const where = { limit: PAGE, ...(this.#before === Infinity ? {} : { before: this.#before }) };
    const page = await this.#ways.read(where);
    await this.#ways.open(page, where, (messages) => {
      if (turn !== this.#turn) return;
      const placed = messages.filter(({ lost }) => !lost).sort((a, b) => b.createdSeq - a.createdSeq);
      const oldest = placed.at(-1);
      const known = new Set(this.found.map(({ mid }) => mid));
      this.found = [...this.found, ...placed.filter((message) => !known.has(message.mid) && this.#fits(message))];
      this.since = oldest?.at ?? this.since;
      this.#before = oldest?.createdSeq ?? this.#before;
      this.isComplete = !page.moreBefore || !oldest;
    });
  }

  /** @param {Message} message */
  #fits({ kind, t, verdict }) {
    const text = folded(t);
    return kind === "msg" && verdict === "ok" && this.#words.every((word) => text.includes(word));
  }
}

/** A text without case and accents. @param {string} text */
export function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().normalize("NFC");
}
