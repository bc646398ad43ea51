/** The query of a search as it is typed: its parts (as docs/protocol.md has them), and what the server is asked for. */

/** @typedef {"from" | "in" | "before" | "after" | "has"} Operator */
/**
 * A part of a query.
 *
 * @typedef {object} Part
 * @property {number} from  where it stands
 * @property {number} to
 * @property {boolean} negated
 * @property {Operator | null} operator
 * @property {string} value  of the operator, without quotes; else the words
 * @property {boolean} quoted
 */

/** @type {Operator[]} */
export const OPERATORS = ["from", "in", "before", "after", "has"];

/** One more than the server reads, so that it says so where there were more. In characters. */
const SENT_MAX = 1001;
const QUOTES = '"“”„«»';
const OPERATOR = new RegExp(`(${OPERATORS.join("|")}):`, "iy");
const QUOTED = new RegExp(`[${QUOTES}]([^${QUOTES}]*)[${QUOTES}]?`, "y");
const VALUE = /\S*/y;
const WORDS = new RegExp(`[^\\s${QUOTES}]+`, "y");
const SPACE = /\s*/y;
const ENDS_IN_WORD = /[\p{L}\p{M}\p{N}]$/u;
/** What words are made of, as the server has it: letters, digits, emoji and the signs that look like them. */
const IN_WORD = /[\p{L}\p{N}\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff\u{1f000}-\u{1faff}]/u;

/** @param {RegExp} pattern @param {string} text @param {number} at */
function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * @param {string} text
 * @returns {Part[]}
 */
export function partsOf(text) {
  const parts = [];
  for (let at = endOf(SPACE, text, 0); at < text.length; at = endOf(SPACE, text, at)) {
    const part = partAt(text, at);
    parts.push(part);
    at = part.to;
  }
  return parts;
}

/** @param {string} text @param {number} from @returns {Part} */
function partAt(text, from) {
  const negated = text[from] === "-" && /\S/.test(text[from + 1] ?? "");
  const start = negated ? from + 1 : from;
  const name = match(OPERATOR, text, start);
  const at = start + (name?.[0].length ?? 0);
  const quoted = match(QUOTED, text, at);
  const plain = quoted ?? match(name ? VALUE : WORDS, text, at);
  const operator = name ? /** @type {Operator} */ (name[1]?.toLowerCase()) : null;
  const value = quoted ? (quoted[1] ?? "") : (plain?.[0] ?? "");
  return { from, to: at + (plain?.[0].length ?? 0), negated, operator, value, quoted: Boolean(quoted) };
}

/** @param {RegExp} pattern @param {string} text @param {number} at */
function endOf(pattern, text, at) {
  return at + (match(pattern, text, at)?.[0].length ?? 0);
}

/** The part that the cursor is at the end of. @param {string} text @param {number} cursor */
export function partBefore(text, cursor) {
  return partsOf(text.slice(0, cursor)).findLast(({ to }) => to === cursor) ?? null;
}

/**
 * What the server is asked for. While a text is typed its last word may go on, and an operator at its end counts only
 * once what it names is known.
 *
 * @param {string} text
 * @param {object} how
 * @param {"open" | "known" | "closed"} how.end  whether more may come; `known`: unless it is an operator
 * @param {string} [how.where]  an operator that says where to look, if the text itself does not
 * @returns {string} empty if there is nothing to look for
 */
export function sentFor(text, { end, where = "" }) {
  const last = partsOf(text).at(-1);
  const isOpen = end !== "closed" && last?.to === text.length;
  const kept = isOpen && last?.operator && end === "open" ? text.slice(0, last.from) : text;
  const mayGoOn = isOpen && !last?.operator && !last?.quoted && !last?.negated && ENDS_IN_WORD.test(text);
  const wanted = [...`${kept.trim()}${mayGoOn ? "*" : ""}`].slice(0, SENT_MAX).join("");
  if (!/[^\s"“”„«»*-]/u.test(wanted)) return "";
  // The room alone would find everything in it.
  return where && looksForSomething(wanted) && !namesRoom(wanted) ? `${where} ${wanted}` : wanted;
}

/** Whether there is more than punctuation in a query. @param {string} text */
function looksForSomething(text) {
  return partsOf(text).some(({ operator, value }) => (operator ? value !== "" : IN_WORD.test(value)));
}

/** Whether a query says itself in which room. @param {string} text */
export function namesRoom(text) {
  return partsOf(text).some(({ operator, negated, value }) => operator === "in" && !negated && value);
}

/**
 * The operator that leads to one room: by its name, or by its id where the name could be read as something else.
 *
 * @param {{ id: string, kind: string, name: string }} room
 */
export function whereOf({ id, kind, name }) {
  const isClear = kind !== "dm" && /^[^@#\s]/.test(name) && !new RegExp(`[${QUOTES}]|\\s$`).test(name);
  return isClear ? `in:"${name}"` : `in:${id}`;
}

/**
 * A value as it stands behind an operator.
 *
 * @param {string} value
 */
export function quotedIfNeeded(value) {
  return /\s/.test(value) ? `"${value}"` : value;
}
