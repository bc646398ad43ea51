/** The directory: every published example, and what a client refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as directory from "../../../web/crypto/directory.js";
import { concat, equal, u64 } from "../../../web/crypto/encoding.js";
import { edPublicOf, sign, signingKey } from "../../../web/crypto/signatures.js";
import { hex, given, INSTANCE, keysOf, rep, T, unhex } from "./vectors.js";

const published = given("directory").positions;
const travelling = (uid) =>
  published
    .filter((each) => each.uid === uid)
    .map(({ n, name, entry, sig_new, sig_old }) => ({
      n,
      uid,
      name,
      e: unhex(entry),
      sn: unhex(sig_new),
      so: unhex(sig_old),
    }));
const rows = (upTo = published.length, from = 1) =>
  concat(...published.slice(from - 1, upTo).map(({ row }) => unhex(row)));
const instanceKey = signingKey(rep("59", 32));
const dirKey = await edPublicOf(rep("59", 32));
const headAt = async (n, h = unhex(n === 0 ? given("directory").H0 : published[n - 1].H)) => {
  const head = { n, h, t: T + 2000 };
  return { ...head, sig: await sign(await instanceKey, directory.headMessage(INSTANCE, head)) };
};

/** The published directory up to a position, with everybody's entries. */
async function filled(upTo = published.length) {
  const whole = await directory.Directory.create(INSTANCE);
  await whole.follow({ from: 1, head: await headAt(upTo), rows: rows(upTo) }, dirKey);
  for (const uid of ["42", "43", "44", "45"]) await whole.addEntries(uid, travelling(uid));
  return whole;
}

test("names become the published keys and tags", async () => {
  for (const { name, key, tag } of given("name_key")) {
    assert.equal(directory.nameKey(name), key);
    assert.equal(hex(await directory.tagOf(INSTANCE, name)), tag);
  }
});

test("entries, leaves, rows and the chain are the published ones", async () => {
  const seeds = {
    42: [null, ["51", "52"], ["53", "54"]],
    43: [null, ["a1", "a2"]],
    44: [null, ["a3", "a4"], ["a5", "a6"]],
    45: [null, ["a7", "a8"]],
  };
  const times = [T, T + 1, T + 2, T + 3, T + 1000, T + 1001, T + 1002];
  let h = await directory.rootHash(INSTANCE);
  assert.equal(hex(h), given("directory").H0);
  const leaves = {};
  for (const { n, uid, name, type, gen, tag, entry, sig_new, sig_old, leaf, row, H } of published) {
    const keys = await keysOf(...seeds[uid][gen]);
    const fields = {
      uid,
      tag: unhex(tag),
      type,
      gen,
      ed: keys.ed,
      x: keys.pair.publicKey,
      prevLeaf: leaves[uid] ?? new Uint8Array(),
      time: times[n - 1],
    };
    assert.equal(hex(await directory.tagOf(INSTANCE, name)), tag);
    const before = type === "rotate" ? (await keysOf(...seeds[uid][gen - 1])).sign : undefined;
    const signed = await directory.signDirEntry(INSTANCE, fields, keys.sign, before);
    assert.deepEqual([hex(signed.e), hex(signed.sn), hex(signed.so)], [entry, sig_new, sig_old]);
    assert.deepEqual(directory.parseDirEntry(INSTANCE, signed.e), fields);
    leaves[uid] = await directory.leafOf(signed);
    assert.equal(hex(leaves[uid]), leaf);
    const parsed = { uid, tag: unhex(tag), leaf: leaves[uid] };
    assert.equal(hex(directory.rowOf(parsed)), row);
    assert.deepEqual(directory.parseRows(unhex(row)), [parsed]);
    h = await directory.nodeHash(h, n, parsed);
    assert.equal(hex(h), H);
  }
});

test("signed heads are the published ones", async () => {
  const { public: key, message, sig } = given("dir_head");
  assert.equal(hex(dirKey), key);
  const head = { n: 1, h: unhex(given("given").H1), t: T };
  assert.equal(hex(directory.headMessage(INSTANCE, head)), message);
  assert.ok(await directory.checkHead(INSTANCE, dirKey, { ...head, sig: unhex(sig) }));
  assert.ok(!(await directory.checkHead(INSTANCE, dirKey, { ...head, n: 2, sig: unhex(sig) })));
  const { wire, sig: newest } = given("directory_head");
  const { head: parsed, rows: none } = directory.parseDirAnswer(unhex(wire));
  assert.deepEqual([parsed.n, hex(parsed.h), parsed.t, hex(parsed.sig)], [7, published[6].H, T + 2000, newest]);
  assert.equal(none.length, 0);
  assert.ok(await directory.checkHead(INSTANCE, dirKey, parsed));
});

