/**
 * Formatters of `Intl`, by what they are for: making one costs far more than using it, and a table uses thousands.
 *
 * @type {Map<string, any>}
 */
const formatters = new Map();

/**
 * @template T
 * @template O
 * @param {new (lang: string, options: O) => T} Format
 * @param {string} lang
 * @param {O} options
 * @returns {T}
 */
export function formatter(Format, lang, options) {
  const key = `${Format.name} ${lang} ${JSON.stringify(options)}`;
  let found = formatters.get(key);
  if (!found) formatters.set(key, (found = new Format(lang, options)));
  return found;
}
