/** What is shown before the server has answered, and what becomes of it when the server refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageActions } from "../../web/state/message_actions.js";
import { keep, keysOf } from "../../web/platform/storage.js";
import { createParts, said, settled, timelineOf } from "./sync_parts.js";

const later = () => new Promise((resolve) => setTimeout(resolve));

/**
 * Actions in room 4, which knows these messages of the wire; `send` answers what is sent.
 *
 * @param {any[]} entries
 * @param {(sent: { room: string, msg: any }) => Promise<any>} send
 */
function actions(entries, send) {
  const parts = createParts({ timelines: new Map([["4", timelineOf(entries)]]) });
  const socket = { ...parts.socket, command: (/** @type {string} */ _op, /** @type {any} */ fields) => send(fields) };
  const messages = new MessageActions({ store: parts.store, socket, ingest: parts.ingest });
  messages.start("1");
  messages.flush();
  return { ...parts, messages, shown: () => parts.state.timelines.get("4").messages };
}

/** A promise that is answered or refused later, by hand. */
function answerLater() {
  const answers = /** @type {{ resolve: (answer: any) => void, reject: (error: any) => void }[]} */ ([]);
  const send = () => new Promise((resolve, reject) => void answers.push({ resolve, reject }));
  return { answers, send };
}

test("a reaction that is refused is not shown any more, and those of others are", async () => {
  const wire = {
    seq: 2,
    at: 2,
    msg: {
      mid: "a",
      rev: 0,
      kind: "msg",
      by: "2",
      created: 1,
      created_seq: 1,
      t: "hi",
      reactions: [{ e: "👍", by: ["2"], mids: ["x"] }],
    },
  };
  const sent = /** @type {any[]} */ ([]);
  const { messages, state } = actions([wire], async ({ msg }) => {
    sent.push(msg);
    await later();
    throw { code: "bad_request", message: "This message has as many reactions as a message may have." };
  });
  const shown = () => state.timelines.get("4").messages[0];
  for (const emoji of ["👍", "🎉"]) {
    await messages.react("4", shown(), emoji, true);
    assert.ok(shown().reactions[emoji].includes("1"), "shown at once");
    await later();
    await later();
    assert.deepEqual(shown().reactions["👍"], ["2"]);
    assert.ok(!shown().reactions["🎉"]?.length);
    assert.deepEqual(shown().mine, {});
  }
  assert.deepEqual(
    sent.map((msg) => [msg.kind, msg.ref]),
    [
      ["react", "a"],
      ["react", "a"],
    ],
  );
  assert.deepEqual(keysOf("outbox."), []);
  messages.stop();
});

test("a reaction that cannot be taken back is shown again", async () => {
  const wire = said("4", 1, { reactions: [{ e: "👍", by: ["2", "1"], mids: ["x", "mine"] }] });
  const { messages, shown } = actions([wire], () => Promise.reject({ code: "forbidden" }));
  await messages.react("4", shown()[0], "👍", false);
  assert.deepEqual([shown()[0].reactions["👍"], shown()[0].mine], [["2"], {}]);
  await settled();
  assert.deepEqual([shown()[0].reactions["👍"], shown()[0].mine], [["2", "1"], { "👍": "mine" }]);
  messages.stop();
});

test("a refused edit is undone, to the text before the first of several; the newest is set aside", async () => {
  const { answers, send } = answerLater();
  const { messages, shown, state } = actions([said("4", 1, { by: "1", t: "first" })], send);
  await messages.edit("4", shown()[0], "second", []);
  await messages.edit("4", shown()[0], "third", []);
  assert.deepEqual([shown()[0].t, shown()[0].waits], ["third", true]);
  for (const { reject } of answers) reject({ code: "forbidden" });
  await settled();
  assert.deepEqual([shown()[0].t, shown()[0].rev, shown()[0].waits], ["first", 0, undefined]);
  const aside = () => state.setAside.map(({ msg, error }) => [msg.mid, msg.t, error.code]);
  assert.deepEqual(aside(), [["m1", "third", "forbidden"]]);
  messages.forgetSetAside("m1");
  assert.deepEqual([aside(), keysOf("outbox."), shown()[0].t], [[], [], "first"]);
  messages.stop();
});

test("an edit that waits since before the page was loaded is shown, and taken back if it is refused", async () => {
  const kept = { room: "4", at: 5, order: 1, msg: { mid: "m1", rev: 1, kind: "msg", t: "better" } };
  keep("outbox.1.m1.1", kept);
  const { answers, send } = answerLater();
  const { messages, shown } = actions([said("4", 1, { by: "1", t: "mine" })], send);
  messages.showWaiting("4");
  assert.deepEqual([shown()[0].t, shown()[0].rev], ["better", 1]);
  answers[0].reject({ code: "forbidden" });
  await settled();
  assert.equal(shown()[0].t, "mine");
  messages.forgetSetAside("m1");
  messages.stop();
});

