/**
 * The words of each language. English is always here: it is the list of every text there is, and stands in for what
 * another language lacks. The others are loaded when they are chosen, all their parts at once.
 */
import { messages as en } from "../../locales/en.js";

/** @typedef {keyof typeof en | keyof typeof import("../../locales/admin.en.js").messages} Key */
/** @typedef {Partial<Record<Key, string | Record<string, string>>>} Words */

/** @type {Record<string, () => Promise<[{ messages: Words }, ...unknown[]]>>} */
const LOADERS = {
  es: () =>
    Promise.all([
      import("../../locales/es.js"),
      import("../../locales/files.es.js"),
      import("../../locales/keys.es.js"),
      import("../../locales/people.es.js"),
      import("../../locales/rooms.es.js"),
      import("../../locales/search.es.js"),
    ]),
  ru: () =>
    Promise.all([
      import("../../locales/ru.js"),
      import("../../locales/files.ru.js"),
      import("../../locales/keys.ru.js"),
      import("../../locales/people.ru.js"),
      import("../../locales/rooms.ru.js"),
      import("../../locales/search.ru.js"),
    ]),
};

/** By language. @type {Record<string, Words>} */
export const words = { en, es: {}, ru: {} };
const here = new Set(["en"]);

/** @param {string} tag */
export function hasWords(tag) {
  return here.has(tag);
}

/**
 * Loads the words of a language.
 *
 * @param {string} tag
 * @throws {{ code: "network" }}
 */
export async function loadWords(tag) {
  const loaded = await LOADERS[tag]?.().catch(() => {
    throw { code: "network" };
  });
  addWords({ [tag]: loaded?.[0].messages ?? {} });
  here.add(tag);
}

/**
 * Adds the words of a part of the client that is loaded later.
 *
 * @param {Record<string, Words>} more  by language
 */
export function addWords(more) {
  for (const [tag, each] of Object.entries(more)) Object.assign(words[tag] ?? {}, each);
}
