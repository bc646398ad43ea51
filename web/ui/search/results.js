/** What a search has found, day by day, as choices. A row is drawn again only when something on it has changed. */
import { isCovered } from "../../state/blocks.js";
import { dayNumber, dayOf, fullTimeOf, isoOf, timeOf } from "../base/dates.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { factsOf, pictureOf } from "../files/kinds.js";
import { avatar, botTag, lookOf, nameOf, roomName } from "../people/people.js";
import { marked } from "./marked.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {ReturnType<import("../../state/types.js").Actions["search"]["begin"]>} MessageSearch */
/** @typedef {MessageSearch["found"][number]} Found */
/** @typedef {import("./options.js").Group} Group */

/** Files of a message that are named. */
const FILES_MAX = 3;

export class Results {
  #open;
  #revealed;
  /** @type {Map<string, { node: HTMLElement, inputs: unknown[] }>} */
  #rows = new Map();
  /** Messages of people I have blocked that were asked for. @type {Set<string>} */
  #asked = new Set();

  /**
   * @param {(found: Found) => void} open
   * @param {() => void} revealed  draws again
   */
  constructor(open, revealed) {
    this.#open = open;
    this.#revealed = revealed;
  }

  /**
   * @param {State} state
   * @param {MessageSearch} search
   * @param {string | null} room  the only one that is looked in
   * @returns {Group[]}
   */
  groups(state, search, room) {
    /** @type {Map<string, { node: HTMLElement, inputs: unknown[] }>} */
    const rows = new Map();
    /** @type {Group[]} */
    const groups = [];
    for (const found of search.found) {
      const { message } = found;
      const key = `${found.room} ${message.mid}`;
      const isHidden = isCovered(state, found.room, message.by) && !this.#asked.has(key);
      const known = state.rooms.get(found.room) ?? search.rooms.get(found.room);
      const where = room === found.room ? "" : known ? roomName(state, known) : "#";
      const inputs = [found, where, isHidden, lookOf(state, message.by), document.documentElement.lang];
      const old = this.#rows.get(key);
      const node = old?.inputs.every((each, index) => each === inputs[index])
        ? old.node
        : drawRow(state, found, { where, isHidden });
      rows.set(key, { node, inputs });
      const day = `day ${dayNumber(message.at)}`;
      const group = groups.at(-1)?.key === day ? groups.at(-1) : undefined;
      const choice = { key, node, choose: () => (isHidden ? this.#reveal(key) : this.#open(found)) };
      if (group) group.choices.push(choice);
      else groups.push({ key: day, label: dayOf(message.at), isShown: true, choices: [choice] });
    }
    this.#rows = rows;
    return groups;
  }

  /** @param {string} key */
  #reveal(key) {
    this.#asked.add(key);
    this.#revealed();
  }
}

/**
 * @param {State} state
 * @param {Found} found
 * @param {{ where: string, isHidden: boolean }} how
 */
function drawRow(state, { message, marks }, { where, isHidden }) {
  const { at, by, kind, unreadable, files = [] } = message;
  const notice = isHidden
    ? [t("blocked_message"), " ", el("span", { class: "link-button" }, t("show_message"))]
    : kind === "del"
      ? t("deleted_message")
      : unreadable
        ? t("unreadable_message")
        : null;
  const head = el(
    "span",
    { class: "search-head" },
    el("strong", { dir: "auto" }, nameOf(state, by)),
    botTag(state, by),
    where ? el("span", { class: "search-where", dir: "auto" }, where) : null,
    el("time", { datetime: isoOf(at), title: fullTimeOf(at) }, timeOf(at)),
  );
  return el(
    "div",
    { role: "option", class: "option search-result" },
    avatar(state, by),
    el(
      "span",
      { class: "option-text" },
      head,
      notice ? el("span", { class: "search-text search-notice" }, notice) : null,
      notice || !message.t ? null : el("span", { class: "search-text", dir: "auto" }, marked(message.t, marks)),
      notice ? null : files.slice(0, FILES_MAX).map(fileLine),
      notice || files.length <= FILES_MAX ? null : el("small", {}, t("and_more", { n: files.length - FILES_MAX })),
    ),
  );
}

/** @param {import("../../state/types.js").FileInfo} file */
function fileLine(file) {
  return el(
    "span",
    { class: "search-file" },
    icon(pictureOf(file)),
    el("span", { dir: "auto" }, file.alt ? `${file.name} · ${file.alt}` : file.name),
    el("small", {}, factsOf(file)),
  );
}
