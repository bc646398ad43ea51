/**
 * Turns messages into rows and keeps them: a row is drawn again only when its message, its grouping, its author's
 * name or the message it quotes changed. Rows are found by `mid`, which a message keeps from pending to deleted.
 */
import { dayNumber, dayOf } from "../base/dates.js";
import { el, place } from "../base/element.js";
import { t } from "../base/i18n.js";
import { namesCalled } from "../people/mentions.js";
import { lookOf, nameOf } from "../people/people.js";
import { drawMessage } from "./message.js";
import { newestOf } from "./reading.js";
import { isVeiled } from "./veil.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {{ row: HTMLElement, message: Message, inputs: unknown[] }} Row */
/** @typedef {{ divider: number | null, beginning: HTMLElement | null, loadingOlder: boolean }} Around */

/** One author's messages this close together are one group. */
const GROUP_MS = 5 * 60_000;

export class Rows {
  #room;
  #actions;
  #marks;
  #show;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** Only what is newer than anything drawn before arrives with a movement; null before the first drawing. */
  #newest = /** @type {number | null} */ (null);

  /**
   * @param {string} room
   * @param {import("../../state/types.js").Actions} actions
   * @param {import("./marks.js").MessageMarks} marks
   * @param {(mid: string) => void} show  leads to a message that is quoted
   */
  constructor(room, actions, marks, show) {
    this.#room = room;
    this.#actions = actions;
    this.#marks = marks;
    this.#show = show;
  }

  /**
   * @param {HTMLElement} log
   * @param {State} state
   * @param {Message[]} messages
   * @param {Around} around
   */
  draw(log, state, messages, around) {
    const byMid = new Map((state.timelines.get(this.#room)?.messages ?? []).map((message) => [message.mid, message]));
    /** @type {Map<string, Row>} */
    const next = new Map();
    const nodes = above(log, around);
    let before = /** @type {Message | null} */ (null);
    let divided = false;
    for (const message of messages) {
      const newDay = !before || dayNumber(before.at) !== dayNumber(message.at);
      if (newDay) nodes.push(daySeparator(log, message.at));
      const first = !divided && isDivided(message, around.divider);
      if (first) {
        divided = true;
        nodes.push(kept(log, ".divider") ?? el("div", { class: "divider", role: "separator" }, t("new_divider")));
      }
      const grouped = !newDay && !first && isGrouped(message, before);
      const row = this.#rowFor(message, grouped, state, byMid);
      next.set(message.mid, row);
      nodes.push(row.row);
      before = message;
    }
    place(log, nodes);
    this.#rows = next;
    this.#newest = newestOf(messages, this.#newest ?? 0);
  }

  /** The messages whose rows end above a line of the screen. @param {number} bottom */
  above(bottom) {
    return [...this.#rows.values()]
      .filter(({ row }) => row.getBoundingClientRect().bottom <= bottom)
      .map(({ message }) => message);
  }

  /** @param {string} mid */
  find(mid) {
    return this.#rows.get(mid)?.row ?? null;
  }

  /**
   * @param {Message} message
   * @param {boolean} grouped
   * @param {State} state
   * @param {Map<string, Message>} byMid
   * @returns {Row}
   */
  #rowFor(message, grouped, state, byMid) {
    const room = this.#room;
    const marks = this.#marks;
    const deleting = marks.isPendingDelete(message.mid);
    const quoted = message.re ? (byMid.get(message.re) ?? null) : null;
    const inputs = [
      message,
      grouped,
      deleting,
      quoted,
      lookOf(state, message.by),
      quoted && nameOf(state, quoted.by),
      namesCalled(state, message),
      isVeiled(state, room, message, marks),
      quoted && isVeiled(state, room, quoted, marks),
      document.documentElement.lang,
    ];
    const known = this.#rows.get(message.mid);
    if (known && known.inputs.every((input, index) => input === inputs[index])) return known;
    const row = known?.row ?? el("article", { tabindex: "-1", "data-mid": message.mid });
    drawMessage(row, {
      actions: this.#actions,
      marks,
      show: this.#show,
      state,
      room,
      message,
      before: known?.message ?? null,
      grouped,
      deleting,
      quoted,
    });
    if (!known && this.#isFresh(message)) row.classList.add("message-new");
    return { row, message, inputs };
  }

  /** @param {Message} message */
  #isFresh({ createdSeq }) {
    return this.#newest !== null && (createdSeq === 0 || createdSeq > this.#newest);
  }
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

/** @param {Message} message @param {number | null} divider */
function isDivided(message, divider) {
  return divider !== null && message.createdSeq >= divider && message.status === "sent";
}

/**
 * What stands above the first row.
 *
 * @param {HTMLElement} log
 * @param {Around} around
 * @returns {HTMLElement[]}
 */
function above(log, { beginning, loadingOlder }) {
  if (beginning) return [unchanged(kept(log, ".beginning"), beginning)];
  return loadingOlder ? [kept(log, ".loading-older") ?? loadingRow()] : [];
}

/**
 * @param {HTMLElement} log
 * @param {string} selector
 */
function kept(log, selector) {
  return /** @type {HTMLElement | null} */ (log.querySelector(`:scope > ${selector}`));
}

/**
 * The node that stands there, unless it says something else by now: a group's people are known a moment after it, and
 * rooms are renamed.
 *
 * @param {HTMLElement | null} old
 * @param {HTMLElement} now
 */
function unchanged(old, now) {
  return old?.textContent === now.textContent ? old : now;
}

function loadingRow() {
  return el(
    "div",
    { class: "loading-older" },
    el("span", { class: "spinner", "aria-hidden": "true" }),
    t("loading_older"),
  );
}

/**
 * @param {HTMLElement} log
 * @param {number} at
 */
function daySeparator(log, at) {
  const day = String(dayNumber(at));
  const text = dayOf(at);
  const old = kept(log, `.day[data-day="${day}"]`);
  if (old?.textContent === text) return old;
  return el("div", { class: "day", role: "separator", "data-day": day }, el("span", {}, text));
}
