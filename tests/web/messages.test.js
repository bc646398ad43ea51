import assert from "node:assert/strict";
import { test } from "node:test";
import { excerpt } from "../../web/ui/base/excerpt.js";
import { messageFromWire } from "../../web/net/wire.js";
import { merge, unreadAfter } from "../../web/state/messages.js";

const wire = (mid, seq, createdSeq, text, more = {}) => ({
  seq,
  at: seq * 1000,
  msg: { mid, rev: 0, kind: "msg", by: "2", created: createdSeq * 1000, created_seq: createdSeq, t: text, ...more },
});
const read = (entry) => messageFromWire(entry, "1");
const ME = { me: { uid: "1" }, blocked: new Set() };
const texts = (messages) => messages.map((message) => message.t);

test("events converge whatever their order", () => {
  const events = [
    wire("a", 1, 1, "one"),
    wire("b", 2, 2, "two"),
    wire("a", 3, 1, "one, better"),
    wire("c", 4, 4, "three"),
  ].map(read);
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [2, 0, 3, 1],
    [2, 2, 0, 1, 3, 1],
  ]) {
    const list = order.reduce((known, at) => merge(known, [events[at]]), []);
    assert.deepEqual(texts(list), ["one, better", "two", "three"], String(order));
  }
});

test("an older state never replaces a newer one", () => {
  const list = merge([read(wire("a", 5, 1, "new"))], [read(wire("a", 3, 1, "old"))]);
  assert.deepEqual(texts(list), ["new"]);
});

test("what was not sent yet stays last and gives way to the confirmed message", () => {
  const pending = { ...read(wire("p", 0, 0, "mine")), status: "pending", createdSeq: 0, seq: 0 };
  const list = merge([pending], [read(wire("a", 1, 1, "theirs"))]);
  assert.deepEqual(texts(list), ["theirs", "mine"]);
  const confirmed = merge(list, [read(wire("p", 2, 2, "mine"))]);
  assert.deepEqual(
    confirmed.map((message) => message.status),
    ["sent", "sent"],
  );
});

test("a person who has reacted twice with one emoji counts once", () => {
  const message = read(wire("a", 2, 1, "hi", { reactions: [{ e: "❤️", by: ["1", "1", "2"], mids: ["x", "y", "z"] }] }));
  assert.deepEqual(message.reactions, { "❤️": ["1", "2"] });
  assert.deepEqual(message.mine, { "❤️": "x" });
});

test("my own reactions are known by their ids", () => {
  const message = read(wire("a", 2, 1, "hi", { reactions: [{ e: "👍", by: ["2", "1"], mids: ["x", "y"] }] }));
  assert.deepEqual(message.reactions, { "👍": ["2", "1"] });
  assert.deepEqual(message.mine, { "👍": "y" });
});

test("unread counts others' messages only, and not deleted ones", () => {
  const list = [
    wire("a", 1, 1, "x"),
    wire("b", 2, 2, "y", { m: ["1"] }),
    wire("c", 3, 3, "z", { by: "1" }),
    wire("d", 5, 4, "", { kind: "del" }),
  ].map(read);
  assert.deepEqual(unreadAfter(list, { read: 1, seq: 5 }, ME), { unread: 1, mentions: 1 });
  assert.deepEqual(unreadAfter(list, { read: 1, seq: 1 }, ME), { unread: 0, mentions: 0 }, "what is not counted yet");
});

test("a message that cannot be read says so wherever it is mentioned, and counts as unread", () => {
  const message = read(
    wire("a", 2, 2, undefined, { unreadable: true, reactions: [{ e: "👍", by: ["2"], mids: ["x"] }] }),
  );
  assert.deepEqual([message.kind, message.unreadable, message.t], ["msg", true, ""]);
  assert.equal(excerpt(message, 9), "This message cannot be read");
  assert.deepEqual(unreadAfter([message], { read: 1, seq: 2 }, ME), { unread: 1, mentions: 0 });
  const deleted = merge([message], [read(wire("a", 3, 2, undefined, { kind: "del" }))]);
  assert.deepEqual([deleted[0].kind, excerpt(deleted[0], 9)], ["del", "Message deleted"]);
  assert.equal(excerpt(read(wire("b", 4, 4, "a long text")), 6), "a long");
});

test("a message that a backup had lost and that comes again replaces its lost copy", () => {
  const lost = { mid: "a", seq: 0, createdSeq: 0.5, lost: true };
  const other = { mid: "b", seq: 2, createdSeq: 2 };
  const again = { mid: "a", seq: 3, createdSeq: 3 };
  assert.deepEqual(merge(/** @type {any} */ ([lost, other]), /** @type {any} */ ([again])), [other, again]);
});
