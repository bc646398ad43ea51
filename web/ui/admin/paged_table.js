/**
 * A table that shows a part of a long list and knows the way to the rest. The server pages by opaque cursors that only
 * lead forward, so the cursors of the pages that were let go are kept: at most `PAGES` pages are in the document,
 * however long the list is, and both neighbours are one request away. On a narrow screen a row is drawn as a card;
 * the roles are written out because a changed `display` takes them away in some browsers.
 */
import { el, fill, place, setText } from "../element.js";
import { errorText, t } from "../i18n.js";
import { icon } from "../icons.js";
import { whole } from "./numbers.js";

/** Pages in the document at once, and rows of a page: at most 250 rows. */
const PAGES = 5;
export const PAGE = 50;

/**
 * @template T
 * @typedef {{ items: T[], next?: string | null | undefined, total?: number | undefined }} Loaded
 */

/**
 * @template T
 * @typedef {object} Column
 * @property {string} label
 * @property {(item: T) => import("../element.js").Children} cell  listeners in it may keep the id, not the item
 * @property {string} [class]
 * @property {boolean} [bare]  on a card its label is left out
 */

/**
 * @template T
 * @param {object} options
 * @param {string} options.label
 * @param {Column<T>[]} options.columns  the first one names the row
 * @param {(item: T) => string} options.id
 * @param {(after: string | undefined) => Promise<Loaded<T>>} options.load
 * @param {() => HTMLElement} options.empty
 * @param {(total: number) => string} [options.count]
 * @param {(item: T) => string} [options.look]  a class of the row
 */
export function createPagedTable(options) {
  const body = el("tbody", { role: "rowgroup" });
  const status = el("p", { class: "table-status", role: "status" });
  const earlier = moreButton("admin_show_earlier", () => void turn("earlier"));
  const later = moreButton("admin_show_more", () => void turn("later"));
  const trouble = el("div", { class: "table-trouble", role: "alert" });
  const table = el("table", { class: "table", role: "table", "aria-label": options.label },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, options.columns.map((column) => el("th", { scope: "col", role: "columnheader", class: column.class }, column.label)))), body);
  const frame = el("div", { class: "table-frame", "aria-busy": "true" }, earlier, table, trouble, later);
  const instead = el("div", { class: "table-instead" });
  const node = el("div", { class: "table-box" }, status, frame, instead);

  /** @typedef {{ after: string | undefined, items: T[], next: string | undefined }} PageOf */
  /** @type {PageOf[]} */
  let pages = [];
  /** Cursors of the pages above the first one shown. @type {(string | undefined)[]} */
  let above = [];
  let total = /** @type {number | undefined} */ (undefined);
  let generation = 0;
  let busy = false;

  async function reload() {
    const mine = (generation += 1);
    working(true);
    if (!pages.length) fill(instead, loading());
    try {
      const page = await options.load(undefined);
      if (mine !== generation) return;
      pages = [{ after: undefined, items: page.items, next: page.next ?? undefined }];
      above = [];
      total = page.total;
      draw();
    } catch (error) {
      if (mine === generation) fail(error, reload);
    } finally {
      if (mine === generation) working(false);
    }
  }

  /** @param {"earlier" | "later"} way */
  async function turn(way) {
    const cursor = way === "later" ? pages.at(-1)?.next : above.at(-1);
    if (busy || (way === "later" ? cursor === undefined : above.length === 0)) return;
    const mine = generation;
    working(true);
    try {
      const page = await options.load(cursor);
      if (mine !== generation) return;
      const arrived = { after: cursor, items: page.items, next: page.next ?? undefined };
      total = page.total ?? total;
      if (way === "later") {
        pages.push(arrived);
        if (pages.length > PAGES) above.push(pages.shift()?.after);
      } else {
        above.pop();
        pages.unshift(arrived);
        pages = pages.slice(0, PAGES);
      }
      draw();
    } catch (error) {
      if (mine === generation) fail(error, () => turn(way));
    } finally {
      if (mine === generation) working(false);
    }
  }

  function draw() {
    fill(trouble);
    const items = pages.flatMap((page) => page.items);
    /** @type {Map<string, HTMLElement>} */
    const kept = new Map([...body.children].map((row) => [/** @type {HTMLElement} */ (row).dataset["id"] ?? "", /** @type {HTMLElement} */ (row)]));
    const shown = items.map((item) => {
      const old = kept.get(options.id(item));
      const row = drawRow(item);
      // Rows that are still the same stay the same nodes, so that focus and scroll position do.
      return old?.isEqualNode(row) ? old : row;
    });
    const still = shown.find((row) => row.isConnected);
    const was = still?.getBoundingClientRect().top ?? 0;
    place(body, shown);
    // What comes or goes above must not move what is read.
    const scroller = node.closest(".admin-body");
    if (scroller && still) scroller.scrollTop += still.getBoundingClientRect().top - was;
    const empty = items.length === 0;
    table.hidden = empty;
    earlier.hidden = above.length === 0;
    later.hidden = pages.at(-1)?.next === undefined;
    fill(instead, empty ? options.empty() : null);
    setText(status, empty ? "" : words(items.length));
    // Observed anew, so that a tall screen goes on until it is full.
    near.unobserve(later);
    near.observe(later);
  }

  /** @param {T} item */
  function drawRow(item) {
    return el("tr", { role: "row", class: options.look?.(item), "data-id": options.id(item) }, options.columns.map((column, index) => index === 0
      ? el("th", { scope: "row", role: "rowheader", class: column.class }, column.cell(item))
      : el("td", { role: "cell", class: column.class, "data-label": column.bare ? null : column.label }, column.cell(item))));
  }

  /** @param {number} shown */
  function words(shown) {
    if (total === undefined || (shown === total && !above.length)) return options.count?.(total ?? shown) ?? "";
    const first = above.length * PAGE + 1;
    return t("admin_shown", { from: whole(first), to: whole(first + shown - 1), count: options.count?.(total) ?? whole(total) });
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
    const says = troubleWith(error, again);
    if (pages.length) return fill(trouble, says);
    table.hidden = true;
    fill(instead, says);
  }

  table.hidden = true;
  earlier.hidden = later.hidden = true;
  const near = new IntersectionObserver(([entry]) => { if (entry?.isIntersecting && !trouble.firstChild) void turn("later"); }, { rootMargin: "300px" });

  return {
    node,
    reload,
    /** @param {string} id */
    find: (id) => pages.flatMap((page) => page.items).find((item) => options.id(item) === id),
    /**
     * Shows what became of a row; `null` takes it away.
     *
     * @param {string} id
     * @param {T | null} item
     */
    replace(id, item) {
      pages = pages.map((page) => ({ ...page, items: page.items.flatMap((each) => (options.id(each) !== id ? [each] : item ? [item] : [])) }));
      if (!item && total !== undefined) total -= 1;
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

/**
 * @param {"admin_show_earlier" | "admin_show_more"} key
 * @param {() => void} click
 */
function moreButton(key, click) {
  return el("button", { type: "button", class: "button table-more", click }, t(key));
}

export function loading() {
  return el("div", { class: "table-loading" }, el("span", { class: "spinner", "aria-hidden": "true" }), el("span", {}, t("loading")));
}

/**
 * What went wrong, and a button to try again.
 *
 * @param {unknown} error
 * @param {() => void} again
 */
export function troubleWith(error, again) {
  return el("div", { class: "trouble", role: "alert" }, icon("alert"), el("p", {}, errorText(/** @type {{ code?: string }} */ (error))),
    el("button", { type: "button", class: "button button-small", click: again }, t("retry")));
}
