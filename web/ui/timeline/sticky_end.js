/** This close to the end counts as being there. */
const STICK_PX = 100;

/** Whether the list follows the present: it does while the reader is at its end. */
export class StickyEnd {
  #scroller;
  #stuck = true;
  /** How far down it was when it was last seen to. */
  #rest = 0;

  /** @param {{ scrollTop: number, readonly scrollHeight: number, readonly clientHeight: number }} scroller */
  constructor(scroller) {
    this.#scroller = scroller;
  }

  get isStuck() {
    return this.#stuck;
  }

  /** What is hidden below, in pixels. */
  get below() {
    return this.#scroller.scrollHeight - this.#scroller.scrollTop - this.#scroller.clientHeight;
  }

  get isNear() {
    return this.below < STICK_PX;
  }

  /**
   * Whether it follows now. The browser reports a scroll at its next frame only: who has just left the end must not be
   * pulled back by what comes in between.
   */
  follows() {
    if (this.#scroller.scrollTop < this.#rest - 1 && !this.isNear) this.#stuck = false;
    return this.#stuck;
  }

  /** @param {boolean} atPresent  whether the last row in the page is the newest message */
  scrolled(atPresent) {
    this.#stuck = this.isNear && atPresent;
    this.#rest = this.#scroller.scrollTop;
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#rest = this.#scroller.scrollTop;
  }

  release() {
    this.#stuck = false;
  }

  stick() {
    this.#stuck = true;
    this.#rest = 0;
  }
}
