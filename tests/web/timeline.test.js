import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorIn, returnTo } from "../../web/ui/timeline/anchor.js";
import { LineWatch } from "../../web/ui/timeline/line_watch.js";
import { Quotes } from "../../web/ui/timeline/quotes.js";
import { newestOf, Reading } from "../../web/ui/timeline/reading.js";
import { isGrouped } from "../../web/ui/timeline/rows.js";
import { sightOf } from "../../web/ui/timeline/sight.js";
import { StickyEnd } from "../../web/ui/timeline/sticky_end.js";
import { ROWS_AROUND, ROWS_FOLLOWING, ROWS_MAX, ROWS_STEP, RowWindow } from "../../web/ui/timeline/window.js";

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

test("a window at the present shows the newest rows, follows what arrives, and lets go of the older half", () => {
  const window = new RowWindow();
  assert.deepEqual(ends(window.visible(messages(1000), "end")), [1001 - ROWS_AROUND, 1000]);
  assert.deepEqual(ends(window.visible(messages(1010), "end")), [1001 - ROWS_AROUND, 1010]);
  const full = 1000 + ROWS_FOLLOWING - ROWS_AROUND;
  assert.deepEqual(ends(window.visible(messages(full), "end")), [1001 - ROWS_AROUND, full]);
  assert.deepEqual(ends(window.visible(messages(full + 1), "end")), [full + 2 - ROWS_AROUND, full + 1]);
  assert.ok(window.followsEnd);
});

test("a window slides up and down, and pages that arrive on either side do not move it", () => {
  const window = new RowWindow();
  const all = messages(1000);
  window.visible(all, "end");
  for (let slid = 0; slid < 4; slid += 1) window.slideUp(all);
  const first = 1001 - ROWS_AROUND - 4 * ROWS_STEP;
  const shown = ends(window.visible(all, "start"));
  assert.deepEqual(shown, [first, first + ROWS_MAX - 1]);
  assert.ok(!window.followsEnd);
  assert.deepEqual(ends(window.visible([...messages(100, -99), ...messages(1100)], "start")), shown);
  for (let slid = 0; slid < 2; slid += 1) window.slideDown(all);
  assert.deepEqual(ends(window.visible(all, "start")), [1001 - ROWS_MAX, 1000]);
  assert.ok(window.followsEnd);
});

test("there is something above a window until its first row is the first message", () => {
  const window = new RowWindow();
  const all = messages(ROWS_AROUND + ROWS_STEP);
  window.visible(all, "end");
  assert.ok(window.hasAbove(all));
  window.slideUp(all);
  assert.ok(!window.hasAbove(all));
});

test("rows that arrive while the reader is above the end stay out of a full window", () => {
  const window = new RowWindow();
  const all = messages(ROWS_MAX);
  window.visible(all, "end");
  for (let slid = 0; slid < 3; slid += 1) window.slideUp(all);
  assert.deepEqual(ends(window.visible(messages(ROWS_MAX + 20), "start")), [1, ROWS_MAX]);
  assert.ok(!window.followsEnd);
  window.toEnd();
  assert.deepEqual(ends(window.visible(messages(ROWS_MAX + 20), "end")), [ROWS_MAX + 21 - ROWS_AROUND, ROWS_MAX + 20]);
});

test("a window around one message has rows on both sides, and finds its place in a list that was read anew", () => {
  const window = new RowWindow();
  const all = messages(1000);
  window.center(all, 499);
  assert.deepEqual(ends(window.visible(all, "start")), [500 - ROWS_AROUND / 2, 499 + ROWS_AROUND]);
  const others = messages(200, 400).filter(({ createdSeq }) => createdSeq % 2);
  assert.deepEqual(ends(window.visible(others, "start")), [461, 579]);
  window.center(all, 3);
  assert.deepEqual(ends(window.visible(all, "start")), [1, 3 + ROWS_AROUND]);
});

test("a quoted message is found, wherever older or newer ones make it stand, and missing until its page comes", () => {
  const quotes = new Quotes();
  const all = messages(50, 51);
  assert.equal(quotes.find(all, "m60"), all[9]);
  assert.equal(quotes.find([...all, message(101)], "m60"), all[9]);
  assert.equal(quotes.find(all, "m7"), null);
  const more = [...messages(50), ...all];
  assert.equal(quotes.find(more, "m60"), all[9]);
  assert.equal(quotes.find(more, "m7"), more[6]);
});

