import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createIdle, IDLE_MS } from "../../web/state/people_idle.js";
import {
  chosenOf,
  endOf,
  endsLater,
  nextEnd,
  SPANS,
  statusOf,
  statusText,
  statusToSend,
} from "../../web/state/people_status.js";
import { Users } from "../../web/state/users.js";
import { createParts, settled } from "./sync_parts.js";

const at = (...parts) => new Date(...parts).getTime();

test("a status is an emoji and words, whatever the emoji is made of", () => {
  for (const emoji of ["🌴", "❤️", "👩‍💻", "👍🏽", "🇪🇸", "1️⃣", "🏳️‍🌈"]) {
    const status = statusOf({ text: statusText(emoji, " On holiday "), until: null });
    assert.deepEqual([status.emoji, status.words], [emoji, "On holiday"], emoji);
  }
  assert.equal(
    statusOf({ text: Array(60).fill("🌴").join("\u200d"), until: null }).emoji,
    Array(5).fill("🌴").join("\u200d"),
    "no row of pictures beside a name",
  );
  assert.deepEqual(statusOf({ text: "3 things to do", until: null }).emoji, "");
  assert.deepEqual(statusOf({ text: "🌴", until: null }), { text: "🌴", emoji: "🌴", words: "", until: null });
  assert.equal(statusText("", "  "), "");
});

test("a status that has ended says nothing", () => {
  const user = { text: "📅 In a meeting", until: 5000 };
  assert.equal(statusOf(user, 4999).words, "In a meeting");
  assert.deepEqual(statusOf(user, 5000), { text: "", emoji: "", words: "", until: null });
});

test("what was chosen until a time is over then", () => {
  const me = { state: "dnd", until: 5000 };
  assert.deepEqual(
    [
      chosenOf(me, 4999),
      chosenOf(me, 5000),
      chosenOf({ state: "away", until: null }, 9e15),
      chosenOf({ state: "offline" }),
    ],
    ["dnd", "online", "away", "online"],
  );
  assert.equal(statusOf({ text: "", until: 5000 }, 4999).until, 5000, "also without words");
});

test("spans end when their names say", () => {
  const now = at(2026, 10, 25, 15, 20); // a Wednesday
  assert.equal(endOf("30m", now) - now, 30 * 60_000);
  assert.equal(endOf("1h", now) - now, 3600_000);
  assert.equal(endOf("4h", now) - now, 4 * 3600_000);
  assert.equal(endOf("today", now), at(2026, 10, 26));
  assert.equal(endOf("week", now), at(2026, 10, 30), "after Sunday");
  assert.equal(endOf("never", now), null);
  for (const span of SPANS) assert.ok((endOf(span, now) ?? Infinity) > now, span);
});

test("a Sunday's week ends that night, and a month's last day ends in the next", () => {
  assert.equal(endOf("week", at(2026, 10, 29, 9)), at(2026, 10, 30));
  assert.equal(endOf("today", at(2026, 11, 31, 23, 59)), at(2027, 0, 1));
});

test("the next end is the nearest that is still to come", () => {
  const users = [
    { text: "a", until: 900 },
    { text: "b", until: 3000 },
    { text: "c", until: null },
    { text: "d", until: 2000 },
  ];
  assert.equal(nextEnd(users, 1000), 2000);
  assert.equal(nextEnd(users, 3000), null);
});

/** A world whose time only moves when it is told to. */
function world() {
  let now = 0;
  const timers = [];
  const told = [];
  /** What the next words are refused with. */
  const refusals = [];
  const idle = createIdle({
    now: () => now,
    later: (act, ms) => timers.push({ at: now + ms, act }),
    send(state) {
      told.push(state);
      return refusals.length ? Promise.reject(refusals.shift()) : Promise.resolve();
    },
  });
  return {
    idle,
    told,
    refusals,
    pass(ms) {
      const end = now + ms;
      for (;;) {
        timers.sort((a, b) => a.at - b.at);
        if (!timers.length || timers[0].at > end) break;
        const { at, act } = timers.shift();
        now = at;
        act();
      }
      now = end;
    },
    timers,
  };
}

test("ten quiet minutes are away, the first touch is back at once", () => {
  const { idle, told, pass } = world();
  pass(IDLE_MS - 1);
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told, ["away"]);
  pass(IDLE_MS * 3);
  assert.deepEqual(told, ["away"], "said once");
  idle.touch();
  assert.deepEqual(told, ["away", "online"]);
  pass(IDLE_MS);
  assert.deepEqual(told, ["away", "online", "away"]);
});

