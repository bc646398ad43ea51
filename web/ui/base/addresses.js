/** Where an address begins and ends in a text. */
import { characterBefore, isInWord } from "./letters.js";

/** Brackets and punctuation of scripts without spaces: they end an address, and letters of those scripts do not. */
const WIDE_PUNCTUATION = String.raw`\u3000-\u3004\u3008-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65`;
const ADDRESS = new RegExp(String.raw`(?:https?:\/\/|mailto:)[^\s<>"${"`"}${WIDE_PUNCTUATION}]+`, "iy");
const SENTENCE_END = ".,;:!?*_~'’”…";
const BRACKETS = /** @type {[string, string][]} */ ([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/**
 * The address that begins at a place: how it is shown, and where it leads; without the latter it is none, and no other
 * one begins before `end`.
 *
 * @param {string} text
 * @param {number} at
 * @returns {{ shown: string, href: string | null, end: number } | null}
 */
export function addressAt(text, at) {
  const first = text[at];
  if (!first || !"hHmM".includes(first) || isInWord(characterBefore(text, at))) return null;
  ADDRESS.lastIndex = at;
  const raw = ADDRESS.exec(text)?.[0];
  if (!raw) return null;
  const shown = withoutEnd(raw);
  const href = safeUrl(shown);
  return { shown, href, end: at + (href ? shown : raw).length };
}

/**
 * Punctuation that ends a sentence does not belong to the address, nor does a closing bracket that was opened before
 * it. Read from the end: an expression that looks for `+$` begins anew at each of the characters in the middle.
 *
 * @param {string} raw
 */
function withoutEnd(raw) {
  const spare = new Map(BRACKETS.map(([open, close]) => [close, count(raw, close) - count(raw, open)]));
  let end = raw.length;
  for (; end > 0; end -= 1) {
    const last = raw[end - 1] ?? "";
    const unopened = spare.get(last) ?? 0;
    if (unopened > 0) spare.set(last, unopened - 1);
    else if (!SENTENCE_END.includes(last)) break;
  }
  return raw.slice(0, end);
}

/**
 * @param {string} text
 * @param {string} character
 */
function count(text, character) {
  return text.split(character).length - 1;
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
