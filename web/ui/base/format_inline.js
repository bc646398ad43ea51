/** What is inside a line of a message: code, links, mentions and marks. One pass for each level of nesting. */
import { addressAt } from "./addresses.js";
import { el } from "./element.js";
import { calledAt, mentionAt } from "./mentions.js";

/** @typedef {{ node: Node, end: number } | null} Made */

/**
 * How a text knows people.
 *
 * @typedef {object} Directory
 * @property {import("./mentions.js").Find} mention  whom `@name` calls, if anybody
 * @property {(called: import("./mentions.js").Called) => void} [calls]  hears of each mention
 * @property {(name: string) => void} [misses]  hears of names that nobody known has
 */

/** What one message has left of its elements, and how it knows people. @typedef {Directory & { left: number }} Work */

/** Nesting beyond this is shown as typed. */
const DEPTH_MAX = 4;

/** @type {[string, "strong" | "em" | "s"][]} */
const MARKERS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "s"],
  ["*", "em"],
  ["_", "em"],
];

const WORD = /[\p{L}\p{M}\p{N}]/u;
const SPACE = /\s/;

/**
 * @param {string} text
 * @param {Work} work
 * @param {Node} out
 * @param {number} depth
 */
export function inline(text, work, out, depth) {
  /** @type {Pass} */
  const pass = { text, work, depth, endless: new Set(), linkless: 0 };
  let from = 0;
  let at = 0;
  while (at < text.length && work.left > 0) {
    const made = code(pass, at) ?? link(pass, at) ?? mention(pass, at) ?? marked(pass, at);
    if (!made) {
      at += 1;
      continue;
    }
    if (at > from) out.appendChild(document.createTextNode(text.slice(from, at)));
    out.appendChild(made.node);
    from = at = made.end;
  }
  if (from < text.length) out.appendChild(document.createTextNode(text.slice(from)));
}

/**
 * One pass over one text.
 * @typedef {object} Pass
 * @property {string} text
 * @property {Work} work
 * @property {number} depth
 * @property {Set<string>} endless  markers that are not closed any more
 * @property {number} linkless  no address begins before this place
 */

/**
 * @param {Pass} pass
 * @param {number} at
 * @returns {Made}
 */
export function code({ text, work, endless }, at) {
  if (text[at] !== "`" || endless.has("`")) return null;
  const end = text.indexOf("`", at + 1);
  if (end < 0) endless.add("`");
  const body = text.slice(at + 1, Math.max(at + 1, end));
  if (!body.trim()) return null;
  work.left -= 1;
  return { node: el("code", {}, body), end: end + 1 };
}

/**
 * @param {Pass} pass
 * @param {number} at
 * @returns {Made}
 */
function link(pass, at) {
  const found = at < pass.linkless ? null : addressAt(pass.text, at);
  if (!found) return null;
  const { shown, href, end } = found;
  if (!href) {
    pass.linkless = end;
    return null;
  }
  pass.work.left -= 1;
  return { node: el("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, shown), end };
}

/**
 * @param {Pass} pass
 * @param {number} at
 * @returns {Made}
 */
function mention({ text, work }, at) {
  if (text[at] !== "@") return null;
  const found = mentionAt(text, at, work.mention);
  if (!found) {
    if (work.misses) work.misses(calledAt(text, at));
    return null;
  }
  const { called, end } = found;
  work.left -= 1;
  work.calls?.(called);
  const opens = called.uid === undefined ? {} : { role: "button", tabindex: "0", "data-person": called.uid };
  const node = el("span", { class: called.self ? "mention mention-self" : "mention", ...opens }, text.slice(at, end));
  return { node, end };
}

/**
 * @param {Pass} pass
 * @param {number} at
 * @returns {Made}
 */
function marked({ text, work, endless, depth }, at) {
  const marker = MARKERS.find(([mark]) => text.startsWith(mark, at));
  if (!marker || depth >= DEPTH_MAX) return null;
  const [mark, tag] = marker;
  const start = at + mark.length;
  if (endless.has(mark) || !text[start] || SPACE.test(text[start] ?? " ")) return null;
  if (mark[0] === "_" && at > 0 && WORD.test(text[at - 1] ?? "")) return null;
  const end = closing(text, mark, start);
  if (end < 0) {
    endless.add(mark);
    return null;
  }
  work.left -= 1;
  const node = el(tag);
  inline(text.slice(start, end), work, node, depth + 1);
  return { node, end: end + mark.length };
}

/**
 * The place of the closing marker, or -1. A marker after a space closes nothing.
 *
 * @param {string} text
 * @param {string} mark
 * @param {number} start
 */
function closing(text, mark, start) {
  for (let end = text.indexOf(mark, start + 1); end >= 0; end = text.indexOf(mark, end + mark.length)) {
    const spaced = SPACE.test(text[end - 1] ?? "");
    const inWord = mark[0] === "_" && WORD.test(text[end + mark.length] ?? "");
    const longer = mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark);
    if (!spaced && !inWord && !longer) return end;
  }
  return -1;
}
