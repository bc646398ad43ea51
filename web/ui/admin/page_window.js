/**
 * The part of a long list that is held: a few pages side by side. Cursors of the server only lead forward, so the
 * cursors of the pages let go above are kept, one short string each; pages let go below are found again by the cursor
 * of the last one held. Nothing here knows the document.
 */

/**
 * @template T
 * @typedef {object} Held
 * @property {string | undefined} after  the cursor that led here
 * @property {T[]} items
 * @property {string | undefined} next
 */

/**
 * @template T
 * @typedef {{ items: T[], next?: string | null | undefined, total?: number | undefined }} Loaded
 */

/** @template T */
export class PageWindow {
  /** @type {Held<T>[]} */
  #pages = [];
  /** @type {(string | undefined)[]} */
  #above = [];
  #most;
  #size;
  /** @type {number | undefined} */
  total = undefined;

  /**
   * @param {number} most  pages held at once
   * @param {number} size  items of a page
   */
  constructor(most, size) {
    this.#most = most;
    this.#size = size;
  }

  get items() {
    return this.#pages.flatMap((page) => page.items);
  }

  get isLoaded() {
    return this.#pages.length > 0;
  }

  /** The place of the first item, from zero. */
  get first() {
    return this.#above.length * this.#size;
  }

  /** @param {"earlier" | "later"} way */
  leads(way) {
    return way === "earlier" ? this.#above.length > 0 : this.#pages.at(-1)?.next !== undefined;
  }

  /** @param {"earlier" | "later"} way */
  cursor(way) {
    return way === "earlier" ? this.#above.at(-1) : this.#pages.at(-1)?.next;
  }

  /** The first page, and nothing else. @param {Loaded<T>} page */
  begin(page) {
    this.#above = [];
    this.#pages = [held(undefined, page)];
    this.total = page.total;
  }

  /**
   * Takes a page in; the one at the far end goes when there are too many.
   *
   * @param {"earlier" | "later"} way
   * @param {Loaded<T>} page
   */
  take(way, page) {
    const arrived = held(this.cursor(way), page);
    this.total = page.total ?? this.total;
    if (way === "later") {
      this.#pages.push(arrived);
      if (this.#pages.length > this.#most) this.#above.push(this.#pages.shift()?.after);
    } else {
      this.#above.pop();
      this.#pages = [arrived, ...this.#pages].slice(0, this.#most);
    }
  }

  /**
   * What became of one item; `null`: it is in this list no more.
   *
   * @param {(item: T) => boolean} is
   * @param {T | null} item
   */
  replace(is, item) {
    const before = this.items.length;
    this.#pages = this.#pages.map((page) => ({
      ...page,
      items: page.items.flatMap((each) => (!is(each) ? [each] : item ? [item] : [])),
    }));
    if (this.total !== undefined) this.total -= before - this.items.length;
  }
}

/**
 * @template T
 * @param {string | undefined} after
 * @param {Loaded<T>} page
 * @returns {Held<T>}
 */
function held(after, page) {
  return { after, items: page.items, next: page.next ?? undefined };
}
