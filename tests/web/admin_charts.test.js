import assert from "node:assert/strict";
import { test } from "node:test";
import { area, bars, extremes, fit, line, means, nearest, place, ticks } from "../../web/ui/admin/scale.js";

const PLOT = { slots: 5, width: 100, height: 50, top: 10 };

test("an axis has round values from zero to at least the largest", () => {
  assert.deepEqual(ticks(21.4), [0, 10, 20, 30]);
  assert.deepEqual(ticks(100), [0, 50, 100]);
  assert.deepEqual(ticks(0.03), [0, 0.01, 0.02, 0.03]);
  for (const largest of [0.001, 0.7, 1, 3, 9.99, 47, 318, 4_012, 1_204_311]) {
    const scale = ticks(largest);
    assert.ok((scale.at(-1) ?? 0) >= largest, `${largest}: ${scale}`);
    assert.ok(scale.length >= 2 && scale.length <= 5, `${largest}: ${scale}`);
  }
});

test("people and messages are counted in whole steps, and nothing measured still has an axis", () => {
  assert.deepEqual(ticks(0, 3, true), [0, 1]);
  assert.deepEqual(ticks(1, 3, true), [0, 1]);
  assert.deepEqual(ticks(4, 3, true), [0, 2, 4]);
  assert.ok(ticks(7, 3, true).every(Number.isInteger));
  assert.equal(ticks(0)[0], 0);
});

test("neighbours are drawn as their mean, the newest group always whole", () => {
  assert.deepEqual(means([1, 2, 3, 4, 5, 6], 3), [2, 5]);
  assert.deepEqual(means([9, 1, 2, 3], 3), [9, 2]);
  assert.deepEqual(means([], 3), []);
});

test("a short history hugs the right edge, and no value leaves the plot", () => {
  assert.deepEqual(place([0, 10], PLOT), [
    { x: 75, y: 50 },
    { x: 100, y: 0 },
  ]);
  for (const { x, y } of place([-5, 3, 400], PLOT)) assert.ok(x >= 0 && x <= 100 && y >= 0 && y <= 50);
});

test("a line never overshoots the values it joins", () => {
  const points = place([0, 10, 10, 0, 0], PLOT);
  const numbers = line(points).split(/[MC ]/).filter(Boolean).map(Number);
  const heights = numbers.filter((_, index) => index % 2 === 1);
  assert.ok(
    heights.every((y) => y >= 0 && y <= 50),
    String(heights),
  );
  assert.equal(line([]), "");
  assert.match(area(points, 50), /L100 50L0 50Z$/);
  assert.equal(area([], 50), "");
});

test("the pointer means the nearest value", () => {
  const points = place([1, 2, 3, 4, 5], PLOT);
  assert.equal(nearest(-20, points), 0);
  assert.equal(nearest(49, points), 2);
  assert.equal(nearest(88, points), 4);
});

test("a day with something has a bar that can be seen, a day without has none", () => {
  const [none, little, most] = bars([0, 1, 1_000], { width: 90, height: 100, top: 1_000 });
  assert.equal(none?.height, 0);
  assert.equal(little?.height, 2);
  assert.equal(most?.height, 100);
  assert.ok((most?.x ?? 0) + (most?.width ?? 0) <= 90);
});

test("the numbers of an axis take their room from the plot, and never all of it", () => {
  const tick = (value) => `${value}`;
  const chart = { width: 400, least: 1, integers: false, tick };
  assert.deepEqual(fit([], chart), { scale: [0, 0.5, 1], top: 1, gutter: 34, inner: 366 });
  const wide = fit([12], { ...chart, tick: () => "1,000,000" });
  assert.equal(Math.round(wide.gutter), 70);
  assert.equal(wide.inner, 330);
  assert.equal(fit([12], { ...chart, width: 20 }).inner, 40);
  assert.ok(fit([47], chart).top >= 47);
});

test("a chart is summed up by its newest, its largest and its smallest value", () => {
  assert.deepEqual(extremes([3, 9, 9, 1, 4]), { newest: 4, most: 9, mostAt: 1, least: 1 });
  assert.equal(extremes([]), null);
});
