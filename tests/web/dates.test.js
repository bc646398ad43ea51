import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { distanceOf } from "../../web/ui/base/dates.js";
import { calendarDay, clock, date, exactMoment, moment } from "../../web/ui/admin/numbers.js";
import { detailWords } from "../../web/ui/admin/audit_words.js";
import { messages as en } from "../../web/locales/admin.en.js";
import { agoOf, dayNumber, dayOf, fullTimeOf, isoOf, NO_MOMENT, timeOf, whenOf } from "../../web/ui/base/dates.js";
import { addWords } from "../../web/ui/base/words.js";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));
const NONE = [
  8_640_000_000_000_001,
  -8_640_000_000_000_001,
  9_223_372_036_854_775_807,
  Infinity,
  NaN,
  undefined,
  null,
  "soon",
  "",
  {},
];
addWords({ en });

const LATEST = 253_402_300_799_999;

test("what is no moment reads as a dash, whoever asks, and nothing throws", () => {
  for (const at of NONE) {
    for (const words of [timeOf, fullTimeOf, dayOf, whenOf, agoOf, moment, exactMoment, date, clock, distanceOf])
      assert.equal(words(at), NO_MOMENT, `${words.name} ${String(at)}`);
    assert.equal(isoOf(at), "");
    assert.ok(Number.isFinite(dayNumber(at)), String(at));
  }
  assert.equal(calendarDay("no day"), NO_MOMENT);
});

test("the latest moment the server takes is shown everywhere", () => {
  for (const words of [timeOf, fullTimeOf, dayOf, whenOf, moment, exactMoment, date, clock, distanceOf])
    assert.notEqual(words(LATEST), NO_MOMENT, words.name);
  assert.equal(isoOf(LATEST), "9999-12-31T23:59:59.999Z");
});

test("a day of another year is never taken for one of this year", () => {
  const now = new Date();
  const in12Months = new Date(now.getFullYear() + 1, now.getMonth(), now.getDate()).getTime();
  assert.match(whenOf(in12Months), new RegExp(String(now.getFullYear() + 1)));
  assert.match(whenOf(LATEST), /9999|10000/);
  const later = new Date(now.getFullYear(), now.getMonth() > 5 ? 1 : 10, 2).getTime();
  assert.ok(!whenOf(later).includes(String(now.getFullYear())), "the year is said only where it is needed");
});

test("an entry of the log with such a moment in it has words", () => {
  const entry = { n: 1, at: 0, actor: { uid: "1", name: "a" }, action: "member.silence", target: null, hash: "" };
  for (const until of NONE.slice(0, 4))
    assert.deepEqual(detailWords({ ...entry, detail: { until } }), [`Until: ${NO_MOMENT}`]);
});

test("dates are formatted in one place only", () => {
  const wrong = /toISOString|DateTimeFormat|toLocaleDateString|toLocaleTimeString|RelativeTimeFormat/;
  const files = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js"));
  const found = files.filter((file) => wrong.test(readFileSync(path.join(WEB, file), "utf8")));
  assert.deepEqual(found.sort(), ["ui/admin/numbers.js", "ui/base/dates.js"]);
});
