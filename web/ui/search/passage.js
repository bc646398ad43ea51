/** The passage of a text that a search has found, with the words that match marked. */
import { foldText } from "../base/letters.js";

/** @typedef {import("../../calls/search.js").Mark} Mark */
/** @typedef {{ text: string, isMarked: boolean }} Piece */

/** UTF-16 units that are shown. */
const LENGTH_MAX = 320;
/** What stands before the first mark, at most. */
const BEFORE_MAX = 80;
/** Of one text. */
const MARKS_MAX = 50;
/** A word is not cut unless it is longer than this. */
const WORD_MAX = 24;

/**
 * The pieces of a text around its first mark. Whatever the marks are, every piece is whole characters.
 *
 * @param {string} text
 * @param {Mark[]} marks  in UTF-16 units
 * @returns {Piece[]}
 */
export function passageOf(text, marks) {
  const clear = clearMarks(text, marks);
  const first = clear[0]?.[0] ?? 0;
  const from = first > BEFORE_MAX ? beginning(text, first - BEFORE_MAX, first) : 0;
  const to = from + LENGTH_MAX < text.length ? whole(text, from + LENGTH_MAX) : text.length;
  /** @type {Piece[]} */
  const pieces = [];
  const add = (/** @type {number} */ start, /** @type {number} */ end, isMarked = false) => {
    if (end > start) pieces.push({ text: text.slice(start, end), isMarked });
  };
  if (from > 0) pieces.push({ text: "… ", isMarked: false });
  let at = from;
  for (const [start, end] of clear) {
    if (start >= to) break;
    add(at, start);
    add(start, Math.min(end, to), true);
    at = Math.min(end, to);
  }
  add(at, to);
  if (to < text.length) pieces.push({ text: " …", isMarked: false });
  return pieces;
}

/**
 * Where words stand in a text, or parts of words, without regard to case and accents.
 *
 * @param {string} text
 * @param {string} wanted
 * @returns {Mark[]}
 */
export function marksOf(text, wanted) {
  let folded = "";
  /** The character of each unit of the folded text. @type {Mark[]} */
  const places = [];
  let at = 0;
  for (const character of text) {
    const small = fold(character);
    for (let unit = 0; unit < small.length; unit += 1) places.push([at, at + character.length]);
    folded += small;
    at += character.length;
  }
  /** @type {Mark[]} */
  const marks = [];
  for (const word of fold(wanted).split(/\s+/).filter(Boolean)) {
    let found = folded.indexOf(word);
    while (found >= 0 && marks.length < MARKS_MAX) {
      marks.push([places[found]?.[0] ?? 0, places[found + word.length - 1]?.[1] ?? 0]);
      found = folded.indexOf(word, found + word.length);
    }
  }
  return marks;
}

/** @param {string} text */
function fold(text) {
  return foldText(text).normalize("NFC");
}

/**
 * Marks in order, within the text, without overlap, and around whole characters.
 *
 * @param {string} text
 * @param {Mark[]} marks
 */
function clearMarks(text, marks) {
  const known = marks
    .filter((mark) => Array.isArray(mark) && mark.every(Number.isInteger) && mark.length === 2)
    .map(([from, to]) => [whole(text, Math.max(0, from)), wholeEnd(text, Math.min(text.length, to))])
    .filter(([from = 0, to = 0]) => from < to)
    .sort(([a = 0], [b = 0]) => a - b);
  /** @type {Mark[]} */
  const clear = [];
  for (const [from = 0, to = 0] of known) {
    const start = Math.max(from, clear.at(-1)?.[1] ?? 0);
    if (start < to) clear.push([start, to]);
  }
  return clear;
}

/** The same place, or one before if that is in the middle of a pair. @param {string} text @param {number} at */
function whole(text, at) {
  return /[\udc00-\udfff]/.test(text[at] ?? "") && /[\ud800-\udbff]/.test(text[at - 1] ?? "") ? at - 1 : at;
}

const FOLLOWS = /[\p{M}\u200d]*/uy;

/** The same place, or one behind what belongs to the character before: the other half of a pair, accents. */
function wholeEnd(/** @type {string} */ text, /** @type {number} */ at) {
  FOLLOWS.lastIndex = whole(text, at) < at ? at + 1 : at;
  return FOLLOWS.lastIndex + (FOLLOWS.exec(text)?.[0].length ?? 0);
}

/** Where a passage begins: at a word if one begins near. */
function beginning(/** @type {string} */ text, /** @type {number} */ at, /** @type {number} */ before) {
  const space = text.slice(at, Math.min(before, at + WORD_MAX)).search(/\s/);
  return space < 0 ? whole(text, at) : at + space + 1;
}
