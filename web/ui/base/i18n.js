/**
 * Words and plurals in the reader's language. Every visible text is a key of `locales/en.js`; a language that lacks a
 * key falls back to English. Plural forms follow `Intl.PluralRules`.
 */
import { formatter } from "./formatters.js";
import { currentLanguage } from "./language.js";
import { words } from "./words.js";

/** @typedef {import("./words.js").Key} Key */
/** @typedef {Record<string, string | number>} Values */

/** Stands for the id of a fault that has none. */
const NO_ID = "–";

/**
 * The text of a key; `{name}` is replaced from `values`, and `n` chooses the plural form.
 *
 * @param {Key} key
 * @param {Values} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = words[currentLanguage()]?.[key] ?? words["en"]?.[key] ?? key;
  const text = typeof entry === "string" ? entry : pluralForm(entry, Number(values["n"] ?? 0));
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? value.toLocaleString(currentLanguage()) : value;
  });
}

/**
 * The sentence for an error code, for what it is about if it says that, or the fallback when there is none. A fault of
 * the server is found in its log by its id.
 *
 * @param {{ code?: string, message?: string, detail?: any } | undefined | null} error
 */
export function errorText(error) {
  const general = `error_${error?.code ?? "unknown"}`;
  const keys = /** @type {Key[]} */ ([`${general}_${error?.detail?.of}`, general]);
  const key = keys.find((each) => each in (words["en"] ?? {}));
  return key
    ? t(key, { id: /\b[0-9a-f]{8}\b/.exec(error?.message ?? "")?.[0] ?? NO_ID })
    : error?.message || t("error_unknown");
}

/**
 * Names as a sentence would list them.
 *
 * @param {string[]} names
 */
export function listOf(names) {
  return formatter(Intl.ListFormat, currentLanguage(), { type: "conjunction" }).format(names);
}

/**
 * @param {Record<string, string>} forms
 * @param {number} n
 */
function pluralForm(forms, n) {
  return forms[formatter(Intl.PluralRules, currentLanguage(), {}).select(n)] ?? forms["other"] ?? "";
}
