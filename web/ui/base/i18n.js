/**
 * Words, plurals and dates in the reader's language. Every visible text is a key of `locales/en.js`; a language that
 * lacks a key falls back to English. Plural forms follow `Intl.PluralRules`, dates `Intl.DateTimeFormat`.
 */
import { messages as en } from "../../locales/en.js";
import { messages as es } from "../../locales/es.js";
import { messages as ru } from "../../locales/ru.js";
import { preferences } from "../../platform/preferences.js";

/** @typedef {keyof typeof en | keyof typeof import("../../locales/admin.en.js").messages} Key */
/** @typedef {Record<string, string | number>} Values */

/** @type {Record<string, Partial<Record<Key, string | Record<string, string>>>>} */
const LOCALES = { en, ru, es };

/** Languages by their own names, for the settings. */
export const LANGUAGES = /** @type {const} */ ([
  ["en", "English"],
  ["ru", "Русский"],
  ["es", "Español"],
]);

let language = "en";
/** The language with the reader's region, for dates: `en-GB` writes 15:00. */
let dates = "en";
let plurals = new Intl.PluralRules("en");
/** @type {Map<string, Intl.DateTimeFormat>} */
let formats = new Map();
/** @type {Intl.ListFormat | null} */
let lists = null;

/** What is wished elsewhere: the language of the account comes before the browser's own, the server's after them. */
let wishes = { account: "", server: "" };

/**
 * Takes the words of a part of the client that is loaded later.
 *
 * @param {Record<string, Partial<Record<Key, string | Record<string, string>>>>} words  by language
 */
export function addWords(words) {
  for (const [tag, more] of Object.entries(words)) Object.assign(LOCALES[tag] ?? {}, more);
}

/** Reads the preference of this browser, else what is wished, and marks the document. */
export function useLanguage() {
  const wanted = [preferences.get("language"), wishes.account, ...navigator.languages, wishes.server];
  language = wanted.map((tag) => String(tag).slice(0, 2).toLowerCase()).find((tag) => tag in LOCALES) ?? "en";
  dates = navigator.languages.find((tag) => tag.slice(0, 2).toLowerCase() === language) ?? language;
  plurals = new Intl.PluralRules(language);
  formats = new Map();
  lists = null;
  document.documentElement.lang = language;
}

/**
 * @param {Partial<typeof wishes>} wished  tags; empty for none
 * @returns {boolean} whether the language is another one now
 */
export function wishLanguage(wished) {
  const before = language;
  const next = { ...wishes, ...wished };
  if (next.account === wishes.account && next.server === wishes.server) return false;
  wishes = next;
  useLanguage();
  return language !== before;
}

/** The language in use, for the settings and for the server. */
export function currentLanguage() {
  return language;
}

/** The same with the reader's region, for dates. */
export function dateLanguage() {
  return dates;
}

/**
 * The text of a key; `{name}` is replaced from `values`, and `n` chooses the plural form.
 *
 * @param {Key} key
 * @param {Values} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = LOCALES[language]?.[key] ?? LOCALES["en"]?.[key] ?? key;
  const text = typeof entry === "string" ? entry : pluralForm(entry, Number(values["n"] ?? 0));
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? value.toLocaleString(language) : value;
  });
}

/**
 * The sentence for an error code, or the fallback when there is none. A fault of the server is found in its log by its
 * id.
 *
 * @param {{ code?: string, message?: string } | undefined | null} error
 */
export function errorText(error) {
  const key = /** @type {Key} */ (`error_${error?.code ?? "unknown"}`);
  return key in en
    ? t(key, { id: /\b[0-9a-f]{8}\b/.exec(error?.message ?? "")?.[0] ?? NO_MOMENT })
    : error?.message || t("error_unknown");
}

/** The last moment that a calendar of the browser has, before and after 1970, in milliseconds. */
const MOMENT_MAX = 8.64e15;
/** What stands where a moment cannot be shown. */
export const NO_MOMENT = "–";

/**
 * A moment in words. Formatting one that no calendar has throws; the words for it are a dash. Every date in the client
 * passes through here.
 *
 * @param {unknown} at
 * @param {(at: number) => string} words
 * @param {string} [otherwise]
 */
export function momentOf(at, words, otherwise = NO_MOMENT) {
  return typeof at === "number" && Math.abs(at) <= MOMENT_MAX ? words(at) : otherwise;
}

/** For programs, as in `datetime`; empty for what is none. @param {number} at */
export function isoOf(at) {
  return momentOf(at, () => new Date(at).toISOString(), "");
}

/** @param {number} at */
export function timeOf(at) {
  return momentOf(at, dateFormat("time", { hour: "numeric", minute: "2-digit" }));
}

/** @param {number} at */
export function fullTimeOf(at) {
  return momentOf(at, dateFormat("full", { dateStyle: "full", timeStyle: "short" }));
}

/**
 * "Today", "Yesterday", or the date.
 *
 * @param {number} at
 */
export function dayOf(at) {
  const days = dayNumber(Date.now()) - dayNumber(at);
  if (days === 0 || days === 1) {
    const word = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(-days, "day");
    return word.charAt(0).toLocaleUpperCase(language) + word.slice(1);
  }
  const thisYear = new Date(at).getFullYear() === new Date().getFullYear();
  return momentOf(
    at,
    thisYear
      ? dateFormat("day", { weekday: "long", day: "numeric", month: "long" })
      : dateFormat("day-year", { day: "numeric", month: "long", year: "numeric" }),
  );
}

/**
 * A moment, short: the time alone today, with the day on other days, and with the year in another one.
 *
 * @param {number} at
 */
export function whenOf(at) {
  if (dayNumber(at) === dayNumber(Date.now())) return timeOf(at);
  return momentOf(
    at,
    new Date(at).getFullYear() === new Date().getFullYear()
      ? dateFormat("when", { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" })
      : dateFormat("when-year", {
          day: "numeric",
          month: "short",
          year: "numeric",
          hour: "numeric",
          minute: "2-digit",
        }),
  );
}

/** A day with its year. @param {number} at */
export function dateOf(at) {
  return momentOf(at, dateFormat("date", { day: "numeric", month: "short", year: "numeric" }));
}

/**
 * How long ago, in the largest unit that fits: "5 minutes ago", "yesterday".
 *
 * @param {number} at
 * @param {number} [now]
 */
export function agoOf(at, now = Date.now()) {
  return momentOf(at, () => {
    const seconds = Math.min(0, (at - now) / 1000);
    const [unit, size] = UNITS.find(([, each]) => -seconds >= each) ?? ["second", 1];
    const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
    return unit === "second" ? words.format(0, "second") : words.format(Math.trunc(seconds / size), unit);
  });
}

/** Units of time in seconds, the largest first. @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/**
 * Days since 1970 where the reader is; the first of them for what is no moment.
 *
 * @param {number} at
 */
export function dayNumber(at) {
  const date = new Date(at);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000) || 0;
}

/**
 * Names as a sentence would list them.
 *
 * @param {string[]} names
 */
export function listOf(names) {
  lists ??= new Intl.ListFormat(language, { type: "conjunction" });
  return lists.format(names);
}

/**
 * @param {Record<string, string>} forms
 * @param {number} n
 */
function pluralForm(forms, n) {
  return forms[plurals.select(n)] ?? forms["other"] ?? "";
}

/**
 * @param {string} name
 * @param {Intl.DateTimeFormatOptions} options
 * @returns {(at: number) => string}
 */
function dateFormat(name, options) {
  let format = formats.get(name);
  if (!format) formats.set(name, (format = new Intl.DateTimeFormat(dates, options)));
  return format.format;
}
