/** Files on their way: pieces, cuts, reloads, tabs, refusals, and messages that wait for their files. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Files } from "../../web/state/files.js";
import { KeptFiles } from "../../web/state/kept_files.js";
import { MessageActions } from "../../web/state/message_actions.js";
import { Uploads } from "../../web/state/uploads.js";
import { keysOf } from "../../web/platform/storage.js";
import { createFileServer, settled, until, useBrowser } from "./files_browser.js";
import { createParts, timelineOf } from "./sync_parts.js";

const PIECE = 4 * 1024 * 1024;
let browser;
let server;

beforeEach(() => {
  browser = useBrowser();
  server = createFileServer();
});

/** @param {string} name @param {string} [text] */
const file = (name, text = name) => new File([text], name, { type: "text/plain" });

/** The files of one tab. */
async function tab() {
  const kept = new KeptFiles("1");
  const seen = /** @type {Set<string>} */ (new Set());
  const uploads = new Uploads("1", {
    kept,
    calls: server.calls,
    changed: () => uploads?.shown().forEach(({ phase }, key) => seen.add(`${key} ${phase}`)),
  });
  await kept.load(() => true);
  await uploads.loaded();
  const add = async (key, of = file(key)) => {
    await kept.add(key, of);
    uploads.add(key, of);
  };
  return { kept, uploads, seen, add };
}

const phases = (uploads) => [...uploads.shown()].map(([key, { phase, error }]) => `${key} ${error?.code ?? phase}`);

test("files go one after the other, in pieces, in the order in which they were added", async () => {
  const { uploads, add, seen } = await tab();
  await add("a", file("a", "x".repeat(PIECE + 5)));
  await add("b");
  await add("empty", file("empty", ""));
  assert.deepEqual(server.asked, [], "nothing without a line");
  uploads.flush();
  await until(() => uploads.stateOf("empty") === "done");
  assert.deepEqual(server.asked, [
    "create a",
    "append a 0",
    `append a ${PIECE}`,
    "create b",
    "append b 0",
    "create empty",
  ]);
  assert.equal(server.files.get("id1").bytes.length, PIECE + 5);
  assert.ok(["a waiting", "a sending", "a done"].every((each) => seen.has(each)));
  uploads.close();
});

test("after a cut line it goes on where the server has stopped, and nothing is there twice", async () => {
  const { uploads, add } = await tab();
  server.faults.append = [{ after: 4, error: { code: "network" } }];
  await add("a", file("a", "0123456789"));
  uploads.flush();
  await until(() => server.asked.includes("append a 0"));
  uploads.lineLost();
  await settled();
  assert.deepEqual(phases(uploads), ["a waiting"]);
  uploads.flush();
  await until(() => uploads.stateOf("a") === "done");
  assert.deepEqual(server.asked, ["create a", "append a 0", "read a", "append a 4"]);
  assert.equal(server.textOf("id1"), "0123456789");
  uploads.close();
});

test("a reload goes on with what was sent, and a file that is done is not sent again", async () => {
  const first = await tab();
  server.faults.append = [undefined, { after: 3, hang: true }];
  await first.add("done");
  await first.add("half", file("half", "0123456789"));
  first.uploads.flush();
  await until(() => server.files.get("id2")?.bytes.length === 3);
  first.uploads.close();
  first.kept.close();
  server.asked.length = 0;
  const second = await tab();
  assert.deepEqual(phases(second.uploads), ["done done", "half waiting"]);
  second.uploads.flush();
  await until(() => second.uploads.stateOf("half") === "done");
  assert.deepEqual(server.asked, ["read half", "append half 3"]);
  assert.equal(server.textOf("id2"), "0123456789");
  second.uploads.close();
});

test("a server at another offset says where it is; one without the file gets it anew, not for ever", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { uploads, add } = await tab();
  server.faults.append = [
    { after: 2, error: { code: "network" } },
    { error: { code: "wrong_offset", detail: { offset: 2 } } },
  ];
  const pass = async () => {
    await settled();
    t.mock.timers.tick(30_000);
    await settled();
  };
  await add("a", file("a", "01234"));
  uploads.flush();
  await pass();
  await pass();
  assert.equal(server.textOf("id1"), "01234");
  assert.equal(uploads.stateOf("a"), "done");
  await add("b");
  const gone = { error: { code: "not_found" } };
  server.faults.append = Array.from({ length: 9 }, () => gone);
  for (let n = 0; n < 9; n += 1) await pass();
  assert.deepEqual(uploads.stateOf("b"), { code: "not_found", message: "" });
  assert.equal(server.asked.filter((each) => each === "create b").length, 4, "three times anew");
  uploads.close();
});

