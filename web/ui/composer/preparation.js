/** What a text needs before it can be sent: the table of short names, and the people it calls. */
import { emojiNamed, loadEmoji } from "../base/emoji.js";
import { peopleIn } from "../base/format.js";
import { mayHaveShortNames, replaceShortNames } from "../base/short_names.js";

/** Nobody waits longer for either: then names stay as they are typed. */
const WAIT_MS = 1000;
/** Unknown names of one text that are looked for. */
const NAMES_MAX = 10;

export class Preparation {
  #people;
  #hasTable = false;

  /** @param {import("./room_people.js").RoomPeople} people */
  constructor(people) {
    this.#people = people;
  }

  /**
   * Waits for what is missing; null if nothing is.
   *
   * @param {string} text
   * @returns {Promise<void> | null}
   */
  missing(text) {
    const waits = [];
    if (!this.#hasTable && mayHaveShortNames(text))
      waits.push(
        loadEmoji().then(
          () => void (this.#hasTable = true),
          () => {},
        ),
      );
    if (text.includes("@")) {
      const { unknown } = peopleIn(text, this.#people.finder());
      const names = unknown.filter((name) => this.#people.mayFind(name)).slice(0, NAMES_MAX);
      waits.push(...names.map((name) => this.#people.search(name)));
    }
    if (!waits.length) return null;
    return Promise.race([Promise.all(waits).then(() => {}), new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
  }

  /**
   * The text as it is sent, and whom it calls.
   *
   * @param {string} typed
   */
  finish(typed) {
    const text = replaceShortNames(typed, emojiNamed);
    return { text, mentions: text.includes("@") ? peopleIn(text, this.#people.finder()).uids : [] };
  }
}
