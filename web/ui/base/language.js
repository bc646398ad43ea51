/**
 * Which language the client speaks: the one chosen in this browser, else that of the account, else one the browser
 * prefers, else the server's.
 */
import { preferences } from "../../platform/preferences.js";

/** Languages by their own names, for the settings. */
export const LANGUAGES = /** @type {const} */ ([
  ["en", "English"],
  ["ru", "Русский"],
  ["es", "Español"],
]);
/** @type {readonly string[]} */
const TAGS = LANGUAGES.map(([tag]) => tag);

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

/** Decides the language and marks the document with it. */
export function useLanguage() {
  const wanted = [preferences.get("language"), wishes.account, ...navigator.languages, wishes.server];
  language = wanted.map((tag) => String(tag).slice(0, 2).toLowerCase()).find((tag) => TAGS.includes(tag)) ?? "en";
  dates = navigator.languages.find((tag) => tag.slice(0, 2).toLowerCase() === language) ?? language;
  document.documentElement.lang = language;
}

/** The choice of the reader, for this browser. @param {string} tag */
export function chooseLanguage(tag) {
  preferences.set("language", tag);
  useLanguage();
  for (const listener of listeners) listener();
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
  useLanguage();
  if (language === before) return false;
  for (const listener of listeners) listener();
  return true;
}

/** The language in use, for the settings and for the server. */
export function currentLanguage() {
  return language;
}

/** The same with the reader's region, for dates. */
export function dateLanguage() {
  return dates;
}