test("what is refused for good holds up no other, and is tried again by hand", async () => {
  const { uploads, add } = await tab();
  server.faults.create = [{ error: { code: "quota_full", message: "No room." } }];
  await add("a");
  await add("b");
  uploads.flush();
  await until(() => uploads.stateOf("b") === "done");
  assert.deepEqual(uploads.stateOf("a"), { code: "quota_full", message: "No room." });
  uploads.again("a");
  await until(() => uploads.stateOf("a") === "done");
  uploads.close();
});

test("what is removed on its way stops, and is given up here and at the server", async () => {
  const { uploads, kept, add } = await tab();
  server.faults.append = [{ after: 1, hang: true }];
  await add("a");
  await add("b");
  uploads.flush();
  await until(() => server.asked.includes("append a 0"));
  uploads.remove("a");
  await until(() => uploads.stateOf("b") === "done");
  assert.deepEqual([server.asked.includes("remove a"), kept.get("a"), keysOf("upload.1.a")], [true, undefined, []]);
  assert.deepEqual([...server.files.keys()], ["id2"]);
  uploads.close();
});

test("a picture that is to keep its place and camera is sent anew, and given up as it was", async () => {
  const { uploads, add } = await tab();
  await add("a");
  uploads.flush();
  await until(() => uploads.stateOf("a") === "done");
  uploads.wishMetadata("a", true);
  await until(() => uploads.stateOf("a") === "done" && server.files.size === 1);
  assert.deepEqual(
    [...server.files.values()].map(({ keepMetadata }) => keepMetadata),
    [true],
  );
  assert.ok(uploads.keepsMetadata("a"));
  uploads.close();
});

test("one tab sends what all have added, and another goes on when it closes", async () => {
  const [one, two] = [await tab(), await tab()];
  server.faults.append = [{ after: 1, hang: true }];
  await one.add("a");
  await two.add("b");
  one.uploads.flush();
  two.uploads.flush();
  await until(() => server.asked.includes("append a 0"));
  await settled();
  assert.deepEqual(server.asked, ["create a", "append a 0"]);
  one.uploads.close();
  await until(() => two.uploads.stateOf("a") === "done" && two.uploads.stateOf("b") === "done");
  assert.equal(server.asked.filter((each) => each.startsWith("create")).length, 2);
  assert.deepEqual([...server.files.keys()].map(server.textOf), ["a", "b"]);
  two.uploads.close();
});

test("what the disk cannot take is sent all the same, and is said to be lost after a reload", async () => {
  browser.disk.isFull = true;
  const first = await tab();
  await first.add("a");
  await first.add("b");
  server.faults.append = [undefined, { after: 0, hang: true }];
  first.uploads.flush();
  await until(() => first.uploads.stateOf("a") === "done" && server.asked.includes("append b 0"));
  first.uploads.close();
  first.kept.close();
  const second = await tab();
  assert.deepEqual(phases(second.uploads), ["a done", "b file_lost"], "what the server has needs no bytes");
  second.uploads.close();
});

test("a file that the browser cannot read any more is no fault of the line", async () => {
  const { uploads, kept, add } = await tab();
  await add("a");
  kept.get("a").slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException("gone", "NotReadableError")) });
  uploads.flush();
  await until(() => uploads.stateOf("a").code === "file_lost");
  uploads.close();
});

/** A client that writes in rooms 4 and 5; `sent` are its messages as the server gets them. */
async function client(answer = async () => ({ seq: 9 }), mine = ["4", "5"]) {
  const rooms = new Map(mine.map((id) => [id, { id }]));
  const timelines = new Map(["4", "5"].map((id) => [id, timelineOf([])]));
  const parts = createParts({ timelines, rooms, info: { limits: { files: 3, fileSize: 1000 } } });
  const files = new Files({ store: parts.store, isEncrypted: (room) => room === "9", calls: server.calls });
  const sent = /** @type {any[]} */ ([]);
  const socket = {
    ...parts.socket,
    command: (_op, { room, msg }) => {
      sent.push({ room, t: msg.t, f: msg.f, mid: msg.mid });
      return answer(msg);
    },
  };
  const messages = new MessageActions({ store: parts.store, socket, ingest: parts.ingest, files });
  files.start("1");
  messages.start("1");
  await settled();
  const connect = () => {
    files.flush();
    messages.flush();
  };
  const close = () => {
    messages.stop();
    files.stop();
  };
  const attached = (room = "4") => (parts.state.attached.get(room) ?? []).map(({ name }) => name);
  const shown = (room = "4") => parts.state.timelines.get(room).messages;
  return { ...parts, files, messages, sent, connect, close, attached, shown };
}