test("a client that follows the chain knows roots, generations and keys at each position", async () => {
  const whole = await filled();
  const leaf = (n) => unhex(published[n - 1].leaf);
  assert.equal(whole.n, 7);
  assert.deepEqual(
    [1, 4, 5, 7].map((n) => whole.genAt("42", n)),
    [1, 1, 2, 2],
  );
  assert.deepEqual(whole.rootAt("42", 7), leaf(1));
  assert.deepEqual([whole.rootAt("44", 6), whole.rootAt("44", 7)], [leaf(3), leaf(7)]);
  assert.equal(whole.rootAt("44", 2), null);
  assert.equal(whole.genAt("99", 7), 0);
  assert.equal(whole.rootAt("99", 7), null);
  assert.deepEqual(whole.changes("44"), [{ n: 7, type: "reset" }]);
  assert.deepEqual(whole.changes("43"), []);
  assert.deepEqual(whole.keysOf("42", 2).ed, (await keysOf("53", "54")).ed);
  assert.equal(whole.keysOf("42", 3), null);
  assert.equal(whole.nameOf("43"), "robert");
  assert.deepEqual(whole.positionsOf("42"), [1, 5]);
  assert.deepEqual(whole.shared(), []);
  assert.equal(whole.check(7, unhex(published[6].H)), "same");
  assert.equal(whole.check(7, leaf(1)), "fork");
  assert.equal(whole.check(8, leaf(1)), "unknown");
  assert.deepEqual(whole.rowsFrom(3), rows(7, 3));
});

test("what was kept is the same directory again", async () => {
  const whole = await filled(5);
  const again = await directory.Directory.create(INSTANCE, whole.buffer());
  assert.deepEqual([again.n, again.hashAt(5), again.positionsOf("42")], [5, whole.hashAt(5), [1, 5]]);
  assert.ok(!again.has("42"));
  assert.throws(() => again.rootAt("42", 5), { uids: ["42"] });
  const more = await again.follow({ from: 6, head: await headAt(7), rows: rows(7, 6) }, dirKey);
  assert.deepEqual(more, { outcome: "extended", n: 7 });
  await again.addEntries("42", travelling("42"));
  assert.equal(again.genAt("42", 7), 2);
});

test("entries that are loaded answer for their own time while newer ones are missing", async () => {
  const whole = await filled(4);
  await whole.follow({ from: 5, head: await headAt(7), rows: rows(7, 5) }, dirKey);
  assert.deepEqual(whole.lacking(["42", "43", "44", "45", "45"]), ["42", "43", "44"]);
  assert.equal(whole.genAt("42", 4), 1);
  assert.throws(() => whole.genAt("42", 5), { name: "Unknown", uids: ["42"] });
  assert.throws(() => whole.keysOf("42", 2), { name: "Unknown" });
});

test("another hash at a known position is a fork, a shorter chain is behind", async () => {
  const whole = await filled();
  const follow = async (from, upTo, bytes, head) =>
    (await whole.follow({ from, head: head ?? (await headAt(upTo)), rows: bytes }, dirKey)).outcome;
  assert.equal(await follow(8, 7, rows(7, 8)), "same");
  assert.equal(await follow(1, 7, rows()), "same");
  assert.equal(await follow(8, 4, rows(0)), "behind");
  assert.equal(await follow(1, 4, rows(4)), "behind");
  assert.equal(await follow(8, 0, rows(0)), "behind");
  const other = rows().with(20, 1);
  assert.equal(await follow(1, 7, other), "fork");
  assert.equal(await follow(8, 7, rows(0), await headAt(7, rep("01", 32))), "fork");
  assert.equal(await follow(8, 4, rows(0), await headAt(4, rep("01", 32))), "fork");
  assert.equal(whole.n, 7);
});

test("a head that is not signed, or not the one its rows lead to, changes nothing", async () => {
  const whole = await filled(4);
  const refused = (answer, rule) => assert.rejects(whole.follow(answer, dirKey), { rule });
  const head = await headAt(7);
  await refused(
    { from: 5, head: { ...head, sig: head.sig.with(5, head.sig[5] ^ 1) }, rows: rows(7, 5) },
    "bad_signature",
  );
  await refused({ from: 5, head: { ...head, t: head.t + 1 }, rows: rows(7, 5) }, "bad_signature");
  await refused({ from: 5, head, rows: rows(7, 5).with(20, 1) }, "head");
  await refused({ from: 5, head, rows: rows(6, 5) }, "form");
  await refused({ from: 6, head, rows: rows(7, 6) }, "form");
  await refused({ from: 5, head, rows: rows(7, 5).slice(1) }, "form");
  await refused({ from: 0, head, rows: rows(7, 5) }, "form");
  assert.equal(whole.n, 4);
});

