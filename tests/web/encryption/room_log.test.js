/** The room's log: every published entry, state and verdict. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, hexOf, u32, u64 } from "../../../web/crypto/encoding.js";
import * as log from "../../../web/crypto/room_log.js";
import { publishedDirectory } from "./published_rooms.js";
import { hex, given, keysOf, T, unhex } from "./vectors.js";

const view = await publishedDirectory();
const logs = { room: given("room_log").entries, dm: given("dm_log").entries };
const signed = ({ entry, sig }) => ({ e: unhex(entry), s: unhex(sig) });

/** A state as the examples write it. */
function written(state) {
  const members = [...state.members].map(([uid, { role, root, sinceSeq, sinceDn }]) => [
    uid,
    `${role} ${hex(root).slice(0, 8)} ${sinceSeq} ${sinceDn}`,
  ]);
  return {
    seq: state.seq,
    epoch: state.epoch,
    members: Object.fromEntries(members),
    banned: [...state.banned].sort(),
    skipped: [...state.skipped].sort(),
    due: [4, 5, 6, 7].filter((n) => n >= state.dn && log.due(state, n, view)),
  };
}

/** The state after the first entries of a published log, up to a seq. */
async function stateAfter(name, seq) {
  const { state, refusal } = await log.applyAll(log.emptyState(), logs[name].slice(0, seq + 1).map(signed), view);
  assert.equal(refusal, undefined);
  return state;
}

for (const name of ["room", "dm"]) {
  test(`each entry of the published ${name} is taken, and leads to the published state`, async () => {
    let state = log.emptyState();
    for (const [seq, each] of logs[name].entries()) {
      const entry = log.parseEntry(unhex(each.entry));
      assert.equal(hex(log.buildEntry(entry)), each.entry);
      assert.equal(entry.body.type, each.type);
      const verdict = await log.apply(state, signed(each), view);
      assert.equal(verdict.refusal, undefined, `${seq}`);
      state = verdict.state;
      assert.equal(hex(state.head), each.hash);
      assert.deepEqual(written(state), each.state);
    }
    assert.equal(hex(state.rid), given(`${name === "dm" ? "dm" : "room"}_log`).rid);
    assert.deepEqual(
      state.hashes.map(hexOf),
      logs[name].map(({ hash }) => hash),
    );
  });
}

for (const { name, log: which, after, entries, verdict, state: expected } of given("log_verdicts")) {
  test(`log: ${name}`, async () => {
    const before = await stateAfter(which, after);
    const frozen = structuredClone(before);
    const ready = await log.applyAll(before, entries.slice(0, -1).map(signed), view);
    assert.equal(ready.refusal, undefined);
    const last = await log.apply(ready.state, signed(entries.at(-1)), view);
    assert.equal(last.refusal?.rule ?? "ok", verdict);
    if (expected) assert.deepEqual(written(last.state), expected);
    const whole = await log.applyAll(before, entries.map(signed), view);
    assert.equal(whole.refusal?.rule ?? "ok", verdict);
    if (whole.refusal) assert.equal(whole.refusal.index, entries.length - 1);
    assert.deepEqual(before, frozen);
  });
}

test("another hash at a known position of the directory is told as a fork, an unknown position is not", async () => {
  const before = await stateAfter("room", 5);
  const { sign } = await keysOf("51", "52");
  const entry = (change) => ({
    rid: before.rid,
    seq: 6,
    prev: before.head,
    actor: "42",
    gen: 1,
    time: T + 1000,
    dn: 4,
    dh: view.hashAt(4),
    body: { type: "unban", uid: "45" },
    ...change,
  });
  const verdict = async (change) => (await log.apply(before, await log.signEntry(entry(change), sign), view)).refusal;
  assert.deepEqual(await verdict({}), { index: 0, rule: "banned", fork: false });
  assert.deepEqual(await verdict({ dh: view.hashAt(3) }), { index: 0, rule: "dn", fork: true });
  assert.deepEqual(await verdict({ dn: 8 }), { index: 0, rule: "dn", fork: false });
  assert.deepEqual(await verdict({ gen: 0, actor: "99" }), { index: 0, rule: "generation", fork: false });
});

test("a batch is made as the server will take it, and refuses at once what it would not", async () => {
  const before = await stateAfter("room", 14);
  const { sign } = await keysOf("53", "54");
  const batch = new log.Batch(before, { uid: "42", gen: 2, sign }, view);
  await batch.add({ type: "remove", uid: "43", reason: "removed" }, 0);
  await assert.rejects(batch.add({ type: "remove", uid: "43", reason: "removed" }, 0), { rule: "member" });
  await batch.add({ type: "remove", uid: "44", reason: "banned" }, T + 5000);
  assert.equal(batch.entries.length, 2);
  const { state } = await log.applyAll(before, batch.entries, view);
  assert.deepEqual(state, batch.state);
  assert.deepEqual([...state.members.keys()], ["42"]);
  assert.equal(state.time, T + 5000);
});

/** Alice, the owner of the published room after entry 14, in a batch of her own. */
async function ownersBatch() {
  const { sign } = await keysOf("53", "54");
  return new log.Batch(await stateAfter("room", 14), { uid: "42", gen: 2, sign }, view);
}

