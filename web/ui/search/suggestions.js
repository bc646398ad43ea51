/** What is offered while somebody types a search: operators and what may follow them, and what was searched last. */
import { OPERATORS, partBefore, quotedIfNeeded } from "../../state/search_query.js";
import { foldText } from "../base/letters.js";

/** @typedef {import("../../state/search_query.js").Operator} Operator */
/**
 * What takes the place of the text from one place up to another; `kind` is the operator whose value it is.
 *
 * @typedef {object} Suggestion
 * @property {"operator" | "exact" | "without" | "recent" | Operator} kind
 * @property {string} text
 * @property {number} from
 * @property {number} to
 * @property {string} label
 * @property {string} hint
 */
/**
 * What can be named.
 *
 * @typedef {object} Known
 * @property {{ username: string, name: string }[]} people  the nearest first
 * @property {{ value: string, name: string }[]} rooms
 * @property {{ value: string, name: string }[]} days
 * @property {string[]} recent
 */

const OFFERED_MAX = 6;
const DAY = /^\d{4}(?:-\d{2}(?:-\d{2})?)?$/;
/** With fewer letters a word may well be one. */
const LETTERS_MIN = 2;

/**
 * @param {string} text
 * @param {number} cursor
 * @param {Known} known
 * @returns {Suggestion[]}
 */
export function suggestionsFor(text, cursor, known) {
  if (!text.trim()) return [...recent(text, known), ...operators("", 0, text.length), ...signs(text.length)];
  const part = partBefore(text, cursor);
  if (!part || part.quoted) return part?.operator && isOpen(text, cursor) ? values(part, known, cursor) : [];
  if (part.operator) return values(part, known, cursor);
  const word = text.slice(part.from + Number(part.negated), cursor);
  return word.length < LETTERS_MIN ? [] : operators(word.toLowerCase(), part.from + Number(part.negated), cursor);
}

/**
 * Whether what stands before the cursor is one of what is offered, and so is whole.
 *
 * @param {string} text
 * @param {number} cursor
 * @param {Suggestion[]} offered
 */
export function isKnown(text, cursor, offered) {
  const part = partBefore(text, cursor);
  if (!part?.operator) return false;
  const begun = text.slice(part.from, part.to).toLowerCase();
  const isDay = part.operator === "before" || part.operator === "after";
  return isDay ? DAY.test(part.value) : offered.some((each) => each.text.trim().toLowerCase() === begun);
}

/** Whether the quotes before a place are not closed. @param {string} text @param {number} cursor */
function isOpen(text, cursor) {
  return /[“”„«»"][^“”„«»"]+$/.test(text.slice(0, cursor));
}

/** @param {string} text @param {Known} known @returns {Suggestion[]} */
function recent(text, { recent: all }) {
  return all.map((each) => ({ kind: "recent", text: each, from: 0, to: text.length, label: each, hint: "" }));
}

/** @param {string} begun @param {number} from @param {number} to @returns {Suggestion[]} */
function operators(begun, from, to) {
  return OPERATORS.filter((each) => each.startsWith(begun)).map((each) => ({
    kind: "operator",
    text: `${each}:`,
    from,
    to,
    label: `${each}:`,
    hint: each,
  }));
}

/** What is no operator and yet means something. @param {number} to @returns {Suggestion[]} */
function signs(to) {
  return [
    { kind: "exact", text: '"', from: 0, to, label: '" "', hint: "exact" },
    { kind: "without", text: "-", from: 0, to, label: "-", hint: "without" },
  ];
}

/**
 * @param {import("../../state/search_query.js").Part} part
 * @param {Known} known
 * @param {number} to
 * @returns {Suggestion[]}
 */
function values({ operator, value, negated, from }, known, to) {
  if (!operator) return [];
  const begun = foldText(value.replace(/^[@#]/, ""));
  const all = valuesOf(operator, known).filter(({ value: each, name }) =>
    [each.replace(/^@/, ""), name].some((text) => foldText(text).includes(begun)),
  );
  const begins = (/** @type {{ value: string, name: string }} */ { value: each, name }) =>
    [each.replace(/^@/, ""), name].some((text) => foldText(text).startsWith(begun));
  const nearest = [...all.filter(begins), ...all.filter((each) => !begins(each))].slice(0, OFFERED_MAX);
  return nearest.map(({ value: each, name }) => ({
    kind: operator,
    text: `${negated ? "-" : ""}${operator}:${quotedIfNeeded(each)} `,
    from,
    to,
    label: name || each,
    hint: name && name !== each ? each : "",
  }));
}

/** @param {Operator} operator @param {Known} known @returns {{ value: string, name: string }[]} */
function valuesOf(operator, { people, rooms, days }) {
  if (operator === "from") return people.map(({ username, name }) => ({ value: username, name }));
  if (operator === "in") return rooms;
  if (operator === "has")
    return [
      { value: "file", name: "" },
      { value: "link", name: "" },
    ];
  return days;
}
