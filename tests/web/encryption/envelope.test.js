/** Envelopes: every published one, what is inside, what is refused, and the verdicts of a receiver. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, fromBase64Url, importSecret, toBase64Url } from "../../../web/crypto/encoding.js";
import * as envelopes from "../../../web/crypto/envelope.js";
import { pad } from "../../../web/crypto/padding.js";
import { publishedDirectory, publishedRoom } from "./published_rooms.js";
import { given, hex, keysOf, rep, T, unhex } from "./vectors.js";

const view = await publishedDirectory();
const room = await publishedRoom(17, view);
const EK = (n) => rep(String(70 + n), 32);
const { sign } = await keysOf("51", "52");
const kc = (n) => unhex(given("commitments")[n]);

/** The header of the published envelopes in the published room. */
const header = (change = {}) => ({
  mid: rep("92", 16),
  rev: 0,
  kind: "msg",
  ref: null,
  epoch: 5,
  by: "42",
  gen: 1,
  ts: T + 500,
  ls: 14,
  lh: room.hashes[14],
  dn: 4,
  dh: view.hashAt(4),
  ...change,
});
const build = (change, content, nonce, key = sign) =>
  envelopes.buildEnvelope(
    { rid: room.rid, kc: kc(change.epoch ?? 5), ek: EK(change.epoch ?? 5), sign: key, header: header(change), content },
    nonce,
  );

test("the first published envelope and its deletion are built byte by byte", async () => {
  const { rid, lh, H1 } = given("given");
  const common = {
    mid: rep("91", 16),
    ref: null,
    epoch: 2,
    by: "42",
    gen: 1,
    ls: 2,
    lh: unhex(lh),
    dn: 1,
    dh: unhex(H1),
  };
  const wanted = { rid: unhex(rid), kc: kc(2), ek: EK(2), sign };
  const first = { ...common, rev: 0, kind: "msg", ts: T + 4 };
  const built = await envelopes.buildEnvelope({ ...wanted, header: first, content: { t: "hello" } }, rep("04", 12));
  const { aad, padded, n, c, s } = given("envelope");
  assert.equal(hex(envelopes.aad(unhex(rid), kc(2), built)), aad);
  assert.equal(hex(pad(bytesOf('{"t":"hello"}'))), padded);
  assert.deepEqual([hex(built.n), hex(built.c), hex(built.s)], [n, c, s]);
  const last = { ...common, rev: 1, kind: "del", ts: T + 5 };
  const deleted = await envelopes.buildEnvelope({ ...wanted, ek: null, header: last, content: null });
  assert.equal(hex(envelopes.aad(unhex(rid), kc(2), deleted)), given("tombstone").aad);
  assert.equal(hex(deleted.s), given("tombstone").s);
  assert.equal(deleted.c.length, 0);
});

test("message, file, reaction and deletion of the published room are built and open", async () => {
  const published = given("room_envelopes");
  const changes = {
    message: [{}, "10"],
    file: [{ mid: rep("93", 16), ts: T + 501 }, "11"],
    reaction: [{ mid: rep("94", 16), ts: T + 502, kind: "react", ref: rep("92", 16) }, "12"],
  };
  for (const [name, [change, nonce]] of Object.entries(changes)) {
    const { plaintext, aad, padded, n, c, s } = published[name];
    const content = JSON.parse(plaintext);
    assert.equal(hex(pad(envelopes.writeContent(content))), padded);
    const built = await build(change, content, rep(nonce, 12));
    assert.equal(hex(envelopes.aad(room.rid, kc(5), built)), aad, name);
    assert.deepEqual([hex(built.n), hex(built.c), hex(built.s)], [n, c, s]);
    assert.deepEqual(await envelopes.openEnvelope(built, room.rid, kc(5), await importSecret(EK(5))), content);
    assert.deepEqual(envelopes.parseEnvelope(JSON.parse(JSON.stringify(envelopes.envelopeJson(built)))), built);
  }
  const { aad, s } = published.deletion;
  const deleted = await build({ rev: 1, kind: "del", ts: T + 503 }, null);
  assert.equal(hex(envelopes.aad(room.rid, kc(5), deleted)), aad);
  assert.equal(hex(deleted.s), s);
});

