/**
 * A table that shows a part of a long list and knows the way to the rest, at most 250 rows of it (see
 * `page_window.js`). Rows that are still the same stay the same nodes, so focus and scroll position do, too. On a
 * narrow screen a row is drawn as a card; the roles are written out because a changed `display` takes them away in
 * some browsers.
 */
import { drawEach } from "../base/each.js";
import { el, fill, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { whole } from "./numbers.js";
import { PageWindow } from "./page_window.js";
import { drawRow, loading, moreButton, placeRows, troubleWith, unreadableRow } from "./table_rows.js";

/** Pages in the document at once, and rows of a page. */
const PAGES = 5;
export const PAGE = 50;
/** The next page is asked for when the end of the list is this close. */
const NEAR = "300px";

/**
 * @template T
 * @param {import("./table_options.js").Options<T>} options
 */
export function createPagedTable(options) {
  /** @type {PageWindow<T>} */
  const pages = new PageWindow(PAGES, PAGE);
  const body = el("tbody", { role: "rowgroup" });
  const status = el("p", { class: "table-status", role: "status" });
  const earlier = moreButton("admin_show_earlier", () => void turn("earlier"));
  const later = moreButton("admin_show_more", () => void turn("later"));
  const trouble = el("div", { class: "table-trouble", role: "alert" });
  const table = el(
    "table",
    { class: "table", role: "table", "aria-label": options.label, hidden: true },
    el(
      "thead",
      { role: "rowgroup" },
      el(
        "tr",
        { role: "row" },
        options.columns.map((column) =>
          el("th", { scope: "col", role: "columnheader", class: column.class }, column.label),
        ),
      ),
    ),
    body,
  );
  const frame = el("div", { class: "table-frame", "aria-busy": "true" }, earlier, table, trouble, later);
  const instead = el("div", { class: "table-instead" });
  const node = el("div", { class: "table-box" }, status, frame, instead);
  const near = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting && !trouble.firstChild) void turn("later");
    },
    { rootMargin: NEAR },
  );
  let generation = 0;
  let busy = false;

  async function reload() {
    generation += 1;
    if (!pages.isLoaded) fill(instead, loading());
    await ask(undefined, (page) => pages.begin(page), reload);
  }

  /** @param {"earlier" | "later"} way */
  async function turn(way) {
    if (!busy && pages.leads(way))
      await ask(
        pages.cursor(way),
        (page) => pages.take(way, page),
        () => turn(way),
      );
  }

  /**
   * @param {string | undefined} cursor
   * @param {(page: import("./page_window.js").Loaded<T>) => void} take
   * @param {() => void} again
   */
  async function ask(cursor, take, again) {
    const mine = generation;
    working(true);
    try {
      const page = await options.load(cursor);
      if (mine !== generation) return;
      take(page);
      draw();
    } catch (error) {
      if (mine === generation) fail(error, again);
    } finally {
      if (mine === generation) working(false);
    }
  }

  function draw() {
    const { items } = pages;
    const empty = items.length === 0;
    fill(trouble);
    fill(instead, empty ? options.empty() : null);
    table.hidden = empty;
    earlier.hidden = !pages.leads("earlier");
    later.hidden = !pages.leads("later");
    placeRows(
      body,
      drawEach(
        items,
        (item) => drawRow(options, item),
        (item) => unreadableRow(options, item),
      ),
      node.closest(".admin-body"),
    );
    setText(status, empty ? "" : words(items.length));
    // Observed anew, so that a tall screen goes on until it is full.
    near.unobserve(later);
    near.observe(later);
  }

  /** @param {number} shown */
  function words(shown) {
    const { total, first } = pages;
    if (total === undefined || (shown === total && !first)) return options.count?.(total ?? shown) ?? "";
    return t("admin_shown", {
      from: whole(first + 1),
      to: whole(first + shown),
      count: options.count?.(total) ?? whole(total),
    });
  }

  /** @param {boolean} on */
  function working(on) {
    busy = on;
    frame.setAttribute("aria-busy", String(on));
  }

  /**
   * @param {unknown} error
   * @param {() => void} again
   */
  function fail(error, again) {
    fill(pages.isLoaded ? trouble : instead, troubleWith(error, again));
  }

  earlier.hidden = later.hidden = true;

  return {
    node,
    reload,
    /** @param {string} id */
    find: (id) => pages.items.find((item) => options.id(item) === id),
    /**
     * Shows what became of a row; `null` takes it away.
     *
     * @param {string} id
     * @param {T | null} item
     */
    replace(id, item) {
      pages.replace((each) => options.id(each) === id, item);
      draw();
    },
    /** @param {string} id */
    focus(id) {
      const row = [...body.children].find((each) => /** @type {HTMLElement} */ (each).dataset["id"] === id);
      /** @type {HTMLElement | null | undefined} */ (row?.querySelector("button, a"))?.focus();
    },
    close() {
      generation += 1;
      near.disconnect();
    },
  };
}
