/** Numbers, sizes, spans and moments in the reader's language. The language is a parameter so that tests can choose. */
import { momentOf } from "../base/dates.js";
import { formatter } from "../base/formatters.js";
import { currentLanguage, dateLanguage } from "../base/language.js";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** @param {number} n */
export function whole(n, lang = currentLanguage()) {
  return formatter(Intl.NumberFormat, lang, { maximumFractionDigits: 0 }).format(n);
}

/**
 * A rate, with a tenth as long as a tenth says something.
 *
 * @param {number} n
 */
export function rate(n, lang = currentLanguage()) {
  if (n >= 100_000) return short(n, lang);
  return formatter(Intl.NumberFormat, lang, { maximumFractionDigits: n < 100 ? 1 : 0 }).format(n);
}

/**
 * For the narrow place beside an axis: 1.2K.
 *
 * @param {number} n
 */
export function short(n, lang = currentLanguage()) {
  return formatter(Intl.NumberFormat, lang, {
    notation: "compact",
    maximumFractionDigits: Math.abs(n) < 1 ? 2 : 1,
  }).format(n);
}

/**
 * How long something lasts, in its two largest units: 3 days 4 hr.
 *
 * @param {number} seconds
 * @param {"long" | "short" | "narrow"} [words]
 */
export function span(seconds, words = "short", lang = currentLanguage()) {
  const all = /** @type {[string, number][]} */ ([
    ["day", Math.floor(seconds / DAY_S)],
    ["hour", Math.floor((seconds % DAY_S) / HOUR_S)],
    ["minute", Math.floor((seconds % HOUR_S) / MINUTE_S)],
    ["second", Math.floor(seconds % MINUTE_S)],
  ]);
  const first = Math.max(
    0,
    all.findIndex(([, n]) => n > 0),
  );
  const parts = seconds < 1 ? all.slice(-1) : all.slice(first, first + 2).filter(([, n]) => n > 0);
  return parts
    .map(([unit, n]) => formatter(Intl.NumberFormat, lang, { style: "unit", unit, unitDisplay: words }).format(n))
    .join(" ");
}

/** Date and time. @param {number} at */
export function moment(at, lang = dateLanguage()) {
  return momentOf(at, formatter(Intl.DateTimeFormat, lang, { dateStyle: "medium", timeStyle: "short" }).format);
}

/** To the second, for the log. @param {number} at */
export function exactMoment(at, lang = dateLanguage()) {
  return momentOf(at, formatter(Intl.DateTimeFormat, lang, { dateStyle: "medium", timeStyle: "medium" }).format);
}

/** Only the date. @param {number} at */
export function date(at, lang = dateLanguage()) {
  return momentOf(at, formatter(Intl.DateTimeFormat, lang, { dateStyle: "medium" }).format);
}

/** Only the time. @param {number} at */
export function clock(at, lang = dateLanguage()) {
  return momentOf(at, formatter(Intl.DateTimeFormat, lang, { hour: "numeric", minute: "2-digit" }).format);
}

/**
 * A day of the calendar as the server counts days, in UTC: "23 Nov".
 *
 * @param {string} day  `2026-11-23`
 */
export function calendarDay(day, lang = dateLanguage()) {
  return momentOf(
    Date.parse(`${day}T00:00:00Z`),
    formatter(Intl.DateTimeFormat, lang, { day: "numeric", month: "short", timeZone: "UTC" }).format,
  );
}
