/** Keys of a room: every published value, and the walk over rooms with good and bad links and wraps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as batches from "../../../web/crypto/batches.js";
import { importSecret, kdf, u64 } from "../../../web/crypto/encoding.js";
import * as epochs from "../../../web/crypto/epochs.js";
import { parseEntry } from "../../../web/crypto/room_log.js";
import { publishedDirectory, publishedRoom } from "./published_rooms.js";
import { given, hex, keysOf, pairOf, rep, T, unhex } from "./vectors.js";

const view = await publishedDirectory();
const EK = (n) => rep(String(70 + n), 32);
const entries = given("room_log").entries.map(({ entry }) => parseEntry(unhex(entry)));
const alice = { 1: ["51", "52"], 2: ["53", "54"] };

test("commitments and keys of messages are the published ones", async () => {
  for (let n = 1; n <= 6; n += 1) assert.equal(hex(await epochs.commitment(EK(n), n)), given("commitments")[n]);
  const rid = unhex(given("given").rid);
  assert.equal(hex(await kdf(EK(2), "msg", [rid, u64(2)])), given("message_key"));
});

test("wraps are the published ones, and open for their member, generation and epoch only", async () => {
  const rid = unhex(given("given").rid);
  const epoch = { rid, n: 1, kc: await epochs.commitment(EK(1), 1) };
  const own = await keysOf(...alice[1]);
  const recipient = { uid: "42", gen: 1, x: own.pair.publicKey };
  const w = await epochs.wrapFor(epoch, recipient, EK(1), await pairOf(rep("45", 32)));
  assert.equal(hex(w), given("wrap"));
  const opener = { uid: "42", gen: 1, pair: own.pair };
  assert.deepEqual(await epochs.openWrap(epoch, opener, w), EK(1));
  for (const [of, by] of [
    [{ ...epoch, n: 2 }, opener],
    [{ ...epoch, rid: rep("01", 32) }, opener],
    [{ ...epoch, kc: rep("01", 32) }, opener],
    [epoch, { ...opener, uid: "43" }],
    [epoch, { ...opener, gen: 2 }],
    [epoch, { ...opener, pair: (await keysOf(...alice[2])).pair }],
  ])
    await assert.rejects(epochs.openWrap(of, by, w), { rule: "sealed" });
  const other = await epochs.wrapFor(epoch, recipient, EK(2));
  await assert.rejects(epochs.openWrap(epoch, opener, other), { rule: "commit" });
});

test("the wraps of the published room are made and open", async () => {
  const state = await publishedRoom(17, view);
  const people = {
    "42 2": ["53", "54", "46"],
    "43 1": ["a1", "a2", "47"],
    "44 2": ["a5", "a6", "48"],
  };
  for (const { epoch: n, uid, gen, w } of given("room_wraps")) {
    const [seed, x, ephemeral] = people[`${uid} ${gen}`];
    const { pair } = await keysOf(seed, x);
    const epoch = { rid: state.rid, n, kc: state.kc[n] };
    const recipient = { uid, gen, x: pair.publicKey };
    const made = await epochs.wrapFor(epoch, recipient, EK(n), await pairOf(rep(ephemeral, 32)));
    assert.equal(hex(made), w);
    assert.deepEqual(await epochs.openWrap(epoch, { uid, gen, pair }, unhex(w)), EK(n));
  }
});

test("the links of the published room are made and open", async () => {
  const state = await publishedRoom(17, view);
  const nonces = { "2>1": "03", "3>2": "07", "4>2": "08", "5>4": "09", "5>3": "0a", "6>5": "0d" };
  const seen = [];
  for (const n of [2, 3, 4, 5, 6]) {
    for (const link of state.edges[n]) {
      const name = epochs.brokenName(n, link.m);
      seen.push(name);
      const to = { m: link.m, kc: state.kc[link.m], ek: EK(link.m) };
      const made = await epochs.makeLink({ rid: state.rid, n, ek: EK(n) }, to, rep(nonces[name], 12));
      assert.deepEqual(made, link);
      const key = await epochs.historyKey(EK(n), state.rid, n);
      assert.deepEqual(await epochs.openLink({ rid: state.rid, n, key }, to.kc, link), EK(link.m));
      await assert.rejects(epochs.openLink({ rid: state.rid, n: n + 1, key }, to.kc, link), { rule: "sealed" });
    }
  }
  assert.deepEqual(seen.sort(), Object.keys(nonces).sort());
});

test("the profile of the published room opens and is made again", async () => {
  const { body } = entries.find((entry) => entry.body.type === "profile");
  const state = await publishedRoom(0, view);
  const profile = await epochs.openProfile(EK(1), state.rid, 1, body.box);
  const made = await epochs.sealProfile(await importSecret(EK(1)), state.rid, 1, profile, rep("06", 12));
  assert.deepEqual(made, body.box);
  await assert.rejects(epochs.openProfile(EK(2), state.rid, 1, body.box), { rule: "sealed" });
  await assert.rejects(epochs.openProfile(EK(1), state.rid, 2, body.box), { rule: "sealed" });
  for (const wrong of [
    { name: "", topic: "" },
    { name: "a\nb", topic: "" },
    { name: "x".repeat(81), topic: "" },
    { name: "a", topic: "x".repeat(501) },
    { name: "e\u0301", topic: "" },
  ])
    await assert.rejects(epochs.sealProfile(EK(1), state.rid, 1, wrong), { rule: "form" });
});

/** What a member of the published room has. */
async function ring(uid, wraps, generations, seq = 17) {
  const exchange = new Map();
  for (const [gen, seeds] of Object.entries(generations)) exchange.set(Number(gen), (await keysOf(...seeds)).pair);
  return { uid, state: await publishedRoom(seq, view), wraps, exchange, keys: new Map(), broken: new Set() };
}
const publishedWraps = (uid) =>
  given("room_wraps")
    .filter((each) => each.uid === uid)
    .map(({ epoch, gen, w }) => ({ epoch, gen, w: unhex(w) }));
