/** Rows of a table, and what stands in their place. */
import { NO_MOMENT } from "../base/dates.js";
import { el, place } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/**
 * @template T
 * @param {import("./table_options.js").Options<T>} options
 */
export function tableHead({ columns }) {
  return el(
    "thead",
    { role: "rowgroup" },
    el(
      "tr",
      { role: "row" },
      columns.map((column) => el("th", { scope: "col", role: "columnheader", class: column.class }, column.label)),
    ),
  );
}

/**
 * @template T
 * @param {import("./table_options.js").Options<T>} options
 * @param {T} item
 */
export function drawRow(options, item) {
  return el(
    "tr",
    { role: "row", class: options.rowClass?.(item), "data-id": options.id(item) },
    options.columns.map((column, index) =>
      index === 0
        ? el("th", { scope: "row", role: "rowheader", class: column.class }, column.cell(item))
        : el(
            "td",
            { role: "cell", class: column.class, "data-label": column.bare ? null : column.label },
            column.cell(item),
          ),
    ),
  );
}

/**
 * A row for what cannot be drawn.
 *
 * @template T
 * @param {import("./table_options.js").Options<T>} options
 * @param {T} item
 */
export function unreadableRow(options, item) {
  return el(
    "tr",
    { role: "row", "data-id": options.id(item) },
    options.columns.map((column, index) =>
      index === 0
        ? el("th", { scope: "row", role: "rowheader", class: column.class }, t("entry_unreadable"))
        : el("td", { role: "cell", class: column.class }, NO_MOMENT),
    ),
  );
}

/**
 * Puts the rows in, keeps those that look the same, and lets what comes or goes above not move what is read.
 *
 * @param {HTMLElement} body
 * @param {HTMLElement[]} rows
 * @param {Element | null} scroller
 */
export function placeRows(body, rows, scroller) {
  const old = new Map(
    [...body.children].map((row) => [/** @type {HTMLElement} */ (row).dataset["id"], /** @type {HTMLElement} */ (row)]),
  );
  const shown = rows.map((row) => {
    const known = old.get(row.dataset["id"]);
    return known?.isEqualNode(row) ? known : row;
  });
  const still = shown.find((row) => row.isConnected);
  const was = still?.getBoundingClientRect().top ?? 0;
  place(body, shown);
  if (scroller && still) scroller.scrollTop += still.getBoundingClientRect().top - was;
}

/**
 * @param {"admin_show_earlier" | "admin_show_more"} key
 * @param {() => void} click
 */
export function moreButton(key, click) {
  return el("button", { type: "button", class: "button table-more", click }, t(key));
}

export function loading() {
  return el(
    "div",
    { class: "table-loading" },
    el("span", { class: "spinner", "aria-hidden": "true" }),
    el("span", {}, t("loading")),
  );
}

/**
 * What went wrong, and a button to try again.
 *
 * @param {unknown} error
 * @param {() => void} again
 */
export function troubleWith(error, again) {
  return el(
    "div",
    { class: "trouble", role: "alert" },
    icon("alert"),
    el("p", {}, errorText(/** @type {{ code?: string }} */ (error))),
    el("button", { type: "button", class: "button button-small", click: again }, t("retry")),
  );
}
