/**
 * Turns messages into rows and keeps them: a row is drawn again only when its message, its grouping, its author's
 * name or the message it quotes changed. Rows are found by `mid`, which a message keeps from pending to deleted.
 */
import { el, place } from "../base/element.js";
import { t } from "../base/i18n.js";
import { showProgress } from "../files/message_files.js";
import { namesCalled } from "../people/mentions.js";
import { lookOf } from "../people/people.js";
import { Days } from "./days.js";
import { drawMessage } from "./message.js";
import { newestOf } from "./reading.js";
import { Quotes } from "./quotes.js";
import { isVeiled } from "./veil.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {{ row: HTMLElement, message: Message, inputs: unknown[] }} Row */
/**
 * What stands between and around the rows.
 *
 * @typedef {object} Around
 * @property {number | null} divider  the place in the room above whose message it stands
 * @property {HTMLElement | null} beginning
 * @property {boolean} moreBefore
 * @property {boolean} moreAfter
 */

/** @typedef {{ row: HTMLElement, message: Message, top: number, bottom: number }} Shown */

/** One author's messages this close together are one group. */
const GROUP_MS = 5 * 60_000;
/** Rows that arrive sooner after others come without a movement: what moves all the time costs, and nobody can read. */
const CALM_MS = 1000;

export class Rows {
  #room;
  #actions;
  #marks;
  #show;
  #openPicture;
  /** From top to bottom, and by `mid`. @type {Row[]} */
  #list = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #days = new Days();
  #divider = el("div", { class: "divider", role: "separator" }, t("new_divider"));
  #olderSpinner = spinner(t("loading_older"));
  #newerSpinner = spinner(t("loading"));
  /** @type {HTMLElement | null} */
  #beginning = null;
  /** Only what is newer than anything drawn before arrives with a movement; null before the first drawing. */
  #newest = /** @type {number | null} */ (null);
  #arrivedAt = 0;
  #quotes = new Quotes();

  /**
   * @param {string} room
   * @param {import("../../state/types.js").Actions} actions
   * @param {import("./marks.js").MessageMarks} marks
   * @param {object} ways
   * @param {(mid: string) => void} ways.show  leads to a message that is quoted
   * @param {import("./drawing.js").Drawing["openPicture"]} ways.openPicture
   */
  constructor(room, actions, marks, { show, openPicture }) {
    this.#room = room;
    this.#actions = actions;
    this.#marks = marks;
    this.#show = show;
    this.#openPicture = openPicture;
  }