const holds = async (key, n) => hex(await epochs.commitment(key, n)) === given("commitments")[n];

test("one wrap opens the whole history, also past an epoch that links around another", async () => {
  const own = await ring("42", publishedWraps("42"), alice);
  for (let n = 1; n <= 6; n += 1) {
    const { key, bad } = await epochs.findKey(n, own);
    assert.ok(await holds(key, n), `${n}`);
    assert.deepEqual(bad, []);
    assert.equal(key.extractable, false);
    assert.deepEqual(await epochs.findRawKey(n, own), EK(n));
  }
  assert.deepEqual([...own.keys.keys()].sort(), [1, 2, 3, 4, 5, 6]);
  assert.equal((await epochs.findKey(7, own)).key, null);
  assert.equal((await epochs.findKey(0, own)).key, null);
});

test("who has a wrap of an older epoch opens that and what is below it, no more", async () => {
  const bob = await ring("43", publishedWraps("43"), { 1: ["a1", "a2"] });
  assert.equal((await epochs.findKey(6, bob)).key, null);
  assert.ok(await holds((await epochs.findKey(3, bob)).key, 3));
  assert.ok(await holds((await epochs.findKey(5, bob)).key, 5));
});

test("a wrap that gives no key is told once for each walk, one of a generation that is not here is not", async () => {
  const good = publishedWraps("42")[0];
  const own = await ring(
    "42",
    [
      { ...good, w: good.w.with(40, good.w[40] ^ 1) },
      { epoch: 5, gen: 9, w: good.w },
    ],
    alice,
  );
  assert.deepEqual(await epochs.findKey(6, own), { key: null, bad: [{ epoch: 6, gen: 2 }] });
  own.wraps.push(good);
  assert.ok(await holds((await epochs.findKey(1, own)).key, 1));
});