test("whoever keeps touching is never away, and one timer is enough to know it", () => {
  const { idle, told, pass, timers } = world();
  for (let minute = 0; minute < 60; minute += 1) {
    pass(60_000);
    for (let move = 0; move < 100; move += 1) idle.touch();
    assert.ok(timers.length <= 1);
  }
  assert.deepEqual(told, []);
});

test("a new connection is told that nobody is here, and nothing while somebody is", () => {
  const { idle, told, pass } = world();
  idle.connected();
  assert.deepEqual(told, []);
  pass(IDLE_MS);
  idle.connected();
  assert.deepEqual(told, ["away", "away"]);
});

test("what the server refused is said again, and only the last of it", async () => {
  const { idle, told, refusals, pass } = world();
  refusals.push({ code: "rate_limited", retryMs: 2000 }, { code: "rate_limited", retryMs: 3000 }, { code: "internal" });
  pass(IDLE_MS);
  await settled();
  idle.touch();
  await settled();
  assert.deepEqual(told, ["away", "online"]);
  pass(2999);
  assert.deepEqual(told, ["away", "online"], "that nobody was here is not said any more");
  pass(1);
  assert.deepEqual(told, ["away", "online", "online"]);
  await settled();
  pass(5000);
  assert.deepEqual(told, ["away", "online", "online", "online"]);
  await settled();
  pass(60_000);
  assert.equal(told.length, 4, "it was taken");
});

test("what a lost line did not take is left to the next connection", async () => {
  const { idle, told, refusals, pass } = world();
  refusals.push({ code: "offline" }, { code: "unavailable" });
  pass(IDLE_MS);
  await settled();
  pass(60_000);
  assert.deepEqual(told, ["away"]);
  idle.connected();
  await settled();
  idle.connected();
  pass(60_000);
  assert.deepEqual(told, ["away", "away", "away"], "said once on each connection, refused or not before");
});

/** The people of a browser, and the calls that have no answer yet. */
function reading(known = []) {
  const calls = [];
  mock.method(globalThis, "fetch", (url) => new Promise((resolve) => calls.push({ url, resolve })));
  const parts = createParts({ users: new Map(known.map((user) => [user.uid, user])) }, undefined, Users);
  return {
    ...parts,
    of: (uid) => parts.store.state.users.get(uid),
    /** Answers the oldest call. */
    async answer(body) {
      calls.shift().resolve(new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } }));
      await settled();
    },
  };
}

const profile = (name, state) => ({ uid: "2", username: "bob", display_name: name, status: { state, text: "tea" } });

test("of an answer and an event that came while it was waited for the event is newer", async (t) => {
  t.after(() => mock.restoreAll());
  const { users, receive, answer, of } = reading([{ uid: "2", username: "bob", displayName: "Bob", state: "online" }]);
  const reads = users.refetch("2");
  receive({ op: "presence", uid: "2", state: "online", text: "back", until: null });
  await answer(profile("Robert", "away"));
  await reads;
  assert.deepEqual([of("2").state, of("2").text, of("2").displayName], ["online", "back", "Robert"]);

  const again = users.refetch("2");
  receive({ op: "user", user: profile("Bobby", "away") });
  await answer(profile("Robert", "dnd"));
  await again;
  assert.deepEqual([of("2").state, of("2").displayName], ["dnd", "Bobby"]);

  receive({ op: "presence", uid: "2", state: "online" });
  const last = users.refetch("2");
  await answer(profile("Robert", "away"));
  await last;
  assert.deepEqual([of("2").state, of("2").displayName], ["away", "Robert"], "what came before is older");
});

test("somebody who was not known is as the last event says", async (t) => {
  t.after(() => mock.restoreAll());
  const { receive, answer, of } = reading();
  receive({ op: "presence", uid: "2", state: "away" });
  receive({ op: "presence", uid: "2", state: "offline" });
  await answer(profile("Bob", "away"));
  assert.deepEqual([of("2").state, of("2").text], ["offline", "tea"]);
});

test("a status ends later or never; a moment that is over or cannot be read is refused", () => {
  assert.equal(endsLater(null, 5000), true);
  assert.equal(endsLater(5001, 5000), true);
  for (const until of [5000, 4999, NaN]) assert.equal(endsLater(until, 5000), false, String(until));
});

test("only a status that says something has an end", () => {
  assert.deepEqual(statusToSend("online", "", 5000), { state: "online", text: "", until: null });
  assert.deepEqual(statusToSend("online", "Lunch", 5000), { state: "online", text: "Lunch", until: 5000 });
  assert.deepEqual(statusToSend("dnd", "", 5000), { state: "dnd", text: "", until: 5000 });
  assert.deepEqual(statusToSend("away", "", null), { state: "away", text: "", until: null });
});