  /**
   * @param {HTMLElement} log
   * @param {State} state
   * @param {Message[]} messages
   * @param {Around} around
   */
  draw(log, state, messages, around) {
    const all = state.timelines.get(this.#room)?.messages ?? [];
    const look = remembered((uid) => lookOf(state, uid));
    /** @type {Map<string, Row>} */
    const next = new Map();
    const nodes = this.#above(around);
    this.#days.begin();
    let before = /** @type {Message | null} */ (null);
    let day = 0;
    let divided = false;
    let run = 0;
    for (const [at, message] of messages.entries()) {
      run += 1;
      if (isCollapsed(message, messages[at + 1])) continue;
      const newDay = !before || this.#days.of(message) !== day;
      if (newDay) nodes.push(this.#days.separator((day = this.#days.of(message)), message.at));
      const first = !divided && isDivided(message, around.divider);
      if (first) {
        divided = true;
        nodes.push(this.#divider);
      }
      const grouped = !newDay && !first && isGrouped(message, before);
      const row = this.#rowFor(message, grouped, state, { all, look, run });
      run = 0;
      next.set(message.mid, row);
      nodes.push(row.row);
      before = message;
    }
    if (around.moreAfter) nodes.push(this.#newerSpinner);
    place(log, nodes);
    this.#rows = next;
    this.#list = [...next.values()];
    for (const { row, message } of this.#list)
      if (message.status === "pending" && message.files) showProgress(row, message, state);
    const newest = newestOf(messages);
    if (newest > (this.#newest ?? 0)) this.#arrivedAt = performance.now();
    this.#newest = Math.max(this.#newest ?? 0, newest);
  }

  /**
   * What stands above the first row. The beginning of a room stays the same node for as long as it says the same.
   *
   * @param {Around} around
   */
  #above({ beginning, moreBefore }) {
    if (beginning && this.#beginning?.textContent !== beginning.textContent) this.#beginning = beginning;
    if (beginning) return [/** @type {HTMLElement} */ (this.#beginning)];
    return moreBefore ? [this.#olderSpinner] : [];
  }

  /**
   * The rows that a part of the screen shows. They stand in order, so few of them have to be measured.
   *
   * @param {number} top
   * @param {number} bottom
   * @returns {Shown[]}
   */
  between(top, bottom) {
    let [low, high] = [0, this.#list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (boxOf(this.#list[middle]).bottom > top) high = middle;
      else low = middle + 1;
    }
    /** @type {Shown[]} */
    const shown = [];
    for (const { row, message } of this.#list.slice(low)) {
      const box = row.getBoundingClientRect();
      if (box.top >= bottom) break;
      shown.push({ row, message, top: box.top, bottom: box.bottom });
    }
    return shown;
  }

  /** The first row in the page. */
  get first() {
    return this.#list[0]?.row;
  }

  /** Where the divider stands on the screen, if it is in the page. */
  get dividerTop() {
    return this.#divider.isConnected ? this.#divider.getBoundingClientRect().top : null;
  }

  /** Leads to a message in the page. @param {string} mid */
  flash(mid) {
    const row = this.#rows.get(mid)?.row;
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.classList.remove("message-flash");
    void row.offsetWidth;
    row.classList.add("message-flash");
    row.focus({ preventScroll: true });
  }

  /**
   * @param {Message} message
   * @param {boolean} grouped
   * @param {State} state
   * @param {{ all: Message[], look: (uid: string) => string, run: number }} context
   * @returns {Row}
   */
  #rowFor(message, grouped, state, { all, look, run }) {
    const room = this.#room;
    const marks = this.#marks;
    const deleting = marks.isPendingDelete(message.mid);
    const quoted = message.re ? this.#quotes.find(all, message.re) : null;
    const inputs = [
      message,
      grouped,
      run,
      deleting,
      quoted,
      look(message.by),
      quoted && look(quoted.by),
      namesCalled(state, message),
      isVeiled(state, room, message, marks),
      quoted && isVeiled(state, room, quoted, marks),
      this.#previewsOf(message),
      document.documentElement.lang,
    ];
    const known = this.#rows.get(message.mid);
    if (known && known.inputs.every((input, index) => input === inputs[index])) return known;
    const row = known?.row ?? el("article", { tabindex: "-1", "data-mid": message.mid });
    drawMessage(row, {
      actions: this.#actions,
      marks,
      show: this.#show,
      openPicture: this.#openPicture,
      state,
      room,
      message,
      before: known?.message ?? null,
      grouped,
      run,
      deleting,
      quoted,
    });
    if (!known && this.#isFresh(message)) row.classList.add("message-new");
    return { row, message, inputs };
  }

  /** Where pictures of mine are shown from that are not sent yet: after a reload that is known a moment later. */
  #previewsOf(/** @type {Message} */ { status, files }) {
    if (status === "sent" || !files) return "";
    return files.map((file) => this.#actions.files.preview(file) ?? "").join();
  }

  /** @param {Message} message */
  #isFresh({ createdSeq }) {
    if (this.#newest === null || (createdSeq > 0 && createdSeq <= this.#newest)) return false;
    return performance.now() - this.#arrivedAt > CALM_MS;
  }
}

/**
 * @template T
 * @param {(key: string) => T} make
 * @returns {(key: string) => T} the same, made once for each key
 */
function remembered(make) {
  /** @type {Map<string, T>} */
  const known = new Map();
  return (key) => {
    let found = known.get(key);
    if (found === undefined) known.set(key, (found = make(key)));
    return found;
  };
}

/**
 * Whether a message belongs to the group of the one before it, under one head.
 *
 * @param {Message} message
 * @param {Message | null} before
 */
export function isGrouped(message, before) {
  return before !== null && before.by === message.by && message.at - before.at < GROUP_MS && !message.re;
}

/**
 * Whether a message is part of the row of the next one: in an encrypted chat, messages made with an outdated key that
 * follow each other are one row.
 *
 * @param {Message} message
 * @param {Message | undefined} next
 */
function isCollapsed(message, next) {
  return message.verdict === "outdated" && next?.verdict === "outdated";
}

/** @param {Message} message @param {number | null} divider */
function isDivided(message, divider) {
  return divider !== null && message.createdSeq >= divider && message.status === "sent";
}

/** @param {Row | undefined} entry */
function boxOf(entry) {
  return /** @type {Row} */ (entry).row.getBoundingClientRect();
}

/** @param {string} text */
function spinner(text) {
  return el("div", { class: "loading-older" }, el("span", { class: "spinner", "aria-hidden": "true" }), text);
}
