/**
 * Which language the client speaks: the one chosen in this browser, else that of the account, else one the browser
 * prefers, else the server's.
 */
import { preferences } from "../../platform/preferences.js";
import { hasWords, loadWords } from "./words.js";

/** Languages by their own names, for the settings. */
export const LANGUAGES = /** @type {const} */ ([
  ["en", "English"],
  ["ru", "Русский"],
  ["es", "Español"],
]);
/** @type {readonly string[]} */
const TAGS = LANGUAGES.map(([tag]) => tag);

/** Until words that could not be loaded are asked for again. */
const AGAIN_MS = 3_000;

let language = "en";
/** The language with the reader's region, for dates: `en-GB` writes 15:00. */
let dates = "en";
/** What the account and the server prefer; empty for nothing. */
let wishes = { account: "", server: "" };
/** @type {Set<() => void>} */
const listeners = new Set();

/** Follows a change of the language. @param {() => void} listener */
export function onLanguageChange(listener) {
  listeners.add(listener);
}

/** Decides the language and marks the document with it, as soon as its words are here. @returns {Promise<void>} */
export async function useLanguage() {
  const tag = wanted();
  if (!hasWords(tag)) {
    try {
      await loadWords(tag);
    } catch {
      // English until then.
      setTimeout(() => void useLanguage(), AGAIN_MS);
      return;
    }
  }
  speak(wanted());
}

/**
 * The choice of the reader, for this browser.
 *
 * @param {string} tag
 * @throws {{ code: string }} its words cannot be loaded
 */
export async function chooseLanguage(tag) {
  if (!hasWords(tag)) await loadWords(tag);
  preferences.set("language", tag);
  speak(wanted(), "anew");
}

/**
 * What the account or the server prefers.
 *
 * @param {Partial<typeof wishes>} wished  tags; empty for none
 * @returns {boolean} whether the language is another one now; then the listeners have been called
 */
export function wishLanguage(wished) {
  const before = language;
  const next = { ...wishes, ...wished };
  if (next.account === wishes.account && next.server === wishes.server) return false;
  wishes = next;
  const tag = wanted();
  if (hasWords(tag)) speak(tag);
  else void useLanguage();
  return language !== before;
}

function wanted() {
  const tags = [preferences.get("language"), wishes.account, ...navigator.languages, wishes.server];
  return tags.map((tag) => String(tag).slice(0, 2).toLowerCase()).find((tag) => TAGS.includes(tag)) ?? "en";
}

/**
 * @param {string} tag
 * @param {"if changed" | "anew"} [told]  when who listens is told
 */
function speak(tag, told = "if changed") {
  if (!hasWords(tag)) return;
  const before = language;
  language = tag;
  dates = navigator.languages.find((each) => each.slice(0, 2).toLowerCase() === language) ?? language;
  document.documentElement.lang = language;
  if (language !== before || told === "anew") for (const listener of listeners) listener();
}

/** The language in use, for the settings and for the server. */
export function currentLanguage() {
  return language;
}

/** The same with the reader's region, for dates. */
export function dateLanguage() {
  return dates;
}