test("who is not in is not removed, and who is banned is not banned again", async () => {
  const batch = await ownersBatch();
  await assert.rejects(batch.add({ type: "remove", uid: "45", reason: "removed" }, T), { rule: "member" });
  await batch.add({ type: "remove", uid: "45", reason: "banned" }, T);
  await assert.rejects(batch.add({ type: "remove", uid: "45", reason: "banned" }, T), { rule: "banned" });
});

test("the founding batch has 2 to 128 entries", async () => {
  const { sign } = await keysOf("53", "54");
  const found = (first) => {
    const batch = new log.Batch(log.emptyState(), { uid: "42", gen: 2, sign }, view);
    const [nonce, kc] = [new Uint8Array(16), new Uint8Array(32)];
    return batch.add({ type: "create", nonce, root: view.rootAt("42", 7), kind: "closed", first, kc }, T);
  };
  await found(1);
  await found(127);
  for (const first of [0, 128]) await assert.rejects(found(first), { rule: "founding" });
});

test("words that are not in the list are no form", async () => {
  const batch = await ownersBatch();
  const root = view.rootAt("45", 7);
  for (const body of [
    { type: "add", uid: "45", root, role: "king" },
    { type: "add", uid: "45", root, role: "Member" },
    { type: "role", uid: "43", role: "" },
    { type: "remove", uid: "43", reason: "bored" },
  ])
    await assert.rejects(batch.add(body, T), { rule: "form" });
});

test("links end with their maker, and stay over when the maker comes back", async () => {
  const batch = await ownersBatch();
  const lid = new Uint8Array(8).fill(3);
  const { sign, ed } = await keysOf("a1", "a2");
  const bob = new log.Batch(batch.state, { uid: "43", gen: 1, sign }, view);
  await bob.add({ type: "link", lid, ed, expires: bob.state.time + 1000, max: 5 }, 0);
  assert.ok(log.live(bob.state, hexOf(lid), bob.state.time, 7, view));
  batch.state = bob.state;
  await batch.add({ type: "remove", uid: "43", reason: "removed" }, 0);
  await batch.add({ type: "add", uid: "43", root: view.rootAt("43", 7), role: "admin" }, 0);
  assert.ok(!log.live(batch.state, hexOf(lid), batch.state.time, 7, view));
});

test("who is named in entries is known before they are applied", () => {
  const people = log.peopleIn(logs.room.map(signed)).sort();
  assert.deepEqual(people, ["42", "43", "44", "45"]);
  assert.deepEqual(log.peopleIn([{ e: new Uint8Array(3), s: new Uint8Array(64) }]), []);
});

test("entries of people that are not loaded are asked for, not guessed", async () => {
  const bare = await publishedDirectory({ people: ["42"] });
  const all = logs.room.map(signed);
  await assert.rejects(log.applyAll(log.emptyState(), all, bare), { name: "Unknown" });
});

test("somebody was a member at an entry by the intervals", async () => {
  const state = await stateAfter("room", 17);
  const roles = (uid) => [...Array(19).keys()].map((seq) => log.roleAt(state, uid, seq)?.role ?? "-");
  assert.deepEqual(roles("45"), [..."-------", "member", ..."-----------"]);
  assert.deepEqual(roles("43"), ["-", "-", "member", "member", ...Array(13).fill("admin"), "-", "-"]);
  assert.notDeepEqual(log.roleAt(state, "44", 14).root, log.roleAt(state, "44", 15).root);
});

test("the last one who can let the others back in is asked before leaving", async () => {
  const { state } = await log.applyAll(log.emptyState(), logs.dm.map(signed), view);
  assert.deepEqual(log.lastFor(state, "42", 7, view), []);
  const trio = await stateAfter("room", 14);
  const left = new Map([...trio.members].filter(([uid]) => uid !== "43"));
  const others = [...left.keys()].filter((uid) => uid !== "42");
  assert.deepEqual(log.lastFor({ ...trio, members: left }, "42", 7, view), others);
  assert.deepEqual(log.lastFor({ ...trio, members: left }, "42", 6, view), []);
  const skipped = new Set(others);
  assert.deepEqual(log.lastFor({ ...trio, members: left, skipped }, "42", 6, view), others, "who has no present key");
  assert.deepEqual(log.lastFor({ ...trio, members: new Map([["42", trio.members.get("42")]]) }, "42", 7, view), []);
});

test("the binary log is read strictly", () => {
  const parts = logs.room.slice(0, 3).map((each, at) => {
    const { e, s } = signed(each);
    return concat(u64(at + 1), u64(T + at), u32(e.length), e, s);
  });
  const read = log.parseLog(concat(...parts));
  assert.deepEqual(
    read.map(({ batch, at, e, s }) => ({ batch, at, entry: hex(e), sig: hex(s) })),
    logs.room.slice(0, 3).map(({ entry, sig }, at) => ({ batch: at + 1, at: T + at, entry, sig })),
  );
  assert.deepEqual(log.parseLog(new Uint8Array()), []);
  for (const cut of [1, 19, 20, 83, 100])
    assert.throws(() => log.parseLog(parts[0].slice(0, cut)), { rule: "form" }, `${cut}`);
  assert.throws(() => log.parseLog(concat(parts[0], new Uint8Array(1))), { rule: "form" });
});