test("a broken link is noted, and the others are walked", async () => {
  const own = await ring("42", publishedWraps("42"), alice);
  const [four, three] = own.state.edges[5];
  assert.deepEqual([four.m, three.m], [4, 3]);
  own.state.edges[5] = [{ ...four, box: four.box.with(3, four.box[3] ^ 1) }, three];
  assert.equal((await epochs.findKey(4, own)).key, null);
  assert.ok(await holds((await epochs.findKey(2, own)).key, 2));
  assert.deepEqual([...own.broken], ["5>4"]);
  own.broken.clear();
  assert.deepEqual(await epochs.checkLinks(5, own), [4]);
  assert.deepEqual(await epochs.checkLinks(6, own), []);
  assert.deepEqual([...own.broken], ["5>4"]);
  assert.deepEqual([...epochs.reachedFrom(6, own.state, own.broken)].sort(), [1, 2, 3, 5, 6]);
  assert.deepEqual(epochs.leftOut(own.state, own.broken), [4]);
  assert.ok(epochs.holdsLeftOut([4], own.state, own.broken));
  assert.ok(!epochs.holdsLeftOut([1, 2, 3, 5, 6], own.state, own.broken));
});

test("a link that opens to another key than the log's is broken", async () => {
  const own = await ring("42", publishedWraps("42"), alice);
  const { rid, kc } = own.state;
  own.state.edges[6] = [await epochs.makeLink({ rid, n: 6, ek: EK(6) }, { m: 5, kc: kc[5], ek: EK(4) })];
  assert.equal((await epochs.findKey(5, own)).key, null);
  assert.deepEqual([...own.broken], ["6>5"]);
});

test("the next epoch links to the newest one held, then to what is not reached", async () => {
  const own = await ring("42", publishedWraps("42"), alice);
  const chosen = async () => (await epochs.chooseLinks(own)).map(({ m }) => m);
  assert.deepEqual(await chosen(), [6]);
  own.broken.add("6>5");
  assert.deepEqual(await chosen(), [6]);
  own.wraps.push(...(await epochs.wrapAll({ rid: own.state.rid, n: 4, kc: own.state.kc[4] }, [self()], EK(4))));
  assert.deepEqual(await chosen(), [6, 4]);
  own.wraps = own.wraps.filter(({ epoch }) => epoch !== 6);
  assert.deepEqual(await chosen(), [4]);
  own.wraps = [];
  assert.deepEqual(await chosen(), []);
});
const self = () => ({ uid: "42", gen: 2, x: view.keysOf("42", 2).x });

test("more than eight links are never made", async () => {
  const own = await ring("42", [], alice);
  const { rid } = own.state;
  own.state.epoch = 12;
  own.state.edges = [];
  for (let n = 1; n <= 12; n += 1) {
    own.state.kc[n] = await epochs.commitment(rep("31", 32), n);
    own.wraps.push(...(await epochs.wrapAll({ rid, n, kc: own.state.kc[n] }, [self()], rep("31", 32))));
  }
  assert.deepEqual(
    (await epochs.chooseLinks(own)).map(({ m }) => m),
    [12, 11, 10, 9, 8, 7, 6, 5],
  );
});

/** Alice as she may act in the published room. */
async function actor() {
  return { uid: "42", gen: 2, sign: (await keysOf("53", "54")).sign };
}

