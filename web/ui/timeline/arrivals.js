/** What came while nobody looked, or before the line was back: it begins under the divider, and stays on the screen. */
import { isAttended } from "../../platform/page.js";
import { LineWatch } from "./line_watch.js";
import { newestOf } from "./reading.js";

/** @typedef {import("../../state/types.js").Timeline} Stretch */

export class Arrivals {
  #reading;
  #line = new LineWatch();
  /** Which return of the line the divider was put for. */
  #dividedFor = 0;
  /** The newest message when it was drawn last. */
  #newest = 0;

  /** @param {import("./reading.js").Reading} reading */
  constructor(reading) {
    this.#reading = reading;
  }

  /**
   * Puts the divider above what came unseen.
   *
   * @param {Stretch} stretch
   * @param {boolean} online
   * @param {number} now  by the server's clock
   */
  note(stretch, online, now) {
    this.#line.update(online, now);
    const isNewLoss = this.#dividedFor !== this.#line.backAt;
    const unattended = !isAttended();
    const moved = this.#reading.noteArrivals(
      stretch,
      (message) => unattended || (isNewLoss && this.#line.missed(message)),
    );
    if (moved) this.#dividedFor = this.#line.backAt;
  }

  /**
   * Whether nobody is there who wants to follow the present, past the divider: the page is hidden, or what has come was
   * missed.
   *
   * @param {Stretch} stretch
   */
  keepDivider({ messages }) {
    const newest = newestOf(messages);
    const hasMissed =
      newest > this.#newest && messages.some((each) => each.createdSeq === newest && this.#line.missed(each));
    this.#newest = newest;
    const { divider, position } = this.#reading;
    return divider !== null && (document.hidden ? divider > position : hasMissed && this.#dividedFor > 0);
  }
}
