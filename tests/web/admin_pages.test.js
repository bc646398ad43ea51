import assert from "node:assert/strict";
import { test } from "node:test";
import { PageWindow } from "../../web/ui/admin/page_window.js";

/** A list of 1,000 whose cursor is the last number seen. */
const page = (after) => {
  const from = Number(after ?? 0);
  return {
    items: Array.from({ length: 50 }, (_, index) => from + index + 1),
    next: from + 50 < 1_000 ? String(from + 50) : null,
    total: 1_000,
  };
};

const opened = () => {
  const pages = new PageWindow(5, 50);
  pages.begin(page(undefined));
  return pages;
};
const turn = (pages, way) => pages.take(way, page(pages.cursor(way)));

test("however far one goes, only a few pages are held, in order and without a gap", () => {
  const pages = opened();
  while (pages.leads("later")) {
    turn(pages, "later");
    assert.ok(pages.items.length <= 250);
    assert.deepEqual(
      pages.items,
      Array.from({ length: pages.items.length }, (_, index) => pages.first + index + 1),
    );
  }
  assert.equal(pages.items.at(-1), 1_000);
});

test("the way back leads over every page to the first, and forth again", () => {
  const pages = opened();
  while (pages.leads("later")) turn(pages, "later");
  while (pages.leads("earlier")) {
    turn(pages, "earlier");
    assert.deepEqual(
      pages.items,
      Array.from({ length: 250 }, (_, index) => pages.first + index + 1),
    );
  }
  assert.equal(pages.first, 0);
  turn(pages, "later");
  assert.equal(pages.items.at(-1), 300);
});

test("a list that ends says so, whether next is absent or null", () => {
  for (const next of [undefined, null]) {
    const pages = new PageWindow(5, 50);
    pages.begin({ items: [1], next, total: 1 });
    assert.equal(pages.leads("later"), false);
    assert.equal(pages.leads("earlier"), false);
  }
});

test("an item changes in its place, and one that goes is counted off", () => {
  const pages = opened();
  pages.replace((item) => item === 7, 700);
  assert.equal(pages.items[6], 700);
  assert.equal(pages.total, 1_000);
  pages.replace((item) => item === 700, null);
  assert.equal(pages.items.length, 49);
  assert.equal(pages.total, 999);
});
