import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorIn, returnTo } from "../../web/ui/timeline/anchor.js";
import { Reading } from "../../web/ui/timeline/reading.js";
import { isGrouped } from "../../web/ui/timeline/rows.js";
import { StickyEnd } from "../../web/ui/timeline/sticky_end.js";
import { ROWS_MAX, ROWS_STEP, RowWindow } from "../../web/ui/timeline/window.js";

const message = (seq, more = {}) => ({
  mid: `m${seq}`,
  createdSeq: seq,
  by: "2",
  kind: "msg",
  status: "sent",
  ...more,
});
const messages = (count, from = 1) => Array.from({ length: count }, (_, index) => message(from + index));
const ends = (shown) => [shown[0]?.createdSeq, shown.at(-1)?.createdSeq];

test("a window at the present shows the newest rows and follows what arrives", () => {
  const window = new RowWindow();
  assert.deepEqual(ends(window.visible(messages(1000), "end")), [1001 - ROWS_MAX, 1000]);
  assert.deepEqual(ends(window.visible(messages(1010), "end")), [1011 - ROWS_MAX, 1010]);
  assert.ok(window.endsAtPresent);
});

test("a window slides up and down, and pages that arrive on either side do not move it", () => {
  const window = new RowWindow();
  const all = messages(1000);
  window.visible(all, "end");
  window.slideUp(all);
  const shown = ends(window.visible(all, "start"));
  assert.deepEqual(shown, [1001 - ROWS_MAX - ROWS_STEP, 1000 - ROWS_STEP]);
  assert.ok(!window.endsAtPresent);
  assert.deepEqual(ends(window.visible([...messages(100, -99), ...messages(1100)], "start")), shown);
  window.slideDown(all);
  assert.deepEqual(ends(window.visible(all, "start")), [1001 - ROWS_MAX, 1000]);
  assert.ok(window.endsAtPresent);
});

test("there is something above a window until its first row is the first message", () => {
  const window = new RowWindow();
  const all = messages(ROWS_MAX + ROWS_STEP);
  window.visible(all, "end");
  assert.ok(window.hasAbove(all));
  window.slideUp(all);
  assert.ok(!window.hasAbove(all));
});

test("rows that arrive while the reader is above the end stay out of a full window", () => {
  const window = new RowWindow();
  window.visible(messages(ROWS_MAX), "start");
  assert.deepEqual(ends(window.visible(messages(ROWS_MAX + 20), "start")), [1, ROWS_MAX]);
  assert.ok(!window.endsAtPresent);
  window.toPresent();
  assert.deepEqual(ends(window.visible(messages(ROWS_MAX + 20), "end")), [21, ROWS_MAX + 20]);
});

test("a window around one message has it in its middle", () => {
  const window = new RowWindow();
  const all = messages(1000);
  window.center(all, 499);
  assert.deepEqual(ends(window.visible(all, "start")), [500 - ROWS_MAX / 2, 499 + ROWS_MAX / 2]);
  window.center(all, 3);
  assert.deepEqual(ends(window.visible(all, "start")), [1, ROWS_MAX]);
});

test("what the reader looks at stands still: the anchor is the first whole row but one", () => {
  const row = (top) => ({ top, isConnected: true, getBoundingClientRect: () => ({ top: row.moved + top }) });
  row.moved = 0;
  const rows = [row(-20), row(-5), row(40), row(90)];
  const anchor = anchorIn(rows, 0);
  assert.equal(anchor.row, rows[2]);
  row.moved = 300;
  const scroller = { scrollTop: 50 };
  returnTo(scroller, anchor);
  assert.equal(scroller.scrollTop, 350);
  anchor.row.isConnected = false;
  returnTo(scroller, anchor);
  assert.equal(scroller.scrollTop, 350, "a row that is gone moves nothing");
  assert.equal(anchorIn([row(0)], 0), null);
});

test("the end sticks until the reader leaves it, before the browser has reported the scroll", () => {
  const scroller = { scrollTop: 0, scrollHeight: 2000, clientHeight: 500 };
  const end = new StickyEnd(scroller);
  end.toEnd();
  scroller.scrollTop = 1500;
  end.scrolled(true);
  assert.ok(end.follows());
  scroller.scrollHeight = 2400;
  assert.ok(end.follows(), "what arrives below does not loosen it");
  scroller.scrollTop = 900;
  assert.ok(!end.follows());
  scroller.scrollTop = 1850;
  end.scrolled(false);
  assert.ok(!end.isStuck, "the last row in the page is not the newest message");
  end.scrolled(true);
  assert.ok(end.isStuck);
});

test("reading goes on at the first unread message of somebody else, once anything was read", () => {
  const all = [message(1), message(2, { by: "1" }), message(3, { kind: "del" }), message(4), message(5)];
  const reading = new Reading();
  assert.ok(reading.begin(all, 1, "1"));
  assert.equal(reading.divider, 4);
  assert.equal(reading.countUnseen(all, "1"), 2);
  reading.see(4);
  assert.equal(reading.countUnseen(all, "1"), 1);
  const fresh = new Reading();
  assert.ok(!fresh.begin(all, 0, "1"), "a room never read is shown at its end");
  assert.equal(fresh.divider, null);
  assert.equal(fresh.countUnseen(all, "1"), 0);
});

test("what arrives while nobody looks gets the divider once", () => {
  const reading = new Reading();
  reading.begin(messages(3), 3, "1");
  reading.noteArrivals([...messages(3), message(4, { by: "1" }), message(5)], 3, "1");
  assert.equal(reading.divider, 5);
  reading.noteArrivals([...messages(5), message(6)], 5, "1");
  assert.equal(reading.divider, 5);
});

test("messages of one author within five minutes are one group, unless one answers", () => {
  const first = message(1, { at: 0 });
  assert.ok(isGrouped(message(2, { at: 299_999 }), first));
  assert.ok(!isGrouped(message(2, { at: 300_000 }), first));
  assert.ok(!isGrouped(message(2, { at: 1, by: "3" }), first));
  assert.ok(!isGrouped(message(2, { at: 1, re: "m1" }), first));
  assert.ok(!isGrouped(first, null));
});
