/** What letters say about where words begin and end, whatever the script of a text and the language of its reader. */

/** Written without spaces, or with endings that follow a name without one: a word may end at any letter. */
const SPACELESS =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
/** Marks belong to the letter before them: the vowels of Devanagari, accents. */
const WORD = /[\p{L}\p{M}\p{N}]/u;
/** As the server has it: white space, controls, what Unicode calls ignorable, and a few more that show nothing. */
const UNSEEN = /^[\s\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]*$/u;

/**
 * A user name as the server compares it, without the rules of any language: `I` is `i` in Turkish, too.
 *
 * @param {string} name
 */
export function foldName(name) {
  const small = [...name.normalize("NFKC").toUpperCase()].map((letter) => letter.toLowerCase());
  return small.join("").normalize("NFKC");
}

/**
 * A text as it is searched in, without the rules of any language and without accents.
 *
 * @param {string} text
 */
export function foldText(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Whether there is anything to be seen in a text.
 *
 * @param {string} text
 */
export function isSeen(text) {
  return !UNSEEN.test(text);
}

/**
 * Whether a character may be followed by a word only after a space.
 *
 * @param {string} character
 */
export function isInWord(character) {
  return WORD.test(character) && !SPACELESS.test(character);
}

/** @param {string} character */
export function isSpaceless(character) {
  return SPACELESS.test(character);
}

/**
 * The whole character before a place.
 *
 * @param {string} text
 * @param {number} at
 */
export function characterBefore(text, at) {
  const isWide = at > 1 && (text.codePointAt(at - 2) ?? 0) > 0xffff;
  return text.slice(isWide ? at - 2 : Math.max(0, at - 1), at);
}

/**
 * The whole character that begins at a place.
 *
 * @param {string} text
 * @param {number} at
 */
export function characterAt(text, at) {
  return at < text.length ? String.fromCodePoint(text.codePointAt(at) ?? 0) : "";
}
