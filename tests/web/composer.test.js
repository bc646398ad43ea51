import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Draft } from "../../web/ui/composer/draft.js";
import { meaningOf } from "../../web/ui/composer/keys.js";
import { ComposerTargets } from "../../web/ui/composer/targets.js";
import { lastEditable, marked, splitEntered, unfinishedWord } from "../../web/ui/composer/text.js";
import { TypingNotices } from "../../web/ui/composer/typing.js";

test("a draft is kept once typing stops, at once when asked to, and only when it changed", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const kept = [];
  const draft = new Draft("before", (text) => kept.push(text));
  draft.write("a");
  mock.timers.tick(200);
  draft.write("ab");
  mock.timers.tick(200);
  assert.deepEqual(kept, []);
  mock.timers.tick(50);
  assert.deepEqual(kept, ["ab"]);
  draft.write("abc");
  draft.keep();
  mock.timers.tick(1000);
  assert.deepEqual(kept, ["ab", "abc"]);
  draft.write("abc");
  draft.keep();
  assert.deepEqual(kept, ["ab", "abc"]);
  mock.timers.reset();
});

test("a text that was kept before stands above what is written, however much of that is kept", () => {
  const kept = [];
  const draft = new Draft("", (text) => kept.push(text));
  assert.ok(!draft.join(""));
  draft.write("new");
  assert.ok(draft.join("old"), "nothing of it is kept yet");
  assert.equal(draft.text, "old\nnew");
  draft.keep();
  assert.ok(!draft.join("old\nnew"), "that is this one");
  draft.write("old\nnewer");
  assert.ok(draft.join("older\nold\nnew"));
  draft.close();
  assert.deepEqual(kept, ["old\nnew", "older\nold\nnewer"]);
});

test("what was entered before it could be sent is one message for each time, and what is below stays", () => {
  const split = (text, ...entered) => splitEntered(text, entered);
  assert.deepEqual(split("one\ntwo\nthr", "one\n", "one\ntwo\n"), { messages: ["one\n", "two\n"], rest: "thr" });
  assert.deepEqual(split("one\n", "one\n", "one\n"), { messages: ["one\n"], rest: "" });
  assert.deepEqual(split("other", "one\n"), { messages: ["other"], rest: "" });
});

test("a typing notice is due every three seconds, and after a message, but no more than ten in ten seconds", () => {
  const notices = new TypingNotices();
  assert.ok(notices.isDue(10_000));
  assert.ok(!notices.isDue(12_999));
  assert.ok(notices.isDue(13_000));
  let sent = 0;
  for (let now = 13_100; now < 14_500; now += 100) {
    notices.messageSent();
    if (notices.isDue(now)) sent += 1;
  }
  assert.equal(sent, 8);
});

test("what keys mean depends on what is held with them, on the field, and on touch", () => {
  const key = (name, more = {}) => ({ key: name, code: name, ...more });
  const desk = { touch: false, empty: true };
  assert.equal(meaningOf(key("Enter"), desk), "submit");
  assert.equal(meaningOf(key("Enter", { shiftKey: true }), desk), null);
  assert.equal(meaningOf(key("Enter"), { touch: true, empty: false }), null);
  assert.equal(meaningOf(key("Enter", { metaKey: true }), { touch: true, empty: false }), "submit");
  assert.equal(meaningOf(key("ArrowUp"), desk), "edit_last");
  assert.equal(meaningOf(key("ArrowUp"), { touch: false, empty: false }), null);
  assert.equal(meaningOf(key("и", { code: "KeyB", ctrlKey: true }), desk), "bold", "whatever the letter is called");
  assert.equal(meaningOf(key("i", { code: "KeyI", metaKey: true }), desk), "italic");
  assert.equal(meaningOf(key("i", { code: "KeyI", metaKey: true, shiftKey: true }), desk), null);
  assert.equal(meaningOf(key("b", { code: "KeyB" }), desk), null);
  assert.equal(meaningOf(key("Escape", { shiftKey: true }), desk), "escape");
});

test("a word is unfinished after a sign that begins one, in every script, and in no address, time or code", () => {
  for (const [before, expected] of [
    ["hello @bar", { sign: "@", from: 6, letters: "bar" }],
    ["@", { sign: "@", from: 0, letters: "" }],
    ["(:rock", { sign: ":", from: 1, letters: "rock" }],
    ["交给@李", { sign: "@", from: 2, letters: "李" }],
    ["@हि", { sign: "@", from: 0, letters: "हि" }],
    ["`a` @b", { sign: "@", from: 4, letters: "b" }],
    ["mail@ada", null],
    ["at 12:30", null],
    ["https://a.example/b:c", null],
    ["`docker run :80", null],
    ["```\nfoo :loc", null],
    ["हि@a", null],
  ])
    assert.deepEqual(unfinishedWord(before), expected, before);
});

test("a mark goes around the selection, and off it again", () => {
  const field = { value: "a bold b", selectionStart: 2, selectionEnd: 6 };
  assert.deepEqual(marked(field, "**"), { start: 2, end: 6, text: "**bold**", from: 4, to: 8 });
  const again = { value: "a **bold** b", selectionStart: 4, selectionEnd: 8 };
  assert.deepEqual(marked(again, "**"), { start: 2, end: 10, text: "bold", from: 2, to: 6 });
});

test("the arrow up edits my last message that is sent, readable and not being deleted", () => {
  const message = (mid, more = {}) => ({ mid, by: "1", kind: "msg", status: "sent", ...more });
  const all = [
    message("a"),
    message("b"),
    message("c", { by: "2" }),
    message("d", { kind: "del" }),
    message("e", { status: "pending" }),
    message("f", { unreadable: true }),
  ];
  assert.equal(lastEditable(all, "1", () => false)?.mid, "b");
  assert.equal(lastEditable(all, "1", (mid) => mid === "b")?.mid, "a");
  assert.equal(
    lastEditable(all, "9", () => false),
    undefined,
  );
});

test("each room keeps what it answers, and what it edits with the text so far", () => {
  const targets = new ComposerTargets();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((mid) => /** @type {any} */ ({ mid, t: `text of ${mid}` }));
  targets.answer("1", a);
  targets.answer("2", b);
  targets.edit("1", c);
  assert.deepEqual([targets.answeredIn("1"), targets.answeredIn("2"), targets.answeredIn("3")], [a, b, null]);
  assert.deepEqual([targets.editedIn("1"), targets.editedIn("2")], [c, null]);
  assert.equal(targets.takeAnswered("1"), a);
  assert.equal(targets.takeAnswered("1"), null);
  targets.keepText("1", "half of it");
  targets.edit("2", d, "mine");
  assert.deepEqual([targets.editedIn("1"), targets.editedIn("2")], [c, d]);
  assert.deepEqual([targets.takeText("2"), targets.takeText("1"), targets.takeText("1")], ["mine", "half of it", null]);
  targets.stopEditing("1");
  assert.deepEqual([targets.editedIn("1"), targets.editedIn("2")], [null, d]);
});
