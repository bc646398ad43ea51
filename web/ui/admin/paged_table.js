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
import { drawRow, loading, moreButton, placeRows, tableHead, troubleWith, unreadableRow } from "./table_rows.js";

/** Pages in the document at once, and rows of a page. */
const PAGES = 5;
export const PAGE = 50;
/** The next page is asked for when the end of the list is this close. */
const NEAR = "300px";

/** @template T */
export class PagedTable {
  #options;
  /** @type {PageWindow<T>} */
  #pages = new PageWindow(PAGES, PAGE);
  #body = el("tbody", { role: "rowgroup" });
  #status = el("p", { class: "table-status", role: "status" });
  #earlier = moreButton("admin_show_earlier", () => void this.#turn("earlier"));
  #later = moreButton("admin_show_more", () => void this.#turn("later"));
  #trouble = el("div", { class: "table-trouble", role: "alert" });
  #instead = el("div", { class: "table-instead" });
  #table;
  #frame;
  #near = new IntersectionObserver(
    ([entry]) => {
      if (entry?.isIntersecting && !this.#trouble.firstChild) void this.#turn("later");
    },
    { rootMargin: NEAR },
  );
  #generation = 0;
  #busy = false;

  /** @param {import("./table_options.js").Options<T>} options */
  constructor(options) {
    this.#options = options;
    this.#table = el(
      "table",
      { class: "table", role: "table", "aria-label": options.label, hidden: true },
      tableHead(options),
      this.#body,
    );
    this.#frame = el(
      "div",
      { class: "table-frame", "aria-busy": "true" },
      this.#earlier,
      this.#table,
      this.#trouble,
      this.#later,
    );
    this.node = el("div", { class: "table-box" }, this.#status, this.#frame, this.#instead);
    this.#earlier.hidden = this.#later.hidden = true;
  }

  async reload() {
    this.#generation += 1;
    if (!this.#pages.isLoaded) fill(this.#instead, loading());
    await this.#ask(
      undefined,
      (page) => this.#pages.begin(page),
      () => this.reload(),
    );
  }

  /** @param {"earlier" | "later"} way */
  async #turn(way) {
    if (!this.#busy && this.#pages.leads(way))
      await this.#ask(
        this.#pages.cursor(way),
        (page) => this.#pages.take(way, page),
        () => this.#turn(way),
      );
  }

  /**
   * @param {string | undefined} cursor
   * @param {(page: import("./page_window.js").Loaded<T>) => void} take
   * @param {() => void} again
   */
  async #ask(cursor, take, again) {
    const mine = this.#generation;
    this.#working(true);
    try {
      const page = await this.#options.load(cursor);
      if (mine !== this.#generation) return;
      take(page);
      this.#draw();
    } catch (error) {
      if (mine === this.#generation) this.#fail(error, again);
    } finally {
      if (mine === this.#generation) this.#working(false);
    }
  }

  #draw() {
    const { items } = this.#pages;
    const empty = items.length === 0;
    fill(this.#trouble);
    fill(this.#instead, empty ? this.#options.empty() : null);
    this.#table.hidden = empty;
    this.#earlier.hidden = !this.#pages.leads("earlier");
    this.#later.hidden = !this.#pages.leads("later");
    placeRows(
      this.#body,
      drawEach(
        items,
        (item) => drawRow(this.#options, item),
        (item) => unreadableRow(this.#options, item),
      ),
      this.node.closest(".admin-body"),
    );
    setText(this.#status, empty ? "" : this.#words(items.length));
    // Observed anew, so that a tall screen goes on until it is full.
    this.#near.unobserve(this.#later);
    this.#near.observe(this.#later);
  }

  /** @param {number} shown */
  #words(shown) {
    const { total, first } = this.#pages;
    if (total === undefined || (shown === total && !first)) return this.#options.count?.(total ?? shown) ?? "";
    return t("admin_shown", {
      from: whole(first + 1),
      to: whole(first + shown),
      count: this.#options.count?.(total) ?? whole(total),
    });
  }

  /** @param {boolean} on */
  #working(on) {
    this.#busy = on;
    this.#frame.setAttribute("aria-busy", String(on));
  }

  /**
   * @param {unknown} error
   * @param {() => void} again
   */
  #fail(error, again) {
    fill(this.#pages.isLoaded ? this.#trouble : this.#instead, troubleWith(error, again));
  }

  /** @param {string} id */
  find(id) {
    return this.#pages.items.find((item) => this.#options.id(item) === id);
  }

  /**
   * Shows what became of a row; `null` takes it away.
   *
   * @param {string} id
   * @param {T | null} item
   */
  replace(id, item) {
    this.#pages.replace((each) => this.#options.id(each) === id, item);
    this.#draw();
  }

  /** @param {string} id */
  focus(id) {
    const row = [...this.#body.children].find((each) => /** @type {HTMLElement} */ (each).dataset["id"] === id);
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector("button, a"))?.focus();
  }

  close() {
    this.#generation += 1;
    this.#near.disconnect();
  }
}