test("a message waits for its files, and nothing of its room overtakes it; other rooms do not wait", async () => {
  const one = await client();
  server.faults.append = [{ after: 0, hang: true }];
  one.files.add("4", [file("a"), file("b")]);
  one.files.describe("4", one.state.attached.get("4")[0].key, " a cat ");
  await one.messages.send("4", { text: "look", mentions: [], files: one.files.take("4") });
  await one.messages.send("4", { text: "after", mentions: [] });
  await one.messages.send("5", { text: "elsewhere", mentions: [] });
  assert.deepEqual(
    one.shown().map(({ t, status, files }) => [t, status, files?.length]),
    [
      ["look", "pending", 2],
      ["after", "pending", undefined],
    ],
  );
  one.connect();
  await until(() => server.asked.includes("append a 0"));
  await settled();
  assert.deepEqual(
    one.sent.map(({ t }) => t),
    ["elsewhere"],
  );
  assert.equal(one.state.uploads.size, 2);
  one.close();
  const two = await client();
  two.connect();
  await until(() => two.sent.length === 2);
  assert.deepEqual(
    two.sent.map(({ t, f }) => [t, f]),
    [
      ["look", [{ id: "id1", alt: "a cat" }, { id: "id2" }]],
      ["after", undefined],
    ],
  );
  await settled();
  assert.deepEqual([keysOf("upload."), keysOf("outbox."), two.state.uploads.size], [[], [], 0]);
  assert.deepEqual([...browser.databases.get("impulse-files-1").get("files")], []);
  two.close();
});

test("the next message of a room waits until one with files is there, also where that is refused", async () => {
  const answers = /** @type {{ resolve: (answer: any) => void, reject: (error: any) => void }[]} */ ([]);
  const { files, messages, sent, connect, close } = await client(
    () => new Promise((resolve, reject) => void answers.push({ resolve, reject })),
  );
  connect();
  files.add("4", [file("a")]);
  await messages.send("4", { text: "with a file", mentions: [], files: files.take("4") });
  for (const text of ["after", "and after"]) await messages.send("4", { text, mentions: [] });
  await until(() => sent.length === 1);
  await settled();
  answers[0].reject({ code: "unavailable", retryMs: 1 });
  await until(() => sent.length === 2);
  assert.deepEqual(
    sent.map(({ t }) => t),
    ["with a file", "with a file"],
  );
  answers[1].resolve({ seq: 9 });
  await until(() => sent.length === 4);
  assert.deepEqual(
    sent.slice(2).map(({ t }) => t),
    ["after", "and after"],
  );
  close();
});

test("a message whose file is refused fails with the reason, and is sent or discarded by hand", async () => {
  const { files, messages, sent, shown, connect, close } = await client();
  server.faults.create = [
    { error: { code: "disk_full", message: "Full." } },
    { error: { code: "quota_full", message: "" } },
  ];
  for (const name of ["a", "b"]) {
    files.add("4", [file(name)]);
    await messages.send("4", { text: name, mentions: [], files: files.take("4") });
  }
  await messages.send("4", { text: "after", mentions: [] });
  connect();
  await until(() => sent.length === 1);
  assert.deepEqual(
    shown().map(({ t, status, error }) => [t, error?.code ?? status]),
    [
      ["a", "disk_full"],
      ["b", "quota_full"],
      ["after", "sent"],
    ],
  );
  await messages.retry("4", shown()[0].mid);
  await until(() => sent.length === 2);
  assert.deepEqual(sent[1].f, [{ id: "id1" }]);
  await messages.discard("4", shown().find(({ t }) => t === "b").mid);
  await settled();
  assert.deepEqual([keysOf("upload."), keysOf("outbox.")], [[], []]);
  close();
});

