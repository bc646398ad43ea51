/** The draft is kept this long after the last key. */
const DRAFT_MS = 250;

/** What is typed in one room and not sent, kept a moment after typing stops. */
export class Draft {
  #keep;
  #kept;
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
  }

  /** @param {string} text */
  write(text) {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.keep(), DRAFT_MS);
  }

  keep() {
    clearTimeout(this.#timer);
    if (this.text === this.#kept) return;
    this.#kept = this.text;
    this.#keep(this.text);
  }
}
