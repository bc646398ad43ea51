/** Choices and habits of this browser: theme, language, the rooms that were open last, what is folded. */
import { keep, keepText, keysOf, recall, recallText } from "./storage.js";

/** @typedef {"theme" | "language" | "tone"} Name */

const RECENT = "recent";
const RECENT_MAX = 30;
const RECENT_EMOJI = "emoji";
const RECENT_EMOJI_MAX = 27;
const FOLDED = "folded";
const OLD_LEVEL = "notify.";

export const preferences = {
  /** @param {Name} name */
  get: (name) => recallText(name),

  /**
   * @param {Name} name
   * @param {string} value  empty to go back to what the system says
   */
  set: (name, value) => keepText(name, value || null),
};

/** Applies the theme to the document: `light`, `dark`, or the system's. */
export function useTheme() {
  const theme = preferences.get("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
}

/**
 * The rooms that were open last: the first is where the person comes back to.
 *
 * @returns {string[]} the latest first
 */
export function recentRooms() {
  const kept = recall(RECENT);
  return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
}

/** @param {string} id */
export function addRecentRoom(id) {
  keep(RECENT, [id, ...recentRooms().filter((each) => each !== id)].slice(0, RECENT_MAX));
}

export function forgetRecentRooms() {
  keep(RECENT, null);
}

/**
 * The emoji that were chosen last.
 *
 * @returns {string[]} the latest first
 */
export function recentEmoji() {
  const kept = recall(RECENT_EMOJI);
  return Array.isArray(kept) ? kept.filter((emoji) => typeof emoji === "string") : [];
}

/** @param {string} emoji */
export function addRecentEmoji(emoji) {
  keep(RECENT_EMOJI, [emoji, ...recentEmoji().filter((each) => each !== emoji)].slice(0, RECENT_EMOJI_MAX));
}

export function forgetRecentEmoji() {
  keep(RECENT_EMOJI, null);
}

/**
 * The parts of the list of rooms that are folded.
 *
 * @returns {string[]}
 */
export function foldedSections() {
  const kept = recall(FOLDED);
  return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
}

/** @param {string} id @param {boolean} folded */
export function setFoldedSection(id, folded) {
  const others = foldedSections().filter((each) => each !== id);
  keep(FOLDED, folded ? [...others, id] : others);
}

/**
 * What rooms may notify of, from when each browser kept that by itself; forgotten as it is read.
 *
 * @returns {{ room: string, level: string }[]}
 */
export function takeOldLevels() {
  return keysOf(OLD_LEVEL).map((key) => {
    const level = String(recall(key));
    keep(key, null);
    return { room: key.slice(OLD_LEVEL.length), level };
  });
}