test("two answers that come at once are one step", async () => {
  const whole = await filled(4);
  const answer = { from: 5, head: await headAt(7), rows: rows(7, 5) };
  await Promise.all([whole.follow(answer, dirKey), whole.follow(answer, dirKey)]);
  assert.equal(whole.n, 7);
  assert.deepEqual(whole.positionsOf("44"), [3, 7]);
});

test("a server that keeps somebody's newest entry back is found out", async () => {
  const whole = await directory.Directory.create(INSTANCE);
  await whole.follow({ from: 1, head: await headAt(7), rows: rows() }, dirKey);
  const [first, second] = travelling("42");
  const refused = (entries, rule) => assert.rejects(whole.addEntries("42", entries), { rule });
  await refused([first], "missing");
  await refused([second], "missing");
  await refused([], "missing");
  await refused(
    [
      { ...second, n: 1 },
      { ...first, n: 5 },
    ],
    "leaf",
  );
  await refused([first, { ...second, so: new Uint8Array() }], "leaf");
  await refused([first, { ...second, e: second.e.with(40, 1) }], "leaf");
  assert.ok(!whole.has("42"));
  await whole.addEntries("42", [second, first]);
  assert.ok(whole.has("42"));
});

test("a name that was told wrongly is no name", async () => {
  const whole = await filled();
  await whole.addEntries("45", [{ ...travelling("45")[0], name: "admin" }]);
  assert.equal(whole.nameOf("45"), null);
  await whole.addEntries("45", [{ ...travelling("45")[0], name: "dORA" }]);
  assert.equal(whole.nameOf("45"), "dORA");
});

test("before a first pin the directory has to give the chosen name to that account", async () => {
  const whole = await filled();
  assert.ok(await directory.nameFits(whole, "45", "dora"));
  assert.ok(await directory.nameFits(whole, "43", "Robert"));
  assert.ok(!(await directory.nameFits(whole, "43", "bob")));
  assert.ok(!(await directory.nameFits(whole, "45", "alice")));
  assert.ok(!(await directory.nameFits(whole, "99", "nobody")));
});

/** An entry after the published ones, with one field another way. */
async function next(uid, change, { key = ["b1", "b2"], old } = {}) {
  const whole = await filled();
  const latest = whole.latest(uid);
  const keys = await keysOf(...key);
  const fields = {
    uid,
    tag: latest?.entry.tag ?? (await directory.tagOf(INSTANCE, "new")),
    type: "rotate",
    gen: (latest?.entry.gen ?? 0) + 1,
    ed: keys.ed,
    x: keys.pair.publicKey,
    prevLeaf: latest?.leaf ?? new Uint8Array(),
    time: T + 5000,
    ...change,
  };
  const oldKey = old === null ? undefined : (await keysOf(...(old ?? ["53", "54"]))).sign;
  return whole.checkNext(uid, await directory.signDirEntry(INSTANCE, fields, keys.sign, oldKey));
}

test("the next entry of somebody has to keep the rules", async () => {
  const tag = (name) => directory.tagOf(INSTANCE, name);
  const { ed, pair } = await keysOf("51", "52");
  const newest = await keysOf("53", "54");
  const own = { key: ["53", "54"], old: null };
  assert.equal((await next("42", {})).gen, 3);
  assert.equal((await next("42", { type: "reset" }, { old: null })).type, "reset");
  const renamed = { type: "rename", gen: 2, ed: newest.ed, x: newest.pair.publicKey };
  assert.equal((await next("42", { ...renamed, tag: await tag("alicia") }, own)).type, "rename");
  assert.equal((await next("46", { type: "create" }, { old: null })).gen, 1);

  const refusals = [
    ["form", ["42", { uid: "43" }]],
    ["type", ["42", { type: "create", gen: 1, prevLeaf: new Uint8Array() }, { old: null }]],
    ["type", ["46", { type: "rotate" }]],
    ["prev", ["42", { prevLeaf: unhex(published[0].leaf) }]],
    ["prev", ["42", { prevLeaf: new Uint8Array() }]],
    ["generation", ["42", { gen: 2 }]],
    ["generation", ["42", { gen: 4 }]],
    ["generation", ["46", { type: "create", gen: 2 }, { old: null }]],
    ["generation", ["42", { ...renamed, gen: 3, tag: await tag("alicia") }, own]],
    ["key", ["42", { ed }]],
    ["key", ["42", { x: pair.publicKey }]],
    ["key", ["42", { ed: unhex(given("small_order").ed25519[3]) }]],
    ["key", ["42", { x: unhex(given("small_order").x25519[2]) }]],
    ["key", ["42", { type: "rename", gen: 2, tag: await tag("alicia") }, { old: null }]],
    ["tag", ["42", { tag: await tag("alicia") }]],
    ["tag", ["42", renamed, own]],
    ["taken", ["42", { ...renamed, tag: await tag("bob") }, own]],
    ["taken", ["46", { type: "create", tag: await tag("alice") }, { old: null }]],
    ["bad_signature", ["42", {}, { old: ["51", "52"] }]],
    ["bad_signature", ["42", {}, { old: null }]],
    ["bad_signature", ["42", { type: "reset" }]],
  ];
  for (const [rule, args] of refusals) await assert.rejects(next(...args), { rule }, JSON.stringify(args));
});

