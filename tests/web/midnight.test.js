import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { mock, test } from "node:test";
import { fileURLToPath } from "node:url";
import { clock } from "../../web/state/clock.js";
import { midnightAfter, watchMidnight } from "../../web/state/midnight.js";
import { dayNumber } from "../../web/ui/base/dates.js";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));

test("the day turns at midnight by the server's clock, once a day, also after a sleep", () => {
  // The device is two hours behind.
  const server = new Date(2026, 10, 30, 23, 59, 30).getTime();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: server - 2 * 3_600_000 });
  clock.set(server);
  let turns = 0;
  watchMidnight(() => (turns += 1));
  mock.timers.tick(29_000);
  assert.equal(turns, 0);
  mock.timers.tick(1000);
  assert.equal(turns, 1);
  mock.timers.tick(10 * 60_000);
  assert.equal(turns, 1);
  // Asleep for a day: no timer runs, and the next one is as late.
  mock.timers.setTime(Date.now() + 24 * 3_600_000);
  mock.timers.tick(10 * 60_000);
  assert.equal(turns, 2);
  mock.timers.reset();
  clock.set(Date.now());
});

test("a day ends at midnight where the reader is, also when the clock is set that night", () => {
  for (const at of [new Date(2026, 2, 28, 23, 59, 59, 999), new Date(2026, 9, 24, 12), new Date(2026, 11, 31, 0)]) {
    const next = midnightAfter(at.getTime());
    assert.equal(dayNumber(next), dayNumber(at.getTime()) + 1);
    assert.equal(dayNumber(next - 1), dayNumber(at.getTime()));
  }
});

test("the device's own clock is asked only for the server's time, for a sleep, and for an order among tabs", () => {
  const files = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js"));
  const asking = files.filter((file) => /Date\.now\(|new Date\(\)/.test(readFileSync(path.join(WEB, file), "utf8")));
  assert.deepEqual(asking.sort(), ["platform/wakes.js", "state/clock.js", "state/outbox.js"]);
});
