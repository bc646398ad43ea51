/**
 * A passphrase that is easy to say, type and remember, without a list of words: four words of five letters, each
 * consonant, vowel, consonant, vowel, consonant (the "proquint" alphabet). A consonant is one of 16 and carries 4
 * bits, a vowel one of 4 and carries 2, so a word is exactly 16 bits and the phrase 64. Powers of two: every bit of
 * the random source is used as it comes, no modulo and so no bias.
 */
const CONSONANTS = "bdfghjklmnprstvz";
const VOWELS = "aiou";
const WORDS = 4;

/** @returns {string} such as `lusab-gutih-tobog-disok` */
export function makePassphrase() {
  return [...crypto.getRandomValues(new Uint16Array(WORDS))].map(wordOf).join("-");
}

/**
 * @param {number} bits  16 of them
 * @returns {string}
 */
export function wordOf(bits) {
  const consonant = (/** @type {number} */ at) => CONSONANTS.charAt((bits >> at) & 15);
  const vowel = (/** @type {number} */ at) => VOWELS.charAt((bits >> at) & 3);
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0);
}
