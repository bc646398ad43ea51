/**
 * Message text to nodes: bold, italic, struck, code, quotes, links and mentions, and emoji alone shown large. The
 * output is built from text nodes and a closed set of elements; links are `http`, `https` and `mailto` only.
 *
 * Whoever writes a message decides what everybody's page has to draw, so both are bounded: at most `ELEMENTS_MAX`
 * elements, and a time that is linear in the length for every input. Each nesting level is one pass; a marker that is
 * known to have no end is not searched again, and an address that is none is read once.
 */
import { el } from "./element.js";

/**
 * @typedef {object} Context
 * @property {(name: string) => ({ uid?: string, self: boolean } | null)} mention  whom `@name` is, if anybody
 */

/** Elements of one message; what comes after the last one is plain text. */
export const ELEMENTS_MAX = 300;
/** Nesting beyond this is shown as typed. */
const DEPTH_MAX = 4;
/** More emoji than this are text, not a picture. */
const LARGE_EMOJI_MAX = 6;
/** Longer texts are not looked through for emoji alone. */
const EMOJI_TEXT_MAX = 80;
/** Of a longer text, `plain` reads no more than this: nobody shows more of it. */
const PLAIN_MAX = 1000;
const FENCE = "```";

/** What one message has left of its elements, and how it knows people. @typedef {Context & { left: number }} Work */

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
const EMOJI_PART = String.raw`\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f\u20e3]`;
const EMOJI_ONLY = new RegExp(String.raw`^(?:${EMOJI_PART}|[#*0-9](?=\ufe0f?\u20e3)|\s)+$`, "u");

/**
 * @param {string} text
 * @param {Context} context
 * @returns {DocumentFragment}
 */
export function format(text, context) {
  const out = document.createDocumentFragment();
  const work = { ...context, left: ELEMENTS_MAX };
  let from = 0;
  let open = text.indexOf(FENCE);
  while (open >= 0 && work.left > 1) {
    const end = text.indexOf(FENCE, open + FENCE.length);
    if (end < 0) break;
    const block = text.slice(open + FENCE.length, end);
    const next = end + FENCE.length;
    // Fences around nothing are text.
    if (block.trim()) {
      lines(text.slice(from, open), work, out);
      if (work.left < 2) {
        from = open;
        break;
      }
      work.left -= 2;
      out.append(codeBlock(block));
      from = next;
    }
    open = text.indexOf(FENCE, next);
  }
  lines(text.slice(from), work, out);
  return out;
}

/**
 * True when a text is a few emoji and nothing else.
 *
 * @param {string} text
 */
export function isEmojiOnly(text) {
  if (text.length > EMOJI_TEXT_MAX || !EMOJI_ONLY.test(text) || !text.trim()) return false;
  return graphemes(text.replace(/\s+/g, "")) <= LARGE_EMOJI_MAX;
}

/**
 * The beginning of a text without its marks, on one line: for notifications, quotes and the room list.
 *
 * @param {string} text
 * @param {number} most  characters of it
 */
export function plain(text, most) {
  const begun = text.slice(0, PLAIN_MAX).replace(/```\w*|\*\*|__|~~|`/g, "");
  const bare = begun
    .replace(/(?<![\p{L}\p{N}])([*_])(\S|\S[^*_\n]*\S)\1(?![\p{L}\p{N}])/gu, "$2")
    .replace(/\s+/g, " ")
    .trim();
  // Half of a surrogate pair is not text.
  return bare.slice(0, most).replace(/[\ud800-\udbff]$/, "");
}

/** @type {Intl.Segmenter | undefined} */
let segmenter;

/** @param {string} text */
function graphemes(text) {
  if (typeof Intl.Segmenter === "undefined") return [...text].length;
  segmenter ??= new Intl.Segmenter();
  return [...segmenter.segment(text)].length;
}

/** @param {string} block */
function codeBlock(block) {
  const body = block.replace(/^[\w+-]*\n/, "").replace(/\n$/, "");
  return el("pre", { tabindex: "0" }, el("code", {}, body));
}

/**
 * @param {string} text
 * @param {Work} work
 * @param {Node} out
 */
function lines(text, work, out) {
  const trimmed = text.replace(/^\n|\n$/g, "");
  if (!trimmed) return;
  let plainLines = /** @type {string[]} */ ([]);
  let quoteLines = /** @type {string[]} */ ([]);
  const flush = () => {
    if (plainLines.length) inline(plainLines.join("\n"), work, out, 0);
    if (quoteLines.length) {
      const quote = el("blockquote");
      inline(quoteLines.join("\n"), work, quote, 0);
      out.appendChild(quote);
    }
    plainLines = [];
    quoteLines = [];
  };
  for (const line of trimmed.split("\n")) {
    const quoted = line.startsWith("> ") && (quoteLines.length > 0 || work.left > 0);
    if (quoted && !quoteLines.length) work.left -= 1;
    if (quoted ? plainLines.length : quoteLines.length) flush();
    if (quoted) quoteLines.push(line.slice(2));
    else plainLines.push(line);
  }
  flush();
}

/**
 * @param {string} text
 * @param {Work} work
 * @param {Node} out
 * @param {number} depth
 */
function inline(text, work, out, depth) {
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

/** @typedef {{ node: Node, end: number } | null} Made */

/**
 * @param {Pass} pass
 * @param {number} at
 * @returns {Made}
 */
function code({ text, work, endless }, at) {
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
