/** One suggestion, as it is drawn. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** @typedef {import("./suggestions.js").Suggestion} Suggestion */

/** @type {Record<Suggestion["kind"], string>} */
const PICTURES = {
  operator: "sliders",
  exact: "sliders",
  without: "sliders",
  recent: "history",
  from: "person",
  in: "hash",
  before: "clock",
  after: "clock",
  has: "paperclip",
};

/** @param {Suggestion | "forget"} suggestion  `forget`: the end of what was searched last */
export function suggestionRow(suggestion) {
  if (suggestion === "forget") return row("trash", t("search_forget"), "");
  const { kind, label, hint } = suggestion;
  const isSign = kind === "operator" || kind === "exact" || kind === "without";
  if (isSign) return row(PICTURES[kind], label, t(`search_hint_${/** @type {"from"} */ (hint)}`));
  return row(
    PICTURES[kind],
    label,
    kind === "has" ? t(label === "link" ? "search_has_link" : "search_has_file") : hint,
  );
}

/** @param {string} picture @param {string} label @param {string} hint */
function row(picture, label, hint) {
  return el(
    "div",
    { role: "option", class: "option search-offer" },
    icon(picture),
    el("span", { dir: "auto", class: "search-offer-label" }, label),
    hint ? el("small", { dir: "auto" }, hint) : null,
  );
}