test("what is done to a message that left the list meanwhile is done all the same", async () => {
  const { answers, send } = answerLater();
  const sent = /** @type {any[]} */ ([]);
  const { messages, shown, state } = actions([said("4", 1, { by: "1", t: "mine" })], (entry) => {
    sent.push(entry.msg);
    return send();
  });
  const known = shown()[0];
  const timeline = state.timelines.get("4");
  state.timelines.set("4", { ...timeline, messages: [], moreBefore: true });
  await messages.edit("4", known, "better", []);
  await messages.react("4", known, "👍", true);
  await messages.remove("4", known);
  const about = sent.map(({ kind, mid, rev, ref }) => [kind, ref ?? mid, rev]);
  assert.deepEqual(about, [
    ["msg", "m1", 1],
    ["react", "m1", 0],
    ["del", "m1", 2],
  ]);
  assert.deepEqual(shown(), []);
  for (const { resolve } of answers) resolve({ seq: 3 });
  await settled();
  messages.stop();
});

test("a deletion that an edit overtook is taken back with a word, one that overtook mine is not", async () => {
  for (const [kind, told] of [
    ["msg", ["deletion"]],
    ["del", []],
  ]) {
    const { answers, send } = answerLater();
    const { messages, shown, receive } = actions([said("4", 1, { by: "1", t: "mine" })], send);
    const heard = /** @type {string[]} */ ([]);
    messages.watchRefusals((refusal) => heard.push(refusal.kind));
    await messages.remove("4", shown()[0]);
    receive({ ...said("4", 2, { mid: "m1", by: "1", rev: 1, kind, created_seq: 1 }) });
    await settled();
    answers[0].reject({ code: "rev_conflict" });
    await settled();
    assert.deepEqual([shown()[0].kind, heard], [kind, told]);
    messages.stop();
  }
});

test("an undo does not take back what the server has sent meanwhile", async () => {
  const { answers, send } = answerLater();
  const { messages, shown, receive, ...parts } = actions([said("4", 1, { by: "1", t: "mine" })], send);
  await messages.edit("4", shown()[0], "better", []);
  receive({ ...said("4", 2, { mid: "m1", by: "1", rev: 1, kind: "del", created_seq: 1 }) });
  await settled();
  answers[0].reject({ code: "rev_conflict" });
  await settled();
  assert.deepEqual([shown()[0].kind, shown()[0].seq, shown()[0].waits], ["del", 2, undefined]);
  assert.deepEqual(
    parts.state.setAside.map(({ msg }) => msg.t),
    ["better"],
  );
  messages.forgetSetAside("m1");
  messages.stop();
});

test("a reaction is not shown again on a message deleted meanwhile, or in a history that may not have it", async () => {
  const { answers, send } = answerLater();
  const wire = (seq) => said("4", seq, { reactions: [{ e: "👍", by: ["1"], mids: ["mine"] }] });
  const { messages, shown, receive } = actions([wire(1), wire(2)], send);
  for (const message of shown()) await messages.react("4", message, "👍", false);
  receive({ ...said("4", 3, { mid: "m1", rev: 1, kind: "del", created_seq: 1 }) });
  await settled();
  messages.restart();
  for (const { reject } of answers) reject({ code: "not_found" });
  await settled();
  assert.deepEqual(
    shown().map(({ kind, mine = {} }) => [kind, Object.keys(mine)]),
    [
      ["del", []],
      ["msg", []],
    ],
  );
  messages.stop();
});

test("a message is pending, then sent; one that is refused stays until it is sent again or discarded", async () => {
  const { answers, send } = answerLater();
  const { messages, shown, state } = actions([], send);
  await messages.send("4", { text: "one", mentions: [] });
  await messages.send("4", { text: "two", mentions: [] });
  assert.deepEqual(
    shown().map(({ status }) => status),
    ["pending", "pending"],
  );
  answers[0].resolve({ op: "ok", seq: 7, at: 9 });
  answers[1].reject({ code: "forbidden", message: "No." });
  await settled();
  assert.deepEqual(
    shown().map(({ t, status, createdSeq }) => [t, status, createdSeq]),
    [
      ["one", "sent", 0],
      ["two", "failed", 0],
    ],
  );
  await messages.discard("4", shown()[1].mid);
  assert.deepEqual([shown().length, keysOf("outbox.")], [1, []]);
  assert.equal(state.timelines.get("4").messages.length, 1);
  messages.stop();
});

test("what is written in an encrypted chat before my keys are open waits for them, and is sent then", async () => {
  const parts = createParts({ timelines: new Map() });
  const isEncrypted = (/** @type {string} */ room) => room === "5";
  const messages = new MessageActions({ store: parts.store, socket: parts.socket, ingest: parts.ingest, isEncrypted });
  messages.start("1");
  assert.equal(messages.opening("4"), null, "a plain room waits for nothing");
  let isOpen = false;
  const opened = messages.opening("5")?.then(() => (isOpen = true));
  await later();
  assert.ok(opened && !isOpen);
  const shelf = { keep() {}, recall: () => null, keysOf: () => [], watchKeptUnder: () => () => {} };
  messages.startSealed({ shelf, send: () => new Promise(() => {}) });
  await opened;
  assert.equal(messages.opening("5"), null);
  messages.stopSealed();
  assert.ok(messages.opening("5"), "and again without them");
});