test("on the wire a message is the published JSON, and its digest is the published one", async () => {
  const built = envelopes.parseEnvelope(given("wire_message"));
  assert.deepEqual(envelopes.envelopeJson(built), given("wire_message"));
  assert.equal(hex(await envelopes.envelopeDigest(room.rid, kc(5), built)), given("envelope_digest"));
  const json = envelopes.envelopeJson(await build({ rev: 1, kind: "del" }, null));
  assert.deepEqual(
    Object.keys(json).filter((key) => ["n", "c", "ref", "blobs"].includes(key)),
    [],
  );
});

test("JSON that is not of the form is refused, another version is told apart", () => {
  const good = given("wire_message");
  assert.ok(envelopes.parseEnvelope({ ...good, later: 1 }));
  for (const v of [2, 0, -1]) assert.throws(() => envelopes.parseEnvelope({ ...good, v }), { rule: "suite" });
  const wrong = {
    v: [undefined, "1", 1.5, null],
    mid: [undefined, "", "AAAA", `${good.mid}A`, `${good.mid}==`, 7],
    rev: [undefined, -1, 1.5, "0", 2 ** 53, -0],
    kind: [undefined, "message", "toString", 1],
    ref: ["", good.mid, null],
    epoch: [undefined, 0, "5"],
    by: [undefined, 42, "042", "0", ""],
    gen: [undefined, 0],
    ts: [undefined, -1, 0.5],
    ls: [undefined, -1],
    lh: [undefined, "AAAA"],
    dn: [undefined, "4"],
    dh: [undefined, good.mid],
    blobs: [[], {}, "", null, [good.mid, 1], ["AAAA"], Array(21).fill(good.mid)],
    n: [undefined, "", good.mid],
    c: [undefined, "", good.n, toBase64Url(new Uint8Array(79)), toBase64Url(new Uint8Array(45_057))],
    s: [undefined, "", good.lh],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values)
      assert.throws(() => envelopes.parseEnvelope({ ...good, [key]: value }), { rule: "form" }, `${key} ${value}`);
  }
  for (const json of [null, undefined, 1, "x", [], [good]])
    assert.throws(() => envelopes.parseEnvelope(json), { rule: "form" });
  const { n, c, ...rest } = good;
  assert.ok(envelopes.parseEnvelope({ ...rest, kind: "del", rev: 1 }));
  for (const extra of [{ n }, { c }, { ref: good.mid }, { blobs: [good.mid] }, { n: "", c: "" }])
    assert.throws(() => envelopes.parseEnvelope({ ...rest, kind: "del", ...extra }), { rule: "form" });
  assert.throws(() => envelopes.parseEnvelope({ ...good, kind: "react" }), { rule: "form" });
  assert.throws(() => envelopes.parseEnvelope({ ...good, kind: "react", ref: good.mid, blobs: [good.mid] }), {
    rule: "form",
  });
});

