/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("../../state/types.js").Timeline} Timeline */
/** From which place in the room to which, by `createdSeq`. @typedef {{ from: number, to: number }} Span */

/**
 * What the reader has read of a room. The position moves over messages that were on a screen somebody looked at, or
 * were scrolled past there, and stops before the first one that was not: a jump by a link or a quote reads nothing of
 * what it passes over. Only who goes to the present on purpose has read the room.
 */
export class Reading {
  /** The first new message, by its place in the room; the divider stands above it. @type {number | null} */
  divider = null;
  /** @type {string | undefined} */
  #me;
  #position = 0;
  #furthest = 0;
  /** What was looked at beyond the position. @type {Set<number>} */
  #seen = new Set();
  /** What was on the screen last; null after a jump, and while nobody looks. @type {Span | null} */
  #last = null;

  /**
   * Begins when the room is opened.
   *
   * @param {Timeline} timeline
   * @param {{ read: number, unread: number }} room
   * @param {string | undefined} me
   * @returns {boolean} whether reading goes on at the divider; else at the end
   */
  begin(timeline, { read, unread }, me) {
    this.#me = me;
    this.#position = this.#furthest = read;
    if (unread) this.divider = this.#firstUnread(timeline)?.createdSeq ?? null;
    if (this.divider === null) this.#furthest = newestOf(timeline.messages, read);
    return this.divider !== null;
  }

  /** Up to where everything is read. */
  get position() {
    return this.#position;
  }

  /** Another browser of mine has read on. @param {number} read */
  follow(read) {
    this.#position = Math.max(this.#position, read);
  }

  /**
   * Puts the divider above what came while nobody looked, unless what is below an older one is still to be read.
   *
   * @param {Timeline} timeline
   * @param {(message: Message) => boolean} cameUnseen
   * @returns {boolean} whether it stands somewhere else now
   */
  noteArrivals(timeline, cameUnseen) {
    if (this.divider !== null && this.divider > this.#position) return false;
    const first = this.#firstUnread(timeline);
    if (!first || !cameUnseen(first)) return false;
    this.divider = first.createdSeq;
    return true;
  }

  /**
   * Somebody looks at a part of the room. What lies between this part and that of the last look was scrolled past.
   *
   * @param {Timeline} timeline
   * @param {Span} span
   */
  look(timeline, { from, to }) {
    const { messages } = timeline;
    const passed = this.#last
      ? { from: Math.min(from, this.#last.to), to: Math.max(to, this.#last.from) }
      : { from, to };
    this.#last = { from, to };
    this.#furthest = Math.max(this.#furthest, to);
    for (let at = placeAfter(messages, Math.max(passed.from - 1, this.#position)); at < messages.length; at += 1) {
      const { createdSeq } = /** @type {Message} */ (messages[at]);
      if (!createdSeq || createdSeq > passed.to) break;
      this.#seen.add(createdSeq);
    }
    this.#advance(timeline);
  }

  /** What comes next does not follow from what was on the screen: nothing between them was looked at. */
  jump() {
    this.#last = null;
  }

  /** Everything up to a place in the room is read. @param {number} seq */
  readAll(seq) {
    this.#position = Math.max(this.#position, seq);
    this.#furthest = Math.max(this.#furthest, seq);
    this.#seen.clear();
  }

  /** Whether nothing in the room is left to read. @param {Timeline} timeline */
  isDone(timeline) {
    return !timeline.moreAfter && reaches(timeline, this.#position) && !this.#firstUnread(timeline);
  }

  /** New messages below everything that was on the screen. @param {Timeline} timeline */
  countBelow({ messages, newAfter }) {
    return newAfter + this.#count(messages, this.#furthest, Infinity);
  }

  /** Unread messages above what is on the screen. @param {Timeline} timeline @param {number} from */
  countAbove(timeline, from) {
    return reaches(timeline, this.#position) ? this.#count(timeline.messages, this.#position, from) : 0;
  }

  /** @param {Timeline} timeline */
  #firstUnread(timeline) {
    const { messages } = timeline;
    if (!reaches(timeline, this.#position)) return undefined;
    for (let at = placeAfter(messages, this.#position); at < messages.length; at += 1) {
      const message = /** @type {Message} */ (messages[at]);
      if (this.#isNew(message)) return message;
    }
    return undefined;
  }

  /** @param {Timeline} timeline */
  #advance(timeline) {
    const { messages } = timeline;
    if (!reaches(timeline, this.#position)) return;
    for (let at = placeAfter(messages, this.#position); at < messages.length; at += 1) {
      const message = /** @type {Message} */ (messages[at]);
      if (!message.createdSeq || (this.#isNew(message) && !this.#seen.has(message.createdSeq))) return;
      this.#position = message.createdSeq;
      this.#seen.delete(message.createdSeq);
    }
  }

  /** @param {Message[]} messages @param {number} after @param {number} before */
  #count(messages, after, before) {
    let count = 0;
    for (let at = placeAfter(messages, after); at < messages.length; at += 1) {
      const message = /** @type {Message} */ (messages[at]);
      if (message.createdSeq >= before) break;
      if (this.#isNew(message) && !this.#seen.has(message.createdSeq)) count += 1;
    }
    return count;
  }

  /** @param {Message} message */
  #isNew({ by, status, kind }) {
    return by !== this.#me && status === "sent" && kind === "msg";
  }
}

/**
 * Whether what follows a place in the room is in the list without a gap.
 *
 * @param {Timeline} timeline
 * @param {number} seq
 */
function reaches({ messages, moreBefore }, seq) {
  return !moreBefore || (messages[0]?.createdSeq ?? 0) <= seq;
}

/**
 * Where the first message after a place in the room is in the list; the end if there is none. Those that are not sent
 * yet come last.
 *
 * @param {Message[]} messages
 * @param {number} seq
 */
function placeAfter(messages, seq) {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.createdSeq || Infinity) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The place of the newest message that is sent. @param {Message[]} messages @param {number} [floor] */
export function newestOf(messages, floor = 0) {
  const newest = messages[placeAfter(messages, Number.MAX_SAFE_INTEGER) - 1];
  return Math.max(newest?.createdSeq ?? 0, floor);
}
