/**
 * Turns `:name:` into its emoji where it stands for itself: as a word of its own, and not in code, an address or a
 * time. One pass, whatever the text.
 */
import { addressAt } from "./addresses.js";
import { characterAt, characterBefore, isSpaceless } from "./letters.js";

const SHORT_NAME = /:([a-z0-9_+-]{1,64}):/y;
const EMOJI = /[\p{Emoji_Presentation}\p{Emoji_Modifier}\ufe0f]/u;
/** What may stand before a word, and what may follow one. */
const BEFORE = /[\s([{<>"'“‘«„*_~–—\-\p{Ps}\p{Pi}]/u;
const AFTER = /[\s)\]}<>"'”’»*_~–—\-.,;!?…\p{Pe}\p{Pf}\uff01\uff0c\uff1a\uff1b\uff1f\u3001\u3002]/u;
const FENCE = "```";

/** Whether a text may have short names, so that their table is needed. @param {string} text */
export const mayHaveShortNames = (text) => /:[a-z0-9_+-]+:/.test(text);

/**
 * @param {string} text
 * @param {(name: string) => string | undefined} find  the emoji of a name
 */
export function replaceShortNames(text, find) {
  let made = "";
  let from = 0;
  let at = 0;
  let tickless = false;
  while (at < text.length) {
    const sign = text[at];
    if (sign === "`" && !tickless) {
      const end = codeEnd(text, at);
      tickless = end === null;
      at = end ?? at + 1;
      continue;
    }
    const found = sign === ":" ? shortNameAt(text, at, from === at, find) : null;
    if (found) {
      made += text.slice(from, at) + found.emoji;
      from = at = found.end;
    } else at = addressAt(text, at)?.end ?? at + 1;
  }
  return made + text.slice(from);
}

/**
 * Where the code ends that these marks begin; null if no mark follows any more. A fence that is not closed yet goes on
 * to the end.
 *
 * @param {string} text
 * @param {number} at
 */
function codeEnd(text, at) {
  if (text.startsWith(FENCE, at)) {
    const close = text.indexOf(FENCE, at + FENCE.length);
    return close < 0 ? text.length : close + FENCE.length;
  }
  const close = text.indexOf("`", at + 1);
  if (close < 0) return null;
  return text.slice(at + 1, close).trim() ? close + 1 : at + 1;
}

/**
 * @param {string} text
 * @param {number} at
 * @param {boolean} afterOne  another one ends here
 * @param {(name: string) => string | undefined} find
 */
function shortNameAt(text, at, afterOne, find) {
  SHORT_NAME.lastIndex = at;
  const [whole, name = ""] = SHORT_NAME.exec(text) ?? [];
  if (!whole) return null;
  const end = at + whole.length;
  const before = characterBefore(text, at);
  const after = characterAt(text, end);
  const begins = !before || afterOne || BEFORE.test(before) || isSpaceless(before) || EMOJI.test(before);
  const ends = !after || AFTER.test(after) || isSpaceless(after) || EMOJI.test(after) || beginsAnother(text, end);
  const emoji = begins && ends ? find(name) : undefined;
  return emoji === undefined ? null : { emoji, end };
}

/**
 * @param {string} text
 * @param {number} at
 */
function beginsAnother(text, at) {
  SHORT_NAME.lastIndex = at;
  return SHORT_NAME.test(text);
}
