/**
 * The one way of entries into the state. Live events, replays, pages and the answers to my own messages all pass
 * through `ingest`, which opens their entries and applies them room by room in the order in which they came, however
 * long opening takes. To open an entry of a plain room means to read it; one of an encrypted room is checked first,
 * which `encryption/opener.js` does.
 */

/** @typedef {import("../net/wire.js").Entry} Entry */
/** @typedef {import("./types.js").Message} Message */
/** Null if there is nothing to show. @typedef {Message | null} Opened */
/** @typedef {(room: string, entry: Entry) => Promise<Opened> | Opened} Open */
/**
 * A page of the history, and up to which `seq` its room was known when it was asked for.
 *
 * @typedef {import("../net/wire.js").Page & { where: import("../net/wire.js").Where, asked: number }} Loaded
 */
/**
 * What encrypted rooms do around the opening of entries; for other rooms both do nothing.
 *
 * @typedef {object} Around
 * @property {(room: string, entries: Entry[], page: Loaded | undefined) => Promise<void> | undefined} begin
 * @property {(room: string, page: Loaded | undefined) => Message[]} end  what belongs to the page besides
 */

export class Ingest {
  #open;
  /** @type {Around | null} */
  around = null;
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
   * @param {Loaded} [page]  that the entries are
   * @returns {Promise<boolean>} whether they were applied; false also after a sign-out
   */
  ingest(room, entries, apply, isCurrent = () => true, page = undefined) {
    const session = this.#session;
    const isWanted = () => session === this.#session && isCurrent();
    const applied = this.#run(this.#tails.get(room), room, entries, apply, isWanted, page);
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
   * @param {Loaded} [page]
   */
  async #run(before, room, entries, apply, isWanted, page) {
    await before;
    const begun = this.around?.begin(room, entries, page);
    if (begun) await begun.catch(report);
    /** @type {Message[]} */
    const messages = [];
    for (const entry of entries) {
      if (!isWanted()) return false;
      try {
        const message = await this.#open(room, entry);
        if (message) messages.push(message);
      } catch (error) {
        // One entry that cannot be opened does not hold up the others.
        report(error);
      }
    }
    if (!isWanted()) return false;
    if (this.around) messages.push(...this.around.end(room, page));
    apply(messages);
    return true;
  }
}

/** @param {unknown} error */
function report(error) {
  globalThis.reportError?.(error);
}
