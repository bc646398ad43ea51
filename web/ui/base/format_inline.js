/** What is inside a line of a message: code, links, mentions and marks. One pass for each level of nesting. */
import { el } from "./element.js";

/** @typedef {{ node: Node, end: number } | null} Made */

/**
 * How a text knows people.
 *
 * @typedef {object} Directory
 * @property {(name: string) => ({ uid?: string, self: boolean } | null)} mention  whom `@name` is, if anybody
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

const LINK = /(?:https?:\/\/|mailto:)[^\s<>"'`]+/iy;
const MENTION = /@[\p{L}\p{N}_.-]{1,64}/uy;
const WORD = /[\p{L}\p{N}]/u;
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
  const { text } = pass;
  const first = text[at];
  if (at < pass.linkless || !first || !"hHmM".includes(first) || (at > 0 && WORD.test(text[at - 1] ?? ""))) return null;
  LINK.lastIndex = at;
  const raw = LINK.exec(text)?.[0];
  if (!raw) return null;
  const shown = trimLink(raw);
  const href = safeUrl(shown);
  if (!href) {
    pass.linkless = at + raw.length;
    return null;
  }
  pass.work.left -= 1;
  return {
    node: el("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, shown),
    end: at + shown.length,
  };
}

/**
 * Punctuation that ends a sentence does not belong to the address; a closing bracket does when it was opened.
 *
 * @param {string} raw
 */
function trimLink(raw) {
  const shown = withoutEnd(raw, ".,;:!?*_~");
  return shown.endsWith(")") && !shown.includes("(") ? shown.slice(0, -1) : shown;
}

/**
 * Read from the end: an expression that looks for `+$` begins anew at each of the characters in the middle.
 *
 * @param {string} text
 * @param {string} characters
 */
function withoutEnd(text, characters) {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1] ?? " ")) end -= 1;
  return text.slice(0, end);
}

/**
 * @param {string} address
 * @returns {string | null}
 */
function safeUrl(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {Pass} pass
 * @param {number} at
 * @returns {Made}
 */
function mention({ text, work }, at) {
  if (text[at] !== "@" || (at > 0 && WORD.test(text[at - 1] ?? ""))) return null;
  MENTION.lastIndex = at;
  let found = MENTION.exec(text)?.[0];
  if (!found) return null;
  found = work.mention(found.slice(1)) ? found : withoutEnd(found, ".-_");
  const whom = work.mention(found.slice(1));
  if (!whom) return null;
  work.left -= 1;
  const opens = whom.uid === undefined ? {} : { role: "button", tabindex: "0", "data-person": whom.uid };
  return {
    node: el("span", { class: whom.self ? "mention mention-self" : "mention", ...opens }, found),
    end: at + found.length,
  };
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