test("contents are read strictly, and unknown keys dropped", () => {
  const read = (kind, json) =>
    envelopes.readContent(kind, bytesOf(typeof json === "string" ? json : JSON.stringify(json)));
  const id = toBase64Url(rep("01", 16));
  const key = toBase64Url(rep("02", 32));
  const file = { id, k: key, d: key, n: "a", t: "image/png", s: 1, w: 2, h: 3 };
  const th = { id, k: key, d: key, t: "image/png", s: 1, w: 2, h: 3 };
  const full = { t: "x", re: id, m: ["1", "2"], all: true, f: [{ ...file, th }], pv: [3, id, "4"] };
  assert.deepEqual(read("msg", { ...full, later: { a: 1 } }), full);
  assert.deepEqual(read("msg", '{"t":"","__proto__":{"all":true}}'), { t: "" });
  assert.deepEqual(read("react", { e: "\u{1F44D}", t: "x" }), { e: "\u{1F44D}" });
  const wrongMessages = [
    "",
    "null",
    "[]",
    '"t"',
    "{",
    {},
    { t: 1 },
    { t: "x".repeat(32_769) },
    { t: "", re: "AAAA" },
    { t: "", re: null },
    { t: "", m: "1" },
    { t: "", m: [1] },
    { t: "", m: ["01"] },
    { t: "", m: Array(51).fill("1") },
    { t: "", all: false },
    { t: "", all: 1 },
    { t: "", f: Array(11).fill(file) },
    { t: "", pv: [0, id, "1"] },
    { t: "", pv: [1, id] },
    { t: "", pv: [1, id, "1", 2] },
    { t: "", pv: ["1", id, "1"] },
    { t: "", pv: null },
  ];
  for (const json of wrongMessages) assert.throws(() => read("msg", json), { rule: "form" }, JSON.stringify(json));
  for (const change of [
    { id: key },
    { k: id },
    { d: "" },
    { n: 1 },
    { t: null },
    { s: -1 },
    { s: 0.5 },
    { w: 0 },
    { h: "3" },
    { th: {} },
    { th: { ...th, w: undefined } },
  ])
    assert.throws(() => read("msg", { t: "", f: [{ ...file, ...change }] }), { rule: "form" }, JSON.stringify(change));
  for (const json of [{}, { e: "" }, { e: 1 }, { e: "x".repeat(65) }])
    assert.throws(() => read("react", json), { rule: "form" });
  assert.throws(() => envelopes.readContent("msg", Uint8Array.of(0x7b, 0xff)), { rule: "form" });
  assert.throws(() => read("msg", { t: "", later: "x".repeat(41_000) }), { rule: "form" });
});

test("the longest text fits, a longer one is not sent", async () => {
  const longest = await build({}, { t: "\u20ac".repeat(10_922) });
  assert.ok(envelopes.parseEnvelope(envelopes.envelopeJson(longest)));
  await assert.rejects(build({}, { t: "\u20ac".repeat(10_923) }), { rule: "form" });
  await assert.rejects(build({}, { t: "\u0001".repeat(8_000) }), { rule: "form" });
});

test("files that are not exactly the blobs of the header are refused", async () => {
  const content = JSON.parse(given("room_envelopes").file.plaintext);
  const built = await build({ mid: rep("93", 16) }, content);
  assert.equal(built.blobs.length, 2);
  const key = await importSecret(EK(5));
  for (const blobs of [[], [built.blobs[0]], [built.blobs[1], built.blobs[0]], [...built.blobs, built.blobs[0]]]) {
    const { messageKey } = await import("../../../web/crypto/epochs.js");
    const { encrypt } = await import("../../../web/crypto/encoding.js");
    const forged = { ...built, blobs };
    const aad = envelopes.aad(room.rid, kc(5), forged);
    forged.c = await encrypt(await messageKey(key, room.rid, 5), built.n, aad, pad(envelopes.writeContent(content)));
    await assert.rejects(envelopes.openEnvelope(forged, room.rid, kc(5), key), { rule: "form" });
  }
});

const outer = (change = {}) => ({ mid: toBase64Url(rep("92", 16)), rev: 0, kind: "msg", by: "42", ...change });
const check = (envelope, beside = {}, state = room) => envelopes.checkEnvelope(envelope, outer(beside), state, view);
const rule = async (...args) => (await check(...args)).rule ?? "ok";

test("the published message passes every step, and says whose root it is", async () => {
  const built = envelopes.parseEnvelope(given("wire_message"));
  const found = await check(built);
  assert.deepEqual([found.ok, hex(found.kc), hex(found.root)], [true, hex(kc(5)), hex(view.rootAt("42", 4))]);
});

