/** Where a text calls people by `@name`. Whoever writes it is told the same that its readers are shown. */
import { characterAt, characterBefore, isInWord, isSpaceless } from "./letters.js";

/** Who is called: one person, or everybody without a uid. @typedef {{ uid?: string, self: boolean }} Called */
/** Whom a name calls, as it is written. @typedef {(name: string) => Called | null} Find */

/** Letters of a user name. */
const NAME_MAX = 32;
const NAME = /[\p{L}\p{M}\p{N}_.-]{1,64}/uy;
const JOINTS = "._-";

/**
 * The mention whose `@` is at a place, if there is one. The longest name counts.
 *
 * @param {string} text
 * @param {number} at
 * @param {Find} find
 * @returns {{ called: Called, end: number } | null}
 */
export function mentionAt(text, at, find) {
  const run = runAt(text, at);
  if (!run) return null;
  for (const length of lengthsOf(run, characterAt(text, at + 1 + run.length))) {
    const called = find(run.slice(0, length));
    if (called) return { called, end: at + 1 + length };
  }
  return null;
}

/**
 * What to look for where a text calls somebody who is not known: the name, or how it begins where it may end anywhere.
 *
 * @param {string} text
 * @param {number} at
 */
export function calledAt(text, at) {
  const letters = [...runAt(text, at)];
  const other = letters.findIndex((letter) => isSpaceless(letter) !== isSpaceless(letters[0] ?? ""));
  const name = letters.slice(0, other < 0 ? letters.length : other);
  if (isSpaceless(name[0] ?? "")) return name.slice(0, 2).join("");
  while (JOINTS.includes(name.at(-1) ?? " ")) name.pop();
  return name.join("");
}

/**
 * The letters after an `@` that may be a name; none where the `@` is inside of a word, as in an address.
 *
 * @param {string} text
 * @param {number} at
 */
function runAt(text, at) {
  if (text[at] !== "@" || isInWord(characterBefore(text, at))) return "";
  NAME.lastIndex = at + 1;
  return NAME.exec(text)?.[0] ?? "";
}

/**
 * How long a name at the beginning of these letters may be, the longest first. It ends where a word does, in a script
 * without spaces at any letter; what joins names ends one only if nothing follows.
 *
 * @param {string} run
 * @param {string} next  the character after it
 */
function lengthsOf(run, next) {
  const letters = [...run].slice(0, NAME_MAX);
  const rest = run.slice(letters.join("").length);
  let follows = rest ? characterAt(rest, 0) : next;
  let end = run.length - rest.length;
  const lengths = [];
  for (const letter of letters.reverse()) {
    if (!isInWord(follows) || isSpaceless(letter)) lengths.push(end);
    if (!JOINTS.includes(letter)) follows = letter;
    end -= letter.length;
  }
  return lengths;
}