test("a rotation removes first, skips shut accounts, and wraps for whoever is entitled", async () => {
  const own = await ring("42", publishedWraps("42"), alice);
  const wanted = { ring: own, actor: await actor(), view, clock: T + 9000 };
  const bodies = [{ type: "add", uid: "45", root: view.rootAt("45", 7), role: "member" }];
  const added = await batches.makeEntries({ ...wanted, bodies });
  assert.deepEqual(
    added.wraps.map(({ uid, epoch }) => [uid, epoch]),
    [["45", 6]],
  );
  own.state = added.state;
  const made = await batches.rotate({ ...wanted, skip: ["45", "42", "99"], reason: "shut" });
  assert.deepEqual([...made.state.skipped], ["45"]);
  assert.deepEqual(
    made.wraps.map(({ uid, epoch, gen }) => [uid, epoch, gen]),
    [
      ["42", 7, 2],
      ["44", 7, 2],
    ],
  );
  assert.deepEqual(
    made.state.edges[7].map(({ m }) => m),
    [6],
  );
  const remove = [{ type: "remove", uid: "44", reason: "removed" }];
  const removed = await batches.rotate({ ...wanted, prefix: remove, reason: "member" });
  assert.deepEqual(
    removed.wraps.map(({ uid }) => uid),
    ["42", "45"],
  );
  assert.equal(removed.entries.length, 2);
  await assert.rejects(batches.rotate({ ...wanted, prefix: [...remove, ...remove], reason: "member" }), {
    rule: "member",
  });
});

test("who lacks the current key does not rotate, except to repair; who holds none never does", async () => {
  const old = { rid: (await publishedRoom(17, view)).rid, n: 5, kc: await epochs.commitment(EK(5), 5) };
  const own = await ring("42", await epochs.wrapAll(old, [self()], EK(5)), alice);
  const wanted = { ring: own, actor: await actor(), view, clock: T + 9000 };
  await assert.rejects(batches.rotate({ ...wanted, reason: "member" }), { rule: "key_missing" });
  const repaired = await batches.rotate({ ...wanted, reason: "repair" });
  assert.deepEqual(
    repaired.state.edges[7].map(({ m }) => m),
    [5],
  );
  own.wraps = [];
  await assert.rejects(batches.rotate({ ...wanted, reason: "repair" }), { rule: "key_missing" });
  const bodies = [{ type: "add", uid: "45", root: view.rootAt("45", 7), role: "member" }];
  await assert.rejects(batches.makeEntries({ ...wanted, bodies }), { rule: "key_missing" });
});

test("healing serves members of the verified log only, with their newest keys", async () => {
  const state = await publishedRoom(14, view);
  const needed = [
    { uid: "43", epoch: 5, gen: 1 },
    { uid: "43", epoch: 4, gen: 1 },
    { uid: "42", epoch: 5, gen: 1 },
    { uid: "44", epoch: 5, gen: 2 },
    { uid: "45", epoch: 5, gen: 1 },
    { uid: "99", epoch: 5, gen: 1 },
  ];
  assert.deepEqual(
    batches.servable(needed, state, view).map(({ uid }) => uid),
    ["43"],
  );
});

test("a new room wraps its first key for everybody, and is the direct chat that was asked for", async () => {
  const made = await batches.foundRoom({ kind: "dm", actor: await actor(), people: [{ uid: "45" }], view, clock: T });
  assert.deepEqual(
    made.wraps.map(({ uid, gen }) => [uid, gen]),
    [
      ["42", 2],
      ["45", 1],
    ],
  );
  assert.equal(made.entries.length, 2);
  assert.ok(batches.isDirectChatOf(made.state, ["45", "42"]));
  for (const others of [["42"], ["42", "43"], ["42", "45", "43"]])
    assert.ok(!batches.isDirectChatOf(made.state, others));
  const profile = { name: "Garden", topic: "" };
  const people = [{ uid: "43", role: "admin" }, { uid: "45" }];
  const room = await batches.foundRoom({ kind: "closed", actor: await actor(), people, profile, view, clock: T });
  assert.deepEqual(await epochs.openProfile(room.ek, room.state.rid, 1, room.state.profile.box), profile);
  assert.equal(room.state.members.get("43").role, "admin");
  assert.ok(!batches.isDirectChatOf(room.state, ["42", "43", "45"]));
});
