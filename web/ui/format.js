/**
 * Message text to nodes: bold, italic, struck, code, quotes, links and mentions, and emoji alone shown large. The
 * output is built from text nodes and a closed set of elements; links are `http`, `https` and `mailto` only. One
 * pass per nesting level, and a marker that is known to have no end is not searched again, so the cost is linear in
 * the length for every input.
 */
import { el } from "./element.js";

/**
 * @typedef {object} Context
 * @property {(name: string) => ({ uid?: string, self: boolean } | null)} mention  whom `@name` is, if anybody
 */

/** Nesting beyond this is shown as typed. */
const DEPTH_MAX = 4;
/** More emoji than this are text, not a picture. */
const LARGE_EMOJI_MAX = 6;

/** @type {[string, "strong" | "em" | "s"][]} */
const MARKERS = [["**", "strong"], ["__", "strong"], ["~~", "s"], ["*", "em"], ["_", "em"]];

const LINK = /(?:https?:\/\/|mailto:)[^\s<>"'`]+/iy;
const MENTION = /@[\p{L}\p{N}_.-]{1,64}/uy;
const WORD = /[\p{L}\p{N}]/u;
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f\u20e3]|[#*0-9](?=\ufe0f?\u20e3)|\s)+$/u;

/**
 * @param {string} text
 * @param {Context} context
 * @returns {DocumentFragment}
 */
export function format(text, context) {
  const out = document.createDocumentFragment();
  const blocks = text.split("```");
  blocks.forEach((block, index) => {
    const fenced = index % 2 === 1 && index < blocks.length - 1;
    if (fenced) out.append(codeBlock(block));
    else lines(index % 2 === 1 ? "```" + block : block, context, out);
  });
  return out;
}

/**
 * True when a text is a few emoji and nothing else.
 *
 * @param {string} text
 */
export function isEmojiOnly(text) {
  if (text.length > 80 || !EMOJI_ONLY.test(text) || !text.trim()) return false;
  return graphemes(text.replace(/\s+/g, "")) <= LARGE_EMOJI_MAX;
}

/**
 * The text without its marks: for notifications, quotes and the room list.
 *
 * @param {string} text
 */
export function plain(text) {
  return text.replace(/```\w*|\*\*|__|~~|`/g, "").replace(/(?<![\p{L}\p{N}])([*_])(\S|\S[^*_\n]*\S)\1(?![\p{L}\p{N}])/gu, "$2").replace(/\s+/g, " ").trim();
}

/** @param {string} text */
function graphemes(text) {
  if (typeof Intl.Segmenter === "undefined") return [...text].length;
  return [...new Intl.Segmenter().segment(text)].length;
}

/** @param {string} block */
function codeBlock(block) {
  const body = block.replace(/^[\w+-]*\n/, "").replace(/\n$/, "");
  return el("pre", { tabindex: "0" }, el("code", {}, body));
}

/**
 * @param {string} text
 * @param {Context} context
 * @param {Node} out
 */
function lines(text, context, out) {
  const trimmed = text.replace(/^\n|\n$/g, "");
  if (!trimmed) return;
  let plainLines = /** @type {string[]} */ ([]);
  let quoteLines = /** @type {string[]} */ ([]);
  const flush = () => {
    if (plainLines.length) inline(plainLines.join("\n"), context, out, 0);
    if (quoteLines.length) {
      const quote = el("blockquote");
      inline(quoteLines.join("\n"), context, quote, 0);
      out.appendChild(quote);
    }
    plainLines = [];
    quoteLines = [];
  };
  for (const line of trimmed.split("\n")) {
    const quoted = line.startsWith("> ");
    if (quoted ? plainLines.length : quoteLines.length) flush();
    if (quoted) quoteLines.push(line.slice(2));
    else plainLines.push(line);
  }
  flush();
}

/**
 * @param {string} text
 * @param {Context} context
 * @param {Node} out
 * @param {number} depth
 */
function inline(text, context, out, depth) {
  const endless = new Set();
  let from = 0;
  let at = 0;
  const emit = (/** @type {Node} */ node, /** @type {number} */ end) => {
    if (at > from) out.appendChild(document.createTextNode(text.slice(from, at)));
    out.appendChild(node);
    from = at = end;
  };
  while (at < text.length) {
    const made = code(text, at, endless) ?? link(text, at) ?? mention(text, at, context) ?? marked(text, at, endless, context, depth);
    if (made) emit(made.node, made.end);
    else at += 1;
  }
  if (from < text.length) out.appendChild(document.createTextNode(text.slice(from)));
}

/** @typedef {{ node: Node, end: number } | null} Made */

/**
 * @param {string} text
 * @param {number} at
 * @param {Set<string>} endless
 * @returns {Made}
 */
function code(text, at, endless) {
  if (text[at] !== "`" || endless.has("`")) return null;
  const end = text.indexOf("`", at + 1);
  if (end < 0) endless.add("`");
  if (end <= at + 1) return null;
  return { node: el("code", {}, text.slice(at + 1, end)), end: end + 1 };
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {Made}
 */
function link(text, at) {
  const first = text[at];
  if (!first || !"hHmM".includes(first) || (at > 0 && WORD.test(text[at - 1] ?? ""))) return null;
  LINK.lastIndex = at;
  const raw = LINK.exec(text)?.[0];
  if (!raw) return null;
  const shown = trimLink(raw);
  const href = safeUrl(shown);
  if (!href) return null;
  return { node: el("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, shown), end: at + shown.length };
}

/**
 * Punctuation that ends a sentence does not belong to the address; a closing bracket does when it was opened.
 *
 * @param {string} raw
 */
function trimLink(raw) {
  let shown = raw.replace(/[.,;:!?*_~]+$/, "");
  if (shown.endsWith(")") && !shown.includes("(")) shown = shown.slice(0, -1);
  return shown;
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
 * @param {string} text
 * @param {number} at
 * @param {Context} context
 * @returns {Made}
 */
function mention(text, at, context) {
  if (text[at] !== "@" || (at > 0 && WORD.test(text[at - 1] ?? ""))) return null;
  MENTION.lastIndex = at;
  let found = MENTION.exec(text)?.[0];
  if (!found) return null;
  found = context.mention(found.slice(1)) ? found : found.replace(/[.\-_]+$/, "");
  const whom = context.mention(found.slice(1));
  if (!whom) return null;
  const opens = whom.uid === undefined ? {} : { role: "button", tabindex: "0", "data-person": whom.uid };
  return { node: el("span", { class: whom.self ? "mention mention-self" : "mention", ...opens }, found), end: at + found.length };
}

/**
 * @param {string} text
 * @param {number} at
 * @param {Set<string>} endless
 * @param {Context} context
 * @param {number} depth
 * @returns {Made}
 */
function marked(text, at, endless, context, depth) {
  const marker = MARKERS.find(([mark]) => text.startsWith(mark, at));
  if (!marker || depth >= DEPTH_MAX) return null;
  const [mark, tag] = marker;
  const start = at + mark.length;
  if (endless.has(mark) || !text[start] || /\s/.test(text[start] ?? " ")) return null;
  if (mark[0] === "_" && at > 0 && WORD.test(text[at - 1] ?? "")) return null;
  const end = closing(text, mark, start);
  if (end < 0) {
    endless.add(mark);
    return null;
  }
  const node = el(tag);
  inline(text.slice(start, end), context, node, depth + 1);
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
    const spaced = /\s/.test(text[end - 1] ?? "");
    const inWord = mark[0] === "_" && WORD.test(text[end + mark.length] ?? "");
    const longer = mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark);
    if (!spaced && !inWord && !longer) return end;
  }
  return -1;
}