test("each step of the check refuses what it is there for, in the published order", async () => {
  const plain = { t: "x" };
  const at = async (change, content = plain, key = sign) => build(change, content, undefined, key);
  const good = await at({});
  assert.equal(await rule(good), "ok");
  // 1
  assert.equal(await rule(good, { mid: toBase64Url(rep("93", 16)) }), "form");
  assert.equal(await rule(good, { rev: 1 }), "form");
  assert.equal(await rule(good, { kind: "react" }), "form");
  assert.equal(await rule(good, { by: "43" }), "form");
  // 2
  assert.equal(await rule(await at({ ls: 18 })), "behind");
  assert.equal(await rule(await at({ lh: room.hashes[13] })), "log_fork");
  // 3
  const early = { ls: 10, lh: room.hashes[10] };
  assert.equal(await rule(await at(early)), "epoch");
  assert.equal(await rule(await at({ epoch: 4, ...early })), "ok");
  assert.equal(await rule({ ...good, epoch: 7 }), "epoch");
  // 4
  const dora = (await keysOf("a7", "a8")).sign;
  assert.equal(await rule(await at({ by: "45" }, plain, dora), { by: "45" }), "member");
  const during = { by: "45", epoch: 2, ls: 7, lh: room.hashes[7] };
  assert.equal(await rule(await at(during, plain, dora), { by: "45" }), "ok");
  // 5
  assert.equal(await rule(await at({ dn: 8 })), "behind");
  assert.equal(await rule(await at({ dh: view.hashAt(3) })), "directory_fork");
  assert.equal(await rule(await at({ dn: 3, dh: view.hashAt(3) })), "dn");
  assert.equal(await rule(await at({ dn: 5, dh: view.hashAt(5) })), "generation");
  const carl = { by: "44", gen: 2, dn: 7, dh: view.hashAt(7) };
  const carlsKey = (await keysOf("a5", "a6")).sign;
  assert.equal(await rule(await at(carl, plain, carlsKey), { by: "44" }), "root");
  const back = { ...carl, ls: 15, lh: room.hashes[15] };
  assert.equal(await rule(await at(back, plain, carlsKey), { by: "44" }), "ok");
  // 6
  assert.equal(await rule({ ...good, s: good.s.with(9, good.s[9] ^ 1) }), "bad_signature");
  assert.equal(await rule({ ...good, ts: good.ts + 1 }), "bad_signature");
  assert.equal(await rule(await at({}, plain, dora)), "bad_signature");
  const small = new Uint8Array(64);
  small[0] = 1;
  assert.equal(await rule({ ...good, s: small }), "bad_signature");
});

test("another's message is deleted by admins and owners, another's reaction by nobody", async () => {
  const bob = (await keysOf("a1", "a2")).sign;
  const gone = { rev: 1, kind: "del", by: "43" };
  const atAdmin = await build(gone, null, undefined, bob);
  assert.equal(await rule(atAdmin, { rev: 1, kind: "del" }), "ok");
  assert.equal(await rule(atAdmin, { rev: 1, kind: "del", isReaction: true }), "member");
  assert.equal(await rule(atAdmin, { rev: 1, kind: "del", isReaction: true, by: "43" }), "ok");
  const before = { ...gone, epoch: 2, ls: 3, lh: room.hashes[3] };
  const atMember = await build(before, null, undefined, bob);
  assert.equal(await rule(atMember, { rev: 1, kind: "del" }), "member");
  assert.equal(await rule(atMember, { rev: 1, kind: "del", by: "43" }), "ok");
});

test("a revision takes the place of an older one of the same author, and a deletion is final", () => {
  const known = { rev: 1, kind: "msg", author: "42" };
  const next = (change) => ({ rev: 2, kind: "msg", author: "42", by: "42", ...change });
  const takes = (change, from = known) => envelopes.supersedes(from, next(change));
  assert.ok(takes({}));
  assert.ok(takes({}, null));
  assert.ok(takes({ rev: 7 }));
  assert.ok(takes({ kind: "del" }));
  assert.ok(takes({ kind: "del", by: "43" }));
  assert.ok(!takes({ rev: 1 }));
  assert.ok(!takes({ rev: 0 }));
  assert.ok(!takes({ by: "43" }));
  assert.ok(!takes({ by: "43" }, null));
  assert.ok(!takes({ author: "43", by: "43" }));
  assert.ok(!takes({ kind: "react" }));
  assert.ok(!takes({}, { ...known, kind: "del" }));
  assert.ok(!takes({ kind: "del" }, { ...known, kind: "del" }));
});

