/** What the composer does with a text, apart from any field on a screen. */
import { characterBefore, isInWord } from "../base/letters.js";

/** A word that is being typed: its sign, where that stands, and the letters after it. */
/** @typedef {{ sign: "@" | ":", from: number, letters: string }} Unfinished */

const UNFINISHED = /([@:])([\p{L}\p{M}\p{N}_.+-]{0,32})$/u;

/**
 * The `@name` or `:emoji:` that a text ends with; none inside of a word, an address or code.
 *
 * @param {string} before  the text before the caret
 * @returns {Unfinished | null}
 */
export function unfinishedWord(before) {
  const [whole = "", sign = "", letters = ""] = UNFINISHED.exec(before) ?? [];
  const from = before.length - whole.length;
  const previous = characterBefore(before, from);
  if (!whole || isInWord(previous) || (sign === ":" && /[:/]/.test(previous)) || isInCode(before.slice(0, from)))
    return null;
  return { sign: sign === "@" ? "@" : ":", from, letters };
}

/** Whether code was begun and not ended: a fence before, or a mark in this line. @param {string} before */
function isInCode(before) {
  const fences = before.split("```");
  if (fences.length % 2 === 0) return true;
  const line = fences.at(-1)?.split("\n").at(-1) ?? "";
  return line.split("`").length % 2 === 0;
}

/**
 * What a mark around the selection, or its end, makes of a text.
 *
 * @param {{ value: string, selectionStart: number, selectionEnd: number }} field
 * @param {string} mark
 * @returns {{ start: number, end: number, text: string, from: number, to: number }}
 *   what stands between two places, and what is selected then
 */
export function marked({ value, selectionStart: start, selectionEnd: end }, mark) {
  const inside = value.slice(start, end);
  const wide = mark.length;
  if (value.slice(start - wide, start) === mark && value.slice(end, end + wide) === mark)
    return { start: start - wide, end: end + wide, text: inside, from: start - wide, to: end - wide };
  return { start, end, text: mark + inside + mark, from: start + wide, to: end + wide };
}

/**
 * What was entered before it could be sent, each message for itself, and what is written below it.
 *
 * @param {string} text  of the field now
 * @param {string[]} entered  all that stood in the field with each time
 * @returns {{ messages: string[], rest: string }}
 */
export function splitEntered(text, entered) {
  const ends = entered.filter((each) => text.startsWith(each)).map((each) => each.length);
  // Who has changed what was entered before means it as it stands.
  if (!ends.length) return { messages: [text], rest: "" };
  const messages = ends.map((end, at) => text.slice(ends[at - 1] ?? 0, end)).filter((each) => each.trim());
  return { messages, rest: text.slice(ends.at(-1)) };
}

/**
 * My last message that can be edited.
 *
 * @param {import("../../state/types.js").Message[]} messages
 * @param {string | undefined} me
 * @param {(mid: string) => boolean} isPendingDelete
 */
export function lastEditable(messages, me, isPendingDelete) {
  return messages.findLast(
    (message) =>
      message.by === me &&
      message.kind === "msg" &&
      !message.unreadable &&
      message.status === "sent" &&
      !isPendingDelete(message.mid),
  );
}