test("what the reader looks at stands still: the anchor is the first whole row but the first in the page", () => {
  const scroller = { scrollTop: 50, getBoundingClientRect: () => ({ top: 100 }) };
  const row = { isConnected: true, top: 140, getBoundingClientRect: () => ({ top: row.top }) };
  const first = { row: {}, top: 105 };
  const anchor = anchorIn([first, { row: {}, top: 95 }, { row, top: 140 }], 100, first.row);
  assert.equal(anchor.row, row);
  row.top += 300;
  returnTo(scroller, anchor);
  assert.equal(scroller.scrollTop, 350);
  row.isConnected = false;
  row.top += 300;
  returnTo(scroller, anchor);
  assert.equal(scroller.scrollTop, 350, "a row that is gone moves nothing");
  assert.equal(anchorIn([first], 100, first.row), null);
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

const stretch = (list, more = {}) => ({ messages: list, moreBefore: false, moreAfter: false, newAfter: 0, ...more });
const opened = (history, room) => {
  const reading = new Reading();
  reading.begin(history, { read: 0, unread: 1, ...room }, "1");
  return reading;
};

test("reading goes on at the first unread message of somebody else, also in a room that was never read", () => {
  const history = stretch([message(1), message(2, { by: "1" }), message(3, { kind: "del" }), message(4), message(5)]);
  const reading = new Reading();
  assert.ok(reading.begin(history, { read: 1, unread: 2 }, "1"));
  assert.equal(reading.divider, 4);
  assert.equal(reading.countBelow(history), 2);
  assert.equal(opened(history).divider, 1);
  const done = new Reading();
  assert.ok(!done.begin(history, { read: 1, unread: 0 }, "1"), "what the server does not count is not new");
  assert.equal(done.divider, null);
  assert.equal(done.countBelow(history), 0);
});

test("the position moves over what was looked at, and over what needs no reading between", () => {
  const history = stretch([...messages(10), message(11, { by: "1" }), message(12), message(0, { status: "pending" })]);
  const reading = opened(history, { read: 3 });
  reading.look(history, { from: 2, to: 6 });
  assert.equal(reading.position, 6);
  reading.look(history, { from: 5, to: 10 });
  assert.equal(reading.position, 11);
  assert.ok(!reading.isDone(history));
  assert.equal(reading.countBelow(history), 1);
  reading.look(history, { from: 8, to: 12 });
  assert.equal(reading.position, 12);
  assert.ok(reading.isDone(history));
  assert.ok(!reading.isDone({ ...history, moreAfter: true }));
});

test("what is scrolled past is read, what a jump passes over is not until the gap is closed", () => {
  const history = stretch(messages(200));
  const scrolled = opened(history);
  scrolled.look(history, { from: 1, to: 10 });
  scrolled.look(history, { from: 91, to: 100 });
  assert.equal(scrolled.position, 100);
  const jumped = opened(history);
  jumped.look(history, { from: 1, to: 10 });
  jumped.jump();
  jumped.look(history, { from: 151, to: 160 });
  jumped.look(history, { from: 191, to: 200 });
  assert.equal(jumped.position, 10);
  assert.equal(jumped.countAbove(history, 151), 140);
  assert.equal(jumped.countBelow(history), 0);
  jumped.look(history, { from: 11, to: 20 });
  assert.equal(jumped.position, 200);
});

test("a part of the history that does not follow the position reads nothing", () => {
  const far = stretch(messages(100, 901), { moreBefore: true });
  const reading = opened(stretch(messages(50)));
  reading.look(far, { from: 950, to: 1000 });
  assert.equal(reading.position, 0);
  assert.ok(!reading.isDone(far));
  assert.equal(reading.countAbove(far, 950), 0, "how much is above is not known here");
  assert.equal(new Reading().begin(far, { read: 3, unread: 900 }, "1"), false);
});

test("who goes to the present on purpose has read the room, and what another browser has read is read", () => {
  const history = stretch(messages(200), { newAfter: 7, moreAfter: true });
  const reading = opened(history);
  assert.equal(reading.countBelow(history), 207);
  reading.follow(150);
  assert.equal(reading.position, 150);
  reading.readAll(207);
  assert.equal(reading.position, 207);
  assert.ok(reading.isDone(stretch(messages(200))));
});

test("what comes while nobody looks gets the divider, once what is below the last one is read", () => {
  const unseen = () => true;
  const reading = new Reading();
  reading.begin(stretch(messages(3)), { read: 3, unread: 0 }, "1");
  const history = stretch([...messages(3), message(4, { by: "1" }), message(5)]);
  assert.ok(!reading.noteArrivals(history, () => false), "live, before somebody's eyes");
  assert.ok(reading.noteArrivals(history, unseen));
  assert.equal(reading.divider, 5);
  const later = stretch([...history.messages, message(6)]);
  assert.ok(!reading.noteArrivals(later, unseen));
  assert.equal(reading.divider, 5);
  reading.look(later, { from: 5, to: 6 });
  assert.ok(reading.noteArrivals(stretch([...later.messages, message(7)]), unseen));
  assert.equal(reading.divider, 7);
});

test("a message was missed if it was written before the line came back", () => {
  const line = new LineWatch();
  line.update(true, 1000);
  assert.ok(!line.missed({ at: 900 }));
  line.update(false, 2000);
  line.update(true, 5000);
  line.update(true, 6000);
  assert.ok(line.missed({ at: 4999 }));
  assert.ok(!line.missed({ at: 5000 }));
});

test("a message can be read when its end is on the screen, or a screenful of it", () => {
  const row = (seq, top, bottom) => ({ message: message(seq), top, bottom });
  const edges = { top: 100, bottom: 500 };
  assert.deepEqual(sightOf([row(1, 50, 150), row(2, 150, 400), row(3, 400, 900)], edges), {
    from: 1,
    to: 2,
    middle: 2,
  });
  assert.deepEqual(sightOf([row(3, 90, 900)], edges), { from: 3, to: 3, middle: 3 });
  assert.deepEqual(sightOf([row(3, 110, 900)], edges), { from: 0, to: 0, middle: 3 });
  assert.deepEqual(sightOf([row(0, 150, 180)], edges), { from: 0, to: 0, middle: 0 });
});

test("the newest message that is sent is the last one with a place in the room", () => {
  assert.equal(newestOf([...messages(5), message(0), message(0)]), 5);
  assert.equal(newestOf([message(0)], 3), 3);
  assert.equal(newestOf([]), 0);
});

test("messages of one author within five minutes are one group, unless one answers", () => {
  const first = message(1, { at: 0 });
  assert.ok(isGrouped(message(2, { at: 299_999 }), first));
  assert.ok(!isGrouped(message(2, { at: 300_000 }), first));
  assert.ok(!isGrouped(message(2, { at: 1, by: "3" }), first));
  assert.ok(!isGrouped(message(2, { at: 1, re: "m1" }), first));
  assert.ok(!isGrouped(first, null));
});
