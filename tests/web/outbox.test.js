/** What waits to be sent: how much of it is on its way, in which order, and what a refusal means for the rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { keep } from "../../web/platform/storage.js";
import { Outbox } from "../../web/state/outbox.js";

const later = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {() => boolean} holds */
async function until(holds) {
  for (let turn = 0; turn < 10_000 && !holds(); turn += 1) await later(1);
  assert.ok(holds(), "in time");
}

/** @param {number} count */
const numbers = (count) => Array.from({ length: count }, (_, n) => `m${n}`);

/**
 * An outbox whose messages `send` answers, and what became of them.
 *
 * @param {(mid: string) => Promise<any>} send
 */
function outboxOf(send) {
  const sent = /** @type {string[]} */ ([]);
  const done = /** @type {string[]} */ ([]);
  const outbox = new Outbox(`u${Math.random()}`, {
    send: (entry) => {
      sent.push(entry.msg.mid);
      return send(entry.msg.mid);
    },
    done: (entry, _answer, error) => done.push(error ? `${entry.msg.mid} ${error.code}` : entry.msg.mid),
  });
  outbox.flush();
  const add = (/** @type {string} */ mid) => outbox.add("1", { mid, rev: 0, kind: "msg", t: mid });
  return { outbox, sent, done, add };
}

test("few are on their way at once, and each answer lets the next one go", async () => {
  const answers = /** @type {((answer: object) => void)[]} */ ([]);
  const { outbox, sent, add } = outboxOf(() => new Promise((resolve) => answers.push(resolve)));
  numbers(200).forEach(add);
  assert.deepEqual(sent, numbers(50));
  answers.shift()?.({});
  await later();
  assert.deepEqual(sent, numbers(51));
  outbox.flush();
  assert.equal(sent.length, 51, "what is on its way is not sent again");
  outbox.close();
});

test("hundreds that have waited arrive once and in order, however slow the server, and are no flood", async () => {
  // As the server counts: so many at once, then so many a second; a refusal is made up for by one that is taken.
  let online = false;
  let tokens = 30;
  let at = performance.now();
  let refused = 0;
  let worst = 0;
  const taken = /** @type {string[]} */ ([]);
  const { outbox, add } = outboxOf(async (mid) => {
    if (!online) throw { code: "offline" };
    await later(1);
    tokens = Math.min(30, tokens + (performance.now() - at) * 0.4);
    at = performance.now();
    if (tokens < 1) {
      worst = Math.max(worst, (refused += 1));
      throw { code: "rate_limited", retryMs: 3 };
    }
    tokens -= 1;
    refused = Math.max(0, refused - 1);
    taken.push(mid);
    return {};
  });
  numbers(300).forEach(add);
  await later(5);
  online = true;
  outbox.flush();
  for (const since = performance.now(); outbox.entries().length && performance.now() - since < 60_000;) await later(10);
  assert.deepEqual(taken, numbers(300));
  assert.ok(worst <= 10, `${worst} refusals more than were made up for`);
});

test("a long wait is asked about now and then by one message alone, and the order stays", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const settle = async () => {
    for (let n = 0; n < 10; n += 1) await Promise.resolve();
  };
  let full = true;
  const { outbox, sent, done, add } = outboxOf(async () => {
    if (full)
      throw {
        code: "rate_limited",
        message: "You have sent as much as one person may within a day.",
        retryMs: 3_600_000,
      };
    return {};
  });
  add("m0");
  await settle();
  numbers(20).slice(1).forEach(add);
  await settle();
  assert.deepEqual(sent, ["m0"]);
  for (let n = 0; n < 10; n += 1) {
    context.mock.timers.tick(30_000);
    await settle();
  }
  assert.deepEqual(
    sent,
    Array.from({ length: 11 }, () => "m0"),
    "once in half a minute",
  );
  assert.ok(
    outbox.entries().every(({ error }) => !error),
    "they wait, and are not refused",
  );
  full = false;
  context.mock.timers.tick(30_000);
  for (let n = 0; n < 100 && done.length < 20; n += 1) await settle();
  assert.deepEqual(done, numbers(20));
  outbox.close();
});

