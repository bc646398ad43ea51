/** Trust in people, safety numbers, and what a restored backup has lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64Url } from "../../../web/crypto/encoding.js";
import * as trust from "../../../web/crypto/trust.js";
import { followedEpoch } from "../../../web/crypto/restored.js";
import { given, hex, INSTANCE, rep, unhex } from "./vectors.js";

test("fingerprints and safety numbers are the published ones, on both screens", async () => {
  const own = await trust.fingerprint(INSTANCE, "42", unhex(given("given").root));
  assert.equal(hex(own), given("fingerprint"));
  assert.equal(await trust.safetyNumber(own, rep("99", 32)), given("safety_number"));
  assert.equal(await trust.safetyNumber(rep("99", 32), own), given("safety_number"));
});

const contact = (change = {}) => ({
  root: rep("01", 32),
  gen: 2,
  tag: rep("02", 16),
  name: "bob",
  seen: 1000,
  ok: null,
  ...change,
});
const store = (change = {}) => ({
  kdf: { iter: 1_000_000 },
  akGen: 3,
  dir: { key: rep("03", 32), n: 381, h: rep("04", 32), head: { n: 381, h: rep("04", 32), t: 5, sig: rep("05", 64) } },
  contacts: new Map([["43", contact()]]),
  rooms: new Map([[toBase64Url(rep("06", 32)), { id: "12", seq: 14, hash: rep("07", 32) }]]),
  ...change,
});

test("the trust store is written as the design has it, and read again", () => {
  const json = JSON.parse(trust.trustText(store({ contacts: new Map([["43", contact({ ok: 7 })]]) })));
  assert.deepEqual(Object.keys(json), ["v", "kdf", "ak_gen", "dir", "contacts", "rooms"]);
  assert.deepEqual(Object.keys(json.contacts["43"]), ["root", "gen", "tag", "name", "seen", "ok"]);
  assert.deepEqual(Object.keys(json.dir), ["key", "n", "h", "head"]);
  for (const each of [store(), trust.emptyTrust(), store({ kdf: null, dir: { ...store().dir, head: null } })])
    assert.deepEqual(trust.parseTrust(trust.trustText(each)), each);
  assert.deepEqual(trust.parseTrust('{"v":1,"later":{}}'), trust.emptyTrust());
});

test("the same trust is always the same text", () => {
  const two = [
    ["43", contact()],
    ["5", contact({ name: "eve" })],
  ];
  const one = trust.trustText(store({ contacts: new Map(two) }));
  assert.equal(trust.trustText(store({ contacts: new Map(two.reverse()) })), one);
});

test("a trust store that is not of the form is refused", () => {
  const json = JSON.parse(trust.trustText(store()));
  assert.throws(() => trust.parseTrust(JSON.stringify({ ...json, v: 2 })), { rule: "suite" });
  const wrong = [
    "",
    "null",
    "[]",
    "{}",
    { v: "1" },
    { ...json, kdf: 1 },
    { ...json, kdf: { iter: "1" } },
    { ...json, ak_gen: -1 },
    { ...json, dir: { ...json.dir, h: "AAAA" } },
    { ...json, dir: { ...json.dir, head: {} } },
    { ...json, contacts: [] },
    { ...json, contacts: { "043": json.contacts["43"] } },
    { ...json, contacts: { 43: { ...json.contacts["43"], root: "" } } },
    { ...json, contacts: { 43: { ...json.contacts["43"], ok: "1" } } },
    { ...json, rooms: { AAAA: Object.values(json.rooms)[0] } },
    { ...json, rooms: { [Object.keys(json.rooms)[0]]: { id: 12, seq: 1, hash: "" } } },
  ];
  for (const each of wrong) {
    const text = typeof each === "string" ? each : JSON.stringify(each);
    assert.throws(() => trust.parseTrust(text), { rule: "form" }, text);
  }
});

test("what two browsers noted is joined, with the greatest positions", () => {
  const [rid, other] = [rep("06", 32), rep("08", 32)].map(toBase64Url);
  const mine = store();
  const theirs = store({
    kdf: { iter: 600_000 },
    akGen: 4,
    dir: { ...store().dir, n: 400 },
    contacts: new Map([
      ["43", contact({ gen: 3, name: "robert", seen: 900, ok: 5 })],
      ["44", contact({ name: "carl" })],
    ]),
    rooms: new Map([
      [rid, { id: "12", seq: 9, hash: rep("09", 32) }],
      [other, { id: "13", seq: 1, hash: rep("0a", 32) }],
    ]),
  });
  for (const [one, two] of [
    [mine, theirs],
    [theirs, mine],
  ]) {
    const { trust: joined, conflicts } = trust.mergeTrust(one, two);
    assert.deepEqual(conflicts, []);
    assert.deepEqual([joined.kdf.iter, joined.akGen, joined.dir.n], [1_000_000, 4, 400]);
    assert.deepEqual(joined.contacts.get("43"), contact({ gen: 3, name: "robert", seen: 900, ok: 5 }));
    assert.deepEqual([...joined.contacts.keys()].sort(), ["43", "44"]);
    assert.deepEqual([joined.rooms.get(rid).seq, joined.rooms.get(other).seq], [14, 1]);
  }
  assert.deepEqual(mine, store());
});

test("of two roots of one contact the unverified one gives way, and the person is told", () => {
  const join = (one, two) => {
    const of = (each) => store({ contacts: new Map([["43", contact(each)]]) });
    return trust.mergeTrust(of(one), of(two));
  };
  const root = rep("0b", 32);
  assert.deepEqual(join({ ok: 5 }, { root, gen: 9 }).trust.contacts.get("43").root, rep("01", 32));
  assert.deepEqual(join({ root, gen: 9 }, { ok: 5 }).trust.contacts.get("43").root, rep("01", 32));
  assert.deepEqual(join({}, { root, gen: 3 }).trust.contacts.get("43").root, root);
  assert.deepEqual(join({ gen: 4 }, { root, gen: 3 }).trust.contacts.get("43").root, rep("01", 32));
  assert.deepEqual(join({}, { root }).conflicts, ["43"]);
});

test("another key of the instance is never taken over", () => {
  const theirs = store({ dir: { ...store().dir, key: rep("0c", 32), n: 999 } });
  assert.deepEqual(trust.mergeTrust(store(), theirs).trust.dir, store().dir);
  assert.deepEqual(trust.mergeTrust(store({ dir: null }), theirs).trust.dir, theirs.dir);
});

test("a change of somebody's keys is judged by what was recorded", () => {
  const judge = (change) => trust.judgeContact(contact(), { ...contact(), ...change });
  assert.equal(trust.judgeContact(undefined, contact()), "first");
  assert.equal(judge({}), "same");
  assert.equal(judge({ gen: 3 }), "rotated");
  assert.equal(judge({ tag: rep("09", 16) }), "renamed");
  assert.equal(judge({ gen: 3, root: rep("09", 32) }), "reset");
  assert.equal(judge({ gen: 1 }), "old");
  assert.equal(judge({ gen: 1, root: rep("09", 32) }), "old");
});

const placed = ({ mid, created_seq, rev_seq }) => ({ mid, createdSeq: created_seq, revSeq: rev_seq });
for (const each of given("restore")) {
  test(`restored: ${each.name}`, () => {
    const found = trust.compareAfterRestore(each.known.map(placed), each.intervals, each.server.map(placed));
    assert.deepEqual(found, { common: each.common, lost: each.lost, again: each.again, remain: each.remain });
    const rows = each.rows.map(({ rev_seq, epoch, current }) => ({ revSeq: rev_seq, epoch, current }));
    assert.deepEqual(
      rows.map((row) => trust.afterRestore(row, each.common, each.epoch)),
      each.verdicts,
    );
  });
}

test("restored: what stands in a part that was never loaded is no news", () => {
  const row = (place) => ({ revSeq: 30, epoch: 1, current: false, place });
  const loaded = [
    { from: 3, to: 10, seq: 25 },
    { from: 20, to: 25, seq: 25 },
  ];
  const judge = (place, intervals = loaded) => trust.afterRestore(row(place), 12, 2, intervals);
  assert.deepEqual(
    [2, 15].map((place) => judge(place)),
    ["ok", "ok"],
  );
  assert.deepEqual(
    [3, 22, 26, undefined].map((place) => judge(place)),
    Array(4).fill("outdated"),
  );
  assert.equal(judge(5, []), "ok");
  assert.equal(trust.afterRestore(row(2), 12, 2), "outdated");
});

test("restored: the newest epoch that was followed is not the newest of the log", () => {
  const state = { epoch: 3, entryOf: [undefined, 0, 4, 6] };
  const batches = [
    { seq: 1, last: 3 },
    { seq: 20, last: 5 },
    { seq: 30, last: 6 },
  ];
  const followed = (seq) => followedEpoch(state, batches, [{ from: 1, to: 5, seq }]);
  assert.deepEqual([19, 20, 29, 30, 99].map(followed), [1, 2, 2, 3, 3]);
  assert.equal(followedEpoch(state, batches, []), 0);
});

test("restored: reactions above the common place are fetched again, intervals above it are gone", () => {
  const known = [
    { mid: "a", createdSeq: 10, revSeq: 10 },
    { mid: "r", revSeq: 12 },
    { mid: "q", revSeq: 9 },
  ];
  const intervals = [
    { from: 2, to: 10, seq: 12 },
    { from: 11, to: 12, seq: 12 },
  ];
  const found = trust.compareAfterRestore(known, intervals, [{ mid: "a", createdSeq: 10, revSeq: 10 }]);
  assert.deepEqual(found, { common: 10, lost: [], again: ["r"], remain: [{ from: 2, to: 10, seq: 10 }] });
});
