import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { clock } from "../../web/state/clock.js";
import { watchMidnight } from "../../web/state/midnight.js";

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