test("without a line everything stays, and the next connect sends it", async () => {
  let online = false;
  const { outbox, sent, done, add } = outboxOf(async () => {
    if (!online) throw { code: "offline" };
    return {};
  });
  numbers(3).forEach(add);
  await later(5);
  assert.equal(outbox.entries().length, 3);
  online = true;
  sent.length = 0;
  outbox.flush();
  await later(5);
  assert.deepEqual([sent, done, outbox.entries()], [numbers(3), numbers(3), []]);
});

test("what is refused for good stays with its reason and holds up nobody", async () => {
  const { outbox, done, add } = outboxOf(async (mid) => {
    if (mid === "m1") throw { code: "forbidden", message: "No." };
    return {};
  });
  numbers(3).forEach(add);
  await later(5);
  assert.deepEqual([...done].sort(), ["m0", "m1 forbidden", "m2"]);
  assert.deepEqual(
    outbox.entries().map(({ error }) => error),
    [{ code: "forbidden", message: "No." }],
  );
});

test("what cannot be done now is said again later and holds up nobody", async (context) => {
  const retryMs = 100;
  let fails = 2;
  const { outbox, sent, done, add } = outboxOf(async (mid) => {
    if (mid === "m0" && fails-- > 0) throw { code: "unavailable", retryMs };
    return {};
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.enable({ apis: ["setTimeout"] });
  numbers(3).forEach(add);
  await settled();
  add("m3");
  await settled();
  assert.deepEqual([done, sent], [["m1", "m2", "m3"], numbers(4)]);
  for (const wait of [retryMs, 2 * retryMs]) {
    context.mock.timers.tick(wait);
    await settled();
  }
  assert.deepEqual(outbox.entries(), []);
  assert.deepEqual(
    [done, sent],
    [
      ["m1", "m2", "m3", "m0"],
      [...numbers(4), "m0", "m0"],
    ],
  );
});

test("what the server cannot read is found once all others are answered, and holds up nobody", async () => {
  const answers = /** @type {Map<string, (answer: object) => void>} */ (new Map());
  const { outbox, sent, done, add } = outboxOf((mid) => new Promise((resolve) => answers.set(mid, resolve)));
  numbers(3).forEach(add);
  outbox.unrelated();
  add("m3");
  assert.deepEqual(sent, numbers(3), "nothing more is sent until it is known which");
  for (const mid of ["m0", "m2"]) answers.get(mid)?.({});
  await later();
  assert.deepEqual([done, sent], [["m0", "m2", "m1 bad_request"], numbers(4)]);
  answers.get("m3")?.({});
  await later();
  assert.deepEqual(
    outbox.entries().map(({ msg }) => msg.mid),
    ["m1"],
  );
});

test("an entry after which the server closes the socket twice is set aside, and those beside it arrive", async () => {
  const { outbox, sent, done, add } = outboxOf(async (mid) => {
    if (mid !== "m1" && sent.filter((each) => each === "m1").length !== 1) return {};
    throw { code: "offline", closed: 1009 };
  });
  numbers(3).forEach(add);
  await later();
  outbox.lineLost();
  outbox.flush();
  await later();
  outbox.lineLost();
  outbox.flush();
  await later();
  assert.deepEqual([...done].sort(), ["m0", "m1 too_long", "m2"]);
  assert.equal(sent.filter((mid) => mid === "m1").length, 2);
});

test("refusals in a row make the waits longer: no message is sent eighty times a second", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { outbox, sent, add } = outboxOf(async () => {
    throw { code: "unavailable", retryMs: 12 };
  });
  add("m0");
  for (let ms = 0; ms < 60_000; ms += 10) {
    context.mock.timers.tick(10);
    await Promise.resolve();
    await Promise.resolve();
  }
  assert.ok(sent.length < 16, `${sent.length} times in a minute`);
  outbox.close();
});

test("tabs write into one order, whatever their clocks and their names are", () => {
  const uid = `u${Math.random()}`;
  const calls = { send: () => new Promise(() => {}), done: () => {} };
  const [one, two] = [new Outbox(uid, calls), new Outbox(uid, calls)];
  const write = (outbox, mid) => outbox.add("1", { mid, rev: 0, kind: "msg", t: mid });
  ["z", "a", "m"].forEach((mid, n) => write(n % 2 ? two : one, mid));
  // No tab has heard of another here: there are no events.
  assert.deepEqual(
    new Outbox(uid, calls).entries().map(({ msg }) => msg.mid),
    ["z", "a", "m"],
  );
});

test("what is no entry of its key is never sent and breaks nothing", async () => {
  const uid = `u${Math.random()}`;
  const msg = { mid: "m1", rev: 0, kind: "msg", t: "mine" };
  const entry = { room: "1", at: 1, order: 1, msg };
  const odd = [5, "x", [], {}, { ...entry, order: "1" }, { ...entry, msg: null }, { ...entry, msg: { ...msg, t: 5 } }];
  odd.push({ ...entry, room: 1 }, { ...entry, msg: { ...msg, m: [{}] } }, { ...entry, msg: { ...msg, kind: "react" } });
  odd.forEach((each) => {
    keep(`outbox.${uid}.m1.0`, each);
    assert.deepEqual(new Outbox(uid, { send: async () => ({}), done: () => {} }).entries(), [], JSON.stringify(each));
  });
  // Confirmed, it would stay and be sent for ever.
  keep(`outbox.${uid}.another.0`, entry);
  keep(`outbox.${uid}.m1.0`, entry);
  const sent = /** @type {string[]} */ ([]);
  const send = async (/** @type {any} */ { msg: { t } }) => sent.push(t);
  const outbox = new Outbox(uid, { send, done: () => {} });
  outbox.flush();
  await later(20);
  assert.deepEqual(sent, ["mine"]);
  assert.deepEqual(outbox.entries(), []);
  outbox.close();
});

test("what another tab has finished meanwhile is not sent again", async () => {
  const uid = `u${Math.random()}`;
  const sent = /** @type {string[]} */ ([]);
  /** @type {(() => void)[]} */
  const answers = [];
  const send = (/** @type {any} */ { msg }) => {
    sent.push(msg.mid);
    return new Promise((resolve) => answers.push(() => resolve({})));
  };
  const outbox = new Outbox(uid, { send, done: () => {} });
  for (const mid of numbers(60)) outbox.add("1", { mid, rev: 0, kind: "msg", t: mid });
  outbox.flush();
  await later();
  assert.deepEqual(sent, ["m0"], "many that have waited go one by one");
  keep(`outbox.${uid}.m1.0`, null);
  answers.shift()?.();
  await later();
  assert.deepEqual(sent, ["m0", "m2"]);
  outbox.close();
});

test("of thousands that wait each answer costs little", async () => {
  const uid = `u${Math.random()}`;
  for (let n = 0; n < 2000; n += 1) {
    const msg = { mid: `m${n}`, rev: 1, kind: "del" };
    keep(`outbox.${uid}.m${n}.1`, { room: "1", at: n, order: n, msg });
  }
  let read = 0;
  const { parse } = JSON;
  JSON.parse = (/** @type {any} */ text) => {
    read += 1;
    return parse(text);
  };
  let sent = 0;
  const send = async () => void (sent += 1);
  const outbox = new Outbox(uid, { send, done: () => outbox.entries() });
  outbox.flush();
  await later();
  JSON.parse = parse;
  outbox.close();
  assert.ok(sent > 5);
  assert.ok(read <= 6000 + sent, `${read} read for ${sent}`);
});

test("an attempt from before the loss of the line ends late and is not taken for the one of now", async () => {
  // A shelf that gives back the same object, as that of encrypted rooms does.
  const kept = new Map();
  const shelf = {
    keep: (/** @type {string} */ key, /** @type {any} */ value) =>
      void (value === null ? kept.delete(key) : kept.set(key, value)),
    recall: (/** @type {string} */ key) => kept.get(key) ?? null,
    keysOf: () => [...kept.keys()],
    watchKeptUnder: () => () => {},
  };
  /** @type {{ resolve: (answer: object) => void, reject: (error: object) => void }[]} */
  const attempts = [];
  const done = /** @type {string[]} */ ([]);
  const send = () => new Promise((resolve, reject) => attempts.push({ resolve, reject }));
  const outbox = new Outbox("u1", { send, done: ({ msg }) => done.push(msg.mid) }, shelf);
  outbox.flush();
  outbox.add("1", { mid: "m", rev: 0, kind: "msg", t: "m" });
  await until(() => attempts.length === 1);
  outbox.lineLost();
  outbox.flush();
  await until(() => attempts.length === 2);
  attempts[0]?.reject({ code: "offline" });
  await later();
  attempts[1]?.resolve({ seq: 1 });
  await until(() => done.length === 1);
  assert.deepEqual([done, kept.size], [["m"], 0]);
  outbox.close();
});