const rowOf = ({ created_seq, rev_seq, ...rest }) => ({
  ...rest,
  ...(created_seq === undefined ? {} : { createdSeq: created_seq }),
  ...(rev_seq === undefined ? {} : { revSeq: rev_seq }),
});

for (const { name, row, known, intervals, verdict } of given("order").cases) {
  test(`order: ${name}`, () => {
    const log = { state: room, batches: given("order").batches };
    assert.equal(envelopes.order(rowOf(row), known.map(rowOf), intervals, log), verdict);
  });
}

test("order: a message does not change its place, and two revisions do not share one", () => {
  const log = { state: room, batches: given("order").batches };
  const known = {
    mid: "m",
    kind: "msg",
    rev: 1,
    by: "42",
    author: "42",
    createdSeq: 25,
    revSeq: 28,
    epoch: 5,
    gen: 1,
    is: "shown",
  };
  const row = { ...known, rev: 2, revSeq: 33 };
  assert.equal(envelopes.order(row, [known], [], log), "ok");
  assert.equal(envelopes.order({ ...row, createdSeq: 24 }, [known], [], log), "c");
  assert.equal(envelopes.order({ ...row, revSeq: 28 }, [known], [], log), "c");
});

test("order: what was made with an outdated key says nothing about generations", () => {
  const log = { state: room, batches: given("order").batches };
  const row = { mid: "x", kind: "msg", rev: 0, by: "42", author: "42", createdSeq: 33, revSeq: 33, epoch: 5, gen: 1 };
  const other = { ...row, mid: "y", createdSeq: 26, revSeq: 26, gen: 2 };
  assert.equal(envelopes.order(row, [{ ...other, is: "shown" }], [], log), "b");
  assert.equal(envelopes.order(row, [{ ...other, is: "outdated" }], [], log), "ok");
  assert.equal(envelopes.order(row, [{ ...other, by: "44", is: "shown" }], [], log), "ok");
});

for (const { name, rows, pv } of given("pv").cite) {
  test(`citing: ${name}`, () => {
    assert.deepEqual(envelopes.cite(rows.map(rowOf)), pv);
  });
}
for (const { name, pv, rev_seq, rows, intervals, verdict } of given("pv").read) {
  test(`cited: ${name}`, () => {
    assert.equal(envelopes.readPv(pv, rev_seq, rows.map(rowOf), intervals), verdict);
  });
}

test("cited: what stands at or after the message that cites it is not meant", () => {
  const rows = [{ mid: "a", by: "42", createdSeq: 12, kind: "msg", verified: true }];
  const read = (revSeq) => envelopes.readPv([12, "a", "42"], revSeq, rows, [{ from: 1, to: 19, seq: 19 }]);
  assert.deepEqual([13, 12, 11].map(read), ["ok", "refers", "refers"]);
});

test("cited: a row that failed its check is not the one that is meant", () => {
  const rows = [{ mid: "a", by: "42", createdSeq: 12, kind: "msg", verified: false }];
  assert.equal(envelopes.readPv([12, "a", "42"], 20, rows, [{ from: 1, to: 19, seq: 19 }]), "refers");
  assert.equal(envelopes.readPv(undefined, 20, rows, []), "ok");
});

test("reactions count once for each author and emoji, within their limits", () => {
  const of = (e, by, revSeq) => ({ e, by, revSeq });
  const counted = envelopes.countReactions([of("b", "2", 3), of("a", "1", 1), of("a", "2", 2), of("a", "1", 4)]);
  assert.deepEqual(
    [...counted],
    [
      ["a", ["1", "2"]],
      ["b", ["2"]],
    ],
  );
  const many = envelopes.countReactions(Array.from({ length: 25 }, (_, at) => of(`${at}`, "1", at)));
  assert.equal(many.size, 20);
  const all = envelopes.countReactions(Array.from({ length: 210 }, (_, at) => of("a", `${at}`, at)));
  assert.equal(all.get("a").length, 200);
});

test("ids on the wire are the bytes of the row", () => {
  assert.deepEqual(fromBase64Url(given("wire_message").mid), rep("92", 16));
});
