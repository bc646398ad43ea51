/**
 * Emoji by group, short name and word, in the skin tone that was chosen. The tables are fetched when somebody first
 * needs one, not with the page.
 */
import { preferences } from "../../platform/preferences.js";
import { currentLanguage } from "./language.js";

/** @typedef {{ emoji: string, names: string[], group: number, hasTones: boolean, words: string[] }} Emoji */

/** The picker's first row, and the keys people reach for. */
export const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "🔥"];

/** No tone first. */
export const TONES = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];

/** The first emoji of each group of the table stands for it. */
export const GROUP_KEYS = /** @type {const} */ ([
  "emoji_smileys",
  "emoji_people",
  "emoji_nature",
  "emoji_food",
  "emoji_travel",
  "emoji_activities",
  "emoji_objects",
  "emoji_symbols",
  "emoji_flags",
]);

const WORDS = {
  en: () => import("../../locales/emoji.en.js"),
  es: () => import("../../locales/emoji.es.js"),
  ru: () => import("../../locales/emoji.ru.js"),
};

/** Nothing until it is loaded. @type {Emoji[]} */
let table = [];
/** @type {Map<string, Emoji>} */
let byName = new Map();
/** The language whose words are in the table, and its loading. */
let loading = { language: "", ended: Promise.resolve() };

/** The whole table; empty until it is loaded. */
export const allEmoji = () => table;

/** Loads the table with the words of the reader's language. */
export function loadEmoji() {
  const language = currentLanguage();
  if (loading.language !== language) {
    loading = { language, ended: load(language) };
    // What failed is tried again by whoever comes next.
    loading.ended.catch(() => (loading = { language: "", ended: Promise.resolve() }));
  }
  return loading.ended;
}

/** @param {string} language */
async function load(language) {
  const wordsOf = WORDS[/** @type {keyof typeof WORDS} */ (language)] ?? WORDS.en;
  const [{ GROUPS }, { words }] = await Promise.all([import("./emoji_data.js"), wordsOf()]);
  const all = words.replaceAll("\n", "").split(";");
  let n = 0;
  table = GROUPS.flatMap((entries, group) =>
    entries
      .replaceAll("\n", "")
      .split(";")
      .map((entry) => {
        const [emoji = "", ...names] = entry.split(" ");
        const hasTones = emoji.endsWith("+");
        return { emoji: hasTones ? emoji.slice(0, -1) : emoji, names, group, hasTones, words: wordsIn(all[n++] ?? "") };
      }),
  );
  byName = new Map(table.flatMap((one) => one.names.map((name) => [name, one])));
}

/** The name of an emoji, and other words for it. @param {string} words */
function wordsIn(words) {
  return words.split(",");
}

/** The emoji of a short name, in my tone. @param {string} name */
export function emojiNamed(name) {
  const found = byName.get(name);
  return found && inTone(found);
}

/**
 * An emoji in the tone that was chosen.
 *
 * @param {Emoji} one
 * @param {number} [tone]
 */
export function inTone({ emoji, hasTones }, tone = chosenTone()) {
  return hasTones && tone ? emoji.replace(/(\p{Emoji_Modifier_Base})\ufe0f?/gu, `$1${TONES[tone]}`) : emoji;
}

/** Which of `TONES` was chosen. */
export function chosenTone() {
  const tone = Number(preferences.get("tone"));
  return tone in TONES ? tone : 0;
}

/** @param {number} tone */
export function chooseTone(tone) {
  preferences.set("tone", tone ? String(tone) : "");
}

/** An emoji that was found, and by which of its names. @typedef {Emoji & { name: string }} Found */

/**
 * The emoji that a few letters stand for: by their names first, the shortest of them before the others, then by the
 * words of the reader's language.
 *
 * @param {string} typed
 * @param {number} limit
 * @returns {Found[]}
 */
export function findEmoji(typed, limit) {
  const wanted = typed.toLowerCase().replaceAll(":", "").trim().replace(/\s+/g, "_");
  const spoken = wanted.replaceAll("_", " ");
  /** @type {{ found: Found, rank: number }[]} */
  const all = [];
  for (const one of table) {
    const name = one.names.filter((each) => each.startsWith(wanted)).sort((a, b) => a.length - b.length)[0];
    const rank = name === undefined ? rankOf(one, wanted, spoken) : name.length;
    if (rank < NO_MATCH) all.push({ found: { ...one, name: name ?? one.names[0] ?? "" }, rank });
  }
  return all
    .sort((a, b) => a.rank - b.rank)
    .slice(0, limit)
    .map(({ found }) => found);
}

/** Behind all names that begin with what is typed, and behind everything. */
const BY_WORD = 1000;
const BY_PART = 2000;
const NO_MATCH = 3000;

/**
 * How well an emoji fits whose names do not begin with what is typed.
 *
 * @param {Emoji} one
 * @param {string} wanted
 * @param {string} spoken
 */
function rankOf({ names, words }, wanted, spoken) {
  const begins = (/** @type {string} */ word) => word.toLowerCase().startsWith(spoken);
  if (words.some((word) => begins(word) || word.split(" ").some(begins))) return BY_WORD;
  return names.some((name) => name.includes(wanted)) ? BY_PART : NO_MATCH;
}
