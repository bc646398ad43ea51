/** Moments, days and spans in the reader's language. Formatting a moment that no calendar has does not throw here. */
import { clock } from "../../state/clock.js";
import { formatter } from "./formatters.js";
import { currentLanguage, dateLanguage } from "./language.js";

/** The last moment that a calendar of the browser has, before and after 1970, in milliseconds. */
const MOMENT_MAX = 8.64e15;
/** What stands where a moment cannot be shown. */
export const NO_MOMENT = "–";

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
  return dated(at, { hour: "numeric", minute: "2-digit" });
}

/** @param {number} at */
export function fullTimeOf(at) {
  return dated(at, { dateStyle: "full", timeStyle: "short" });
}

/** A day with its year. @param {number} at */
export function dateOf(at) {
  return dated(at, { day: "numeric", month: "short", year: "numeric" });
}

/**
 * "Today", "Yesterday", or the date.
 *
 * @param {number} at
 */
export function dayOf(at) {
  const days = dayNumber(clock.now()) - dayNumber(at);
  if (days === 0 || days === 1) {
    const language = currentLanguage();
    const word = relative(-days, "day", language);
    return word.charAt(0).toLocaleUpperCase(language) + word.slice(1);
  }
  return isThisYear(at)
    ? dated(at, { weekday: "long", day: "numeric", month: "long" })
    : dated(at, { day: "numeric", month: "long", year: "numeric" });
}

/**
 * A moment, short: the time alone today, with the day on other days, and with the year in another one.
 *
 * @param {number} at
 */
export function whenOf(at) {
  if (dayNumber(at) === dayNumber(clock.now())) return timeOf(at);
  const time = /** @type {const} */ ({ hour: "numeric", minute: "2-digit" });
  return isThisYear(at)
    ? dated(at, { weekday: "short", day: "numeric", month: "short", ...time })
    : dated(at, { day: "numeric", month: "short", year: "numeric", ...time });
}

/**
 * How far away a moment is, in the largest unit that fits: "5 minutes ago", "in 2 days".
 *
 * @param {number} at
 * @param {number} [now]
 * @param {string} [language]
 */
export function distanceOf(at, now = clock.now(), language = currentLanguage()) {
  return momentOf(at, () => {
    const seconds = (at - now) / 1000;
    const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", Infinity];
    return relative(Math.trunc(seconds / size), unit, language);
  });
}

/**
 * How long ago: "5 minutes ago", "yesterday". What the server's clock puts a little ahead of this one is now.
 *
 * @param {number} at
 * @param {number} [now]
 */
export function agoOf(at, now = clock.now()) {
  return momentOf(at, () => distanceOf(Math.min(at, now), now));
}

/**
 * Days since 1970 where the reader is; the first of them for what is no moment.
 *
 * @param {number} at
 */
export function dayNumber(at) {
  const date = new Date(at);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000) || 0;
}

/** @param {number} at */
function isThisYear(at) {
  return new Date(at).getFullYear() === new Date(clock.now()).getFullYear();
}

/**
 * @param {number} n
 * @param {Intl.RelativeTimeFormatUnit} unit
 * @param {string} language
 */
function relative(n, unit, language) {
  return formatter(Intl.RelativeTimeFormat, language, { numeric: "auto" }).format(n, unit);
}

/**
 * @param {number} at
 * @param {Intl.DateTimeFormatOptions} options
 */
function dated(at, options) {
  return momentOf(at, formatter(Intl.DateTimeFormat, dateLanguage(), options).format);
}
