/** What is worth a notification, and which message it shows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { callsOf, levelOf, newestCall } from "../../web/ui/notify/news.js";

const room = (more = {}) => ({
  id: "4",
  kind: "open",
  notify: "usual",
  others: [],
  read: 1,
  seq: 9,
  unread: 3,
  mentions: 1,
  ...more,
});
const message = (seq, more = {}) => ({ mid: `m${seq}`, kind: "msg", by: "2", seq, createdSeq: seq, t: "", ...more });
const state = (messages, more = {}) => ({
  me: { uid: "1" },
  blocked: new Set(),
  attended: null,
  timelines: new Map([["4", { messages, loaded: true, moreAfter: false, stale: false, seq: 9 }]]),
  ...more,
});

test("a room is announced for mentions, a direct one for everything, until somebody chooses", () => {
  assert.equal(levelOf(room()), "mentions");
  assert.equal(levelOf(room({ kind: "dm" })), "all");
  assert.equal(callsOf(state([]), room()), 1);
  assert.equal(callsOf(state([]), room({ notify: "all" })), 3);
  assert.equal(callsOf(state([]), room({ notify: "none" })), 0);
  assert.equal(callsOf(state([], { attended: "4" }), room()), 0);
});

test("the message that is shown is the newest of others that calls and is not read, also behind one of mine", () => {
  const calls = { m: ["1"] };
  const messages = [
    message(1, calls),
    message(2, calls),
    message(3, { m: ["all"] }),
    message(4),
    message(5, { by: "1" }),
  ];
  assert.equal(newestCall(state(messages), room(), 0)?.mid, "m3");
  assert.equal(newestCall(state(messages), room({ notify: "all" }), 0)?.mid, "m4");
  assert.equal(newestCall(state(messages), room({ read: 3 }), 0), null, "read already");
  assert.equal(newestCall(state(messages), room(), 3), null, "known before");
  assert.equal(newestCall(state([message(2, { ...calls, seq: 9 })]), room(), 8)?.mid, "m2", "an edit that calls me");
  assert.equal(newestCall(state([message(2, { ...calls, kind: "del" })]), room(), 0), null);
});

test("what somebody I have blocked says is not announced", () => {
  const messages = [message(2, { m: ["1"] }), message(3, { by: "7", m: ["1"] })];
  const mine = state(messages, { blocked: new Set(["7"]) });
  assert.equal(newestCall(mine, room(), 0)?.mid, "m2");
  assert.equal(newestCall(mine, room({ notify: "all" }), 0)?.mid, "m2");
  assert.equal(newestCall(mine, room({ notify: "all" }), 2), null);
});

test("where not everything has come yet the numbers are announced", () => {
  assert.equal(newestCall(state([message(2)]), room({ notify: "all", seq: 10 }), 0), undefined);
  assert.equal(newestCall(state([], { timelines: new Map() }), room(), 0), undefined);
});
