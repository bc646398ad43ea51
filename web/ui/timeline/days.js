/** The lines between the days of a room. */
import { clock } from "../../state/clock.js";
import { dayNumber, dayOf } from "../base/dates.js";
import { el } from "../base/element.js";

/** @typedef {import("../../state/types.js").Message} Message */

export class Days {
  /** @type {WeakMap<Message, number>} */
  #numbers = new WeakMap();
  /** The lines, by their days. @type {Map<number, HTMLElement>} */
  #lines = new Map();
  /** Those that are in their places: a clock that was set back makes a day come twice. @type {Set<HTMLElement>} */
  #placed = new Set();
  /** What the lines say depends on these. */
  #words = "";

  /** Before the messages are gone through: "Today" is another day after midnight. */
  begin() {
    const words = `${dayNumber(clock.now())} ${document.documentElement.lang}`;
    if (words !== this.#words) this.#lines.clear();
    this.#words = words;
    this.#placed.clear();
  }

  /** The day of a message, as a number. @param {Message} message */
  of(message) {
    let day = this.#numbers.get(message);
    if (day === undefined) this.#numbers.set(message, (day = dayNumber(message.at)));
    return day;
  }

  /**
   * The same node for as long as it says the same.
   *
   * @param {number} day
   * @param {number} at  a moment of it
   */
  separator(day, at) {
    const known = this.#lines.get(day);
    const line = known && !this.#placed.has(known) ? known : this.#line(day, at);
    this.#placed.add(line);
    return line;
  }

  /** @param {number} day @param {number} at */
  #line(day, at) {
    const line = el("div", { class: "day", role: "separator", "data-day": String(day) }, el("span", {}, dayOf(at)));
    this.#lines.set(day, line);
    return line;
  }
}
