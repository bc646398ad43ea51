/**
 * Turns messages into rows and keeps them: a row is drawn again only when its message, its grouping, its author's
 * name or the message it quotes changed. Rows are found by `mid`, which a message keeps from pending to deleted.
 */
import { el, place } from "../base/element.js";
import { dayNumber, dayOf, t } from "../base/i18n.js";
import { drawMessage, isVeiled } from "./message.js";
import { lookOf, nameOf } from "../people/people.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../context.js").State} State */
/** @typedef {import("../context.js").Message} Message */
/** @typedef {{ row: HTMLElement, message: Message, inputs: unknown[] }} Row */

/** One author's messages this close together are one group. */
const GROUP_MS = 5 * 60_000;

/**
 * @param {Context} context
 * @param {string} id
 */
export function createRows(context, id) {
  /** @type {Map<string, Row>} */
  let rows = new Map();
  /** Only what is newer than anything drawn before arrives with a movement. */
  let newest = Number.POSITIVE_INFINITY;
  /** @type {{ users: unknown, names: Map<string, string> }} */
  let directory = { users: null, names: new Map() };

  /** @param {State} state */
  function usernames(state) {
    if (directory.users !== state.users) {
      const names = new Map(
        [...state.users.values()]
          .filter((user) => !user.removed)
          .map((user) => [user.username.toLocaleLowerCase(), user.uid]),
      );
      directory = { users: state.users, names };
    }
    return directory.names;
  }

  /**
   * @param {Message} message
   * @param {boolean} grouped
   * @param {State} state
   * @param {Map<string, Message>} byMid
   * @param {boolean} fresh
   */
  function rowFor(message, grouped, state, byMid, fresh) {
    const vanishing = context.signals.vanishing.has(message.mid);
    const quoted = message.re ? (byMid.get(message.re) ?? null) : null;
    const veiled = (/** @type {Message | null} */ each) => each !== null && isVeiled(context, state, id, each);
    const inputs = [
      message,
      grouped,
      vanishing,
      quoted,
      lookOf(state, message.by),
      quoted && nameOf(state, quoted.by),
      veiled(message),
      veiled(quoted),
      document.documentElement.lang,
    ];
    const known = rows.get(message.mid);
    if (known && known.inputs.every((input, index) => input === inputs[index])) return known;
    const row = known?.row ?? el("article", { tabindex: "-1", "data-mid": message.mid });
    drawMessage(row, {
      context,
      state,
      room: id,
      message,
      before: known?.message ?? null,
      grouped,
      vanishing,
      quoted,
      names: usernames(state),
    });
    if (fresh && !known) row.classList.add("message-new");
    return { row, message, inputs };
  }

  return {
    /**
     * @param {HTMLElement} log
     * @param {State} state
     * @param {Message[]} messages
     * @param {{ divider: number | null, beginning: HTMLElement | null, loadingOlder: boolean }} around
     */
    draw(log, state, messages, around) {
      const byMid = new Map((state.timelines.get(id)?.messages ?? []).map((message) => [message.mid, message]));
      /** @type {Map<string, Row>} */
      const next = new Map();
      /** @type {HTMLElement[]} */
      const nodes = [];
      if (around.beginning) nodes.push(unchanged(kept(log, ".beginning"), around.beginning));
      else if (around.loadingOlder) nodes.push(kept(log, ".loading-older") ?? loadingOlder());
      let before = /** @type {Message | null} */ (null);
      let divided = false;
      for (const message of messages) {
        const newDay = !before || dayNumber(before.at) !== dayNumber(message.at);
        if (newDay) nodes.push(daySeparator(log, message.at));
        const first =
          !divided && around.divider !== null && message.createdSeq >= around.divider && message.status === "sent";
        if (first) {
          divided = true;
          nodes.push(kept(log, ".divider") ?? el("div", { class: "divider", role: "separator" }, t("new_divider")));
        }
        const grouped =
          !newDay &&
          !first &&
          before !== null &&
          before.by === message.by &&
          message.at - before.at < GROUP_MS &&
          !message.re;
        const row = rowFor(
          message,
          grouped,
          state,
          byMid,
          message.createdSeq === 0 ? newest < Number.POSITIVE_INFINITY : message.createdSeq > newest,
        );
        next.set(message.mid, row);
        nodes.push(row.row);
        before = message;
      }
      place(log, nodes);
      rows = next;
      const top = messages.reduce((most, message) => Math.max(most, message.createdSeq), 0);
      newest = Math.max(newest === Number.POSITIVE_INFINITY ? 0 : newest, top);
    },

    shown: () => [...rows.values()],

    /** @param {string} mid */
    find: (mid) => rows.get(mid)?.row ?? null,
  };
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

function loadingOlder() {
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