test("files that the server has no more are sent again, and the message arrives once", async () => {
  let isGone = true;
  const { files, messages, sent, connect, close } = await client(async () => {
    if (!isGone) return { seq: 9 };
    isGone = false;
    server.files.clear();
    throw { code: "file_gone", message: "" };
  });
  files.add("4", [file("a")]);
  await messages.send("4", { text: "", mentions: [], files: files.take("4") });
  connect();
  await until(() => sent.length === 2 && !keysOf("outbox.").length);
  assert.deepEqual(
    sent.map(({ f }) => f),
    [[{ id: "id1" }], [{ id: "id2" }]],
  );
  assert.equal(sent[0].mid, sent[1].mid);
  close();
});

test("what is attached survives a reload and is the same in all tabs; what nobody needs is let go", async () => {
  const one = await client();
  const two = await client();
  const refused = one.files.add("4", [file("a"), file("big", "x".repeat(1001)), file("b"), file("c"), file("d")]);
  assert.deepEqual(
    refused.map(({ name, error }) => [name, error.code]),
    [
      ["big", "too_large"],
      ["d", "files_many"],
    ],
  );
  assert.deepEqual(
    one.files.add("9", [file("secret")]).map(({ error }) => error.code),
    ["files_encrypted_room"],
  );
  await settled();
  assert.deepEqual(
    [one.attached(), two.attached()],
    [
      ["a", "b", "c"],
      ["a", "b", "c"],
    ],
  );
  two.files.remove("4", two.state.attached.get("4")[1].key);
  await settled();
  assert.deepEqual(
    [one.attached(), two.attached()],
    [
      ["a", "c"],
      ["a", "c"],
    ],
  );
  one.close();
  two.close();
  const stored = browser.databases.get("impulse-files-1").get("files");
  stored.push({ key: "zz", value: file("old") });
  const three = await client();
  assert.deepEqual(three.attached(), ["a", "c"]);
  assert.equal(browser.databases.get("impulse-files-1").get("files").length, 2);
  three.close();
});

test("what is attached in a room that I am not in any more waits until I am back, or goes with a reload", async () => {
  const one = await client();
  server.faults.append = [{ after: 0, hang: true }];
  one.files.add("4", [file("a")]);
  one.connect();
  const { rooms } = one.state;
  const without = new Map([...rooms].filter(([id]) => id !== "4"));
  const phase = (name, { state, attached } = one, room = "4") =>
    attached(room).includes(name) && state.uploads.get(state.attached.get(room).find((each) => each.name === name).key);
  await until(() => server.asked.includes("append a 0"));
  one.store.update({ rooms: without });
  one.files.add("5", [file("b")]);
  await until(() => phase("b", one, "5").phase === "done");
  await settled();
  assert.deepEqual([one.attached(), phase("a").phase], [["a"], "waiting"]);
  one.store.update({ rooms });
  await until(() => phase("a").phase === "done");
  one.close();
  const two = await client(undefined, ["5"]);
  two.store.notifyLater();
  await until(() => !two.attached().length);
  assert.deepEqual([two.attached("5"), keysOf("upload.").length, keysOf("attached.").length], [["b"], 1, 1]);
  two.close();
});

test("an edit without files keeps them, and one of their words sends them all in their order", async () => {
  const { files: _, messages, sent, shown, store, state, connect, close } = await client();
  const [a, b] = ["a", "b"].map((id) => ({ id, name: id, type: "image/png", size: 1, width: 2, height: 3 }));
  const mine = { mid: "m1", rev: 0, kind: "msg", by: "1", t: "", at: 1, createdSeq: 1, seq: 1, status: "sent" };
  store.update({
    timelines: new Map(state.timelines).set("4", { ...timelineOf([]), messages: [{ ...mine, files: [a, b] }] }),
  });
  connect();
  await messages.edit("4", shown()[0], "words", []);
  assert.deepEqual([shown()[0].t, shown()[0].files], ["words", [a, b]]);
  await messages.edit("4", shown()[0], "words", [], [a, { ...b, alt: "a dog" }]);
  assert.equal(shown()[0].files[1].alt, "a dog");
  await until(() => sent.length === 2);
  assert.deepEqual(
    sent.map(({ f }) => f),
    [undefined, [{ id: "a" }, { id: "b", alt: "a dog" }]],
  );
  close();
});
