/**
 * The one way of entries into the state. Live events, replays, pages and the answers to my own messages all pass
 * through `ingest`, which opens their entries and applies them room by room in the order in which they came, however
 * long opening takes. To open an entry means to read it now; for an encrypted one it will mean to decrypt it.
 */

/** @typedef {import("../net/wire.js").Entry} Entry */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {(room: string, entry: Entry) => Promise<Message> | Message} Open */

export class Ingest {
  #open;
  /** What was ingested last in each room; the next waits for it. @type {Map<string, Promise<unknown>>} */
  #tails = new Map();
  /** Counts sign-outs: what was ingested before one is not applied after it. */
  #session = 0;

  /** @param {Open} open */
  constructor(open) {
    this.#open = open;
  }

  /**
   * Opens the entries and applies them after everything that was ingested before them in this room.
   *
   * @param {string} room
   * @param {Entry[]} entries  may be none: then `apply` only keeps its place in the order
   * @param {(messages: Message[]) => void} apply  called once, with all of them
   * @param {() => boolean} [isCurrent]  once it is false nothing more of this is opened, and nothing applied
   * @returns {Promise<boolean>} whether they were applied; false also after a sign-out
   */
  ingest(room, entries, apply, isCurrent = () => true) {
    const session = this.#session;
    const isWanted = () => session === this.#session && isCurrent();
    const applied = this.#run(this.#tails.get(room), room, entries, apply, isWanted);
    // A failure is the caller's; the next in the room goes on.
    const tail = applied
      .catch(() => {})
      .then(() => {
        if (this.#tails.get(room) === tail) this.#tails.delete(room);
      });
    this.#tails.set(room, tail);
    return applied;
  }

  /** Drops what waits: after a sign-out nothing of it may reach the state. */
  drop() {
    this.#session += 1;
    this.#tails.clear();
  }

  /**
   * @param {Promise<unknown> | undefined} before
   * @param {string} room
   * @param {Entry[]} entries
   * @param {(messages: Message[]) => void} apply
   * @param {() => boolean} isWanted
   */
  async #run(before, room, entries, apply, isWanted) {
    await before;
    /** @type {Message[]} */
    const messages = [];
    for (const entry of entries) {
      if (!isWanted()) return false;
      try {
        messages.push(await this.#open(room, entry));
      } catch (error) {
        // One entry that cannot be opened does not hold up the others.
        globalThis.reportError?.(error);
      }
    }
    if (!isWanted()) return false;
    apply(messages);
    return true;
  }
}