test("a name that a second account bears is found", async () => {
  const whole = await filled();
  const keys = await keysOf("b1", "b2");
  const entry = {
    uid: "46",
    tag: await directory.tagOf(INSTANCE, "BOB"),
    type: "create",
    gen: 1,
    ed: keys.ed,
    x: keys.pair.publicKey,
    prevLeaf: new Uint8Array(),
    time: T,
  };
  const signed = await directory.signDirEntry(INSTANCE, entry, keys.sign);
  const row = { uid: "46", tag: entry.tag, leaf: await directory.leafOf(signed) };
  const h = await directory.nodeHash(whole.hashAt(7), 8, row);
  await whole.follow({ from: 8, head: await headAt(8, h), rows: directory.rowOf(row) }, dirKey);
  assert.deepEqual(whole.shared(), [{ tag: hex(entry.tag), uids: ["43", "46"] }]);
  await whole.addEntries("46", [{ n: 8, ...signed, name: "bob" }]);
  assert.ok(!(await directory.nameFits(whole, "46", "bob")));
  const bob = await keysOf("a1", "a2");
  const exchange = new Map([[1, bob.pair]]);
  assert.equal(directory.judgeOwn(whole, { uid: "43", gen: 1, ed: bob.ed, exchange }), "foreign_name");
});

test("my own entries are judged by my own keys", async () => {
  const whole = await filled();
  const judge = async (uid, ...generations) => {
    const keys = await Promise.all(generations.map((seeds) => keysOf(...seeds)));
    const exchange = new Map(keys.map(({ pair }, at) => [at + 1, pair]));
    return directory.judgeOwn(whole, { uid, gen: keys.length, ed: keys.at(-1).ed, exchange });
  };
  assert.equal(await judge("42", ["51", "52"], ["53", "54"]), "same");
  assert.equal(await judge("42", ["51", "52"]), "newer");
  assert.equal(await judge("42", ["51", "52"], ["b1", "54"]), "other_keys");
  assert.equal(await judge("42", ["51", "52"], ["53", "b2"]), "other_keys");
  assert.equal(await judge("42", ["51", "b2"], ["53", "54"]), "other_keys");
  assert.equal(await judge("42", ["51", "52"], ["53", "54"], ["b1", "b2"]), "older");
  assert.equal(await judge("43", ["a1", "a2"]), "same");
  assert.equal(await judge("46", ["b1", "b2"]), "none");
});

test("an entry of another instance is of no form", () => {
  const [{ e }] = travelling("42");
  assert.equal(directory.parseDirEntry(INSTANCE, e).uid, "42");
  for (const other of [rep("a1", 16), rep("a0", 15), new Uint8Array()])
    assert.throws(() => directory.parseDirEntry(other, e), { rule: "form" });
});

test("rows and answers of other lengths or numbers are refused", () => {
  assert.throws(() => directory.parseRows(new Uint8Array(55)), { rule: "form" });
  assert.throws(() => directory.parseRows(new Uint8Array(56)), { rule: "form" });
  const large = concat(unhex("0020000000000000"), new Uint8Array(48));
  assert.throws(() => directory.parseRows(large), { rule: "form" });
  for (const length of [0, 111, 113, 167]) {
    const bytes = concat(u64(1), new Uint8Array(length)).slice(0, length);
    assert.throws(() => directory.parseDirAnswer(bytes), { rule: "form" });
  }
  assert.ok(equal(directory.parseDirAnswer(new Uint8Array(168)).rows, new Uint8Array(56)));
});
