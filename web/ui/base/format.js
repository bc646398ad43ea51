/**
 * Message text to nodes: bold, italic, struck, code, quotes, links and mentions, and emoji alone shown large. The
 * output is built from text nodes and a closed set of elements; links are `http`, `https` and `mailto` only.
 *
 * Whoever writes a message decides what everybody's page has to draw, so both are bounded: at most `ELEMENTS_MAX`
 * elements, and a time that is linear in the length for every input. Each nesting level is one pass; a marker that is
 * known to have no end is not searched again, and an address that is none is read once.
 */
import { el } from "./element.js";
import { inline } from "./format_inline.js";
import { t } from "./i18n.js";

/** Elements of one message; what comes after the last one is plain text. */
export const ELEMENTS_MAX = 300;

/** More emoji than this are text, not a picture. */
const LARGE_EMOJI_MAX = 6;
/** Longer texts are not looked through for emoji alone. */
const EMOJI_TEXT_MAX = 80;
/** Of a longer text, `plain` reads no more than this: nobody shows more of it. */
const PLAIN_MAX = 1000;
const FENCE = "```";
/** Elements of a block of code. */
const CODE_ELEMENTS = 5;

const EMOJI_PART = String.raw`\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f\u20e3]`;
const EMOJI_ONLY = new RegExp(String.raw`^(?:${EMOJI_PART}|[#*0-9](?=\ufe0f?\u20e3)|\s)+$`, "u");

/**
 * @param {string} text
 * @param {import("./format_inline.js").Directory} directory
 * @returns {DocumentFragment}
 */
export function format(text, directory) {
  const out = document.createDocumentFragment();
  const work = { ...directory, left: ELEMENTS_MAX };
  let from = 0;
  let open = text.indexOf(FENCE);
  while (open >= 0 && work.left >= CODE_ELEMENTS) {
    const end = text.indexOf(FENCE, open + FENCE.length);
    if (end < 0) break;
    const block = text.slice(open + FENCE.length, end);
    const next = end + FENCE.length;
    // Fences around nothing are text.
    if (block.trim()) {
      lines(text.slice(from, open), work, out);
      if (work.left < CODE_ELEMENTS) {
        from = open;
        break;
      }
      work.left -= CODE_ELEMENTS;
      out.append(codeBlock(block));
      from = next;
    }
    open = text.indexOf(FENCE, next);
  }
  lines(text.slice(from), work, out);
  return out;
}

/**
 * Whom a text calls, as everybody's page will draw it, and the names in it that nobody known has.
 *
 * @param {string} text
 * @param {import("./mentions.js").Find} mention
 * @returns {{ uids: string[], unknown: string[] }}
 */
export function peopleIn(text, mention) {
  const uids = /** @type {Set<string>} */ (new Set());
  const unknown = /** @type {Set<string>} */ (new Set());
  format(text, {
    mention,
    calls: ({ uid }) => uid !== undefined && uids.add(uid),
    misses: (name) => name && unknown.add(name),
  });
  return { uids: [...uids], unknown: [...unknown] };
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

/**
 * Code with its language and a button to copy it, which the list of messages listens for.
 *
 * @param {string} block
 */
function codeBlock(block) {
  const language = /^[\w+-]*(?=\n)/.exec(block)?.[0] ?? "";
  const body = block.replace(/^[\w+-]*\n/, "").replace(/\n$/, "");
  return el(
    "figure",
    { class: "code" },
    el("figcaption", { class: "code-head" }, language, el("button", { type: "button", class: "code-copy" }, t("copy"))),
    el("pre", { tabindex: "0" }, el("code", {}, body)),
  );
}

/**
 * @param {string} text
 * @param {import("./format_inline.js").Work} work
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
