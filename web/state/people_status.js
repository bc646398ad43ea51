/** Status as pure functions: what it says at a moment, and when a chosen span of time ends. */
import { clock } from "./clock.js";
import { midnightAfter } from "./midnight.js";

/** @typedef {import("./types.js").User} User */
/** @typedef {"30m" | "1h" | "4h" | "today" | "week" | "never"} Span */

/** The spans offered, in the order of the list. @type {readonly Span[]} */
export const SPANS = ["30m", "1h", "4h", "today", "week", "never"];

const MINUTE_MS = 60_000;
/** One emoji at the start: a flag, or a pictograph with its modifiers and no more joins than the largest family has. */
const PICTOGRAPH = String.raw`\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?`;
const LEADING_EMOJI = new RegExp(
  String.raw`^(?:\p{Regional_Indicator}{2}|[#*0-9]\ufe0f?\u20e3|${PICTOGRAPH}(?:\u200d${PICTOGRAPH}){0,4})`,
  "u",
);

/**
 * What somebody's status says now. By custom a status text begins with its emoji.
 *
 * @param {Pick<User, "text" | "until">} user
 * @param {number} [now]
 * @returns {{ text: string, emoji: string, words: string, until: number | null }}
 */
export function statusOf(user, now = clock.now()) {
  const until = user.until ?? null;
  const text = until !== null && until <= now ? "" : (user.text ?? "").trim();
  const emoji = LEADING_EMOJI.exec(text)?.[0] ?? "";
  return { text, emoji, words: text.slice(emoji.length).trim(), until: until !== null && until > now ? until : null };
}

/**
 * The presence I chose, unless that has ended.
 *
 * @param {Pick<User, "state" | "until">} me
 * @param {number} [now]
 * @returns {import("./types.js").Chosen}
 */
export function chosenOf({ state, until }, now = clock.now()) {
  const ended = typeof until === "number" && until <= now;
  return !ended && (state === "away" || state === "dnd") ? state : "online";
}

/**
 * @param {string} emoji
 * @param {string} words
 */
export function statusText(emoji, words) {
  return `${emoji} ${words.trim()}`.trim();
}

/**
 * When a span that begins now ends, where the reader is: days end at midnight, weeks with their Sunday.
 *
 * @param {Span} span
 * @param {number} [now]
 * @returns {number | null} null for never
 */
export function endOf(span, now = clock.now()) {
  switch (span) {
    case "30m":
      return now + 30 * MINUTE_MS;
    case "1h":
      return now + 60 * MINUTE_MS;
    case "4h":
      return now + 240 * MINUTE_MS;
    case "today":
      return midnightAfter(now);
    case "week":
      return midnightAfter(now, (7 - new Date(now).getDay()) % 7);
    default:
      return null;
  }
}

/**
 * Whether an end is still to come; a moment that cannot be read is none.
 *
 * @param {number | null} until  null for never
 * @param {number} [now]
 */
export function endsLater(until, now = clock.now()) {
  return until === null || until > now;
}

/**
 * The status as it is sent. Where nothing is said, nothing has to end.
 *
 * @param {import("./types.js").Chosen} state
 * @param {string} text
 * @param {number | null} until
 */
export function statusToSend(state, text, until) {
  return { state, text, until: text || state !== "online" ? until : null };
}

/**
 * The next moment at which somebody's status ends.
 *
 * @param {Iterable<User>} users
 * @param {number} [now]
 * @returns {number | null}
 */
export function nextEnd(users, now = clock.now()) {
  let next = Number.POSITIVE_INFINITY;
  for (const { until } of users) if (until && until > now) next = Math.min(next, until);
  return next === Number.POSITIVE_INFINITY ? null : next;
}
