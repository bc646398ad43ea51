/** The draft is kept this long after the last key. */
const DRAFT_MS = 250;

/** What is typed in one room and not sent, kept a moment after typing stops, and at once when the page may go. */
export class Draft {
  #keep;
  #kept;
  #open = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} text  what was kept before
   * @param {(text: string) => void} keep
   */
  constructor(text, keep) {
    this.text = text;
    this.#kept = text;
    this.#keep = keep;
    const { signal } = this.#open;
    globalThis.addEventListener?.("pagehide", () => this.keep(), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => this.keep(), { signal });
  }

  /** @param {string} text */
  write(text) {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), DRAFT_MS);
  }

  /**
   * Takes over what was kept elsewhere, unless something here is not kept yet.
   *
   * @param {string} text
   * @returns {boolean} whether it is another text than before
   */
  follow(text) {
    if (text === this.text || this.text !== this.#kept) return false;
    this.text = text;
    this.#kept = text;
    return true;
  }

  /**
   * A text that was kept before has turned up above what is kept of this one, as when my keys open while I write.
   *
   * @param {string} text  both, as they are kept now
   * @returns {boolean} whether there is one
   */
  join(text) {
    const below = this.#kept && `\n${this.#kept}`;
    const above = text.endsWith(below) ? text.slice(0, text.length - below.length) : "";
    if (!above) return false;
    this.#kept = text;
    this.write(this.text ? `${above}\n${this.text}` : above);
    return true;
  }

  close() {
    this.keep();
    this.#open.abort();
  }

  keep() {
    clearTimeout(this.#timer);
    if (this.text === this.#kept) return;
    this.#kept = this.text;
    this.#keep(this.text);
  }
}
