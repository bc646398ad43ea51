/**
 * Every field of everything that is signed or sealed, changed: always refused, and nothing but the documented error
 * comes out. And the strict parsers against a small generator: each truncation, extension and changed length.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as account from "../../../web/crypto/account.js";
import { foundRoom } from "../../../web/crypto/batches.js";
import * as directory from "../../../web/crypto/directory.js";
import * as encoding from "../../../web/crypto/encoding.js";
import * as envelopes from "../../../web/crypto/envelope.js";
import * as epochs from "../../../web/crypto/epochs.js";
import * as files from "../../../web/crypto/files.js";
import * as hpke from "../../../web/crypto/hpke.js";
import * as links from "../../../web/crypto/links.js";
import * as log from "../../../web/crypto/room_log.js";
import { publishedDirectory, publishedRoom } from "./published_rooms.js";
import { Random } from "./random.js";
import { given, INSTANCE, keysOf, rep, T, unhex } from "./vectors.js";

const { concat, pack, Refused, unpack, u32 } = encoding;
const view = await publishedDirectory();
const room = await publishedRoom(17, view);
const random = new Random(7);

/** Where the fields of packed bytes begin and end. @param {Uint8Array} bytes */
function fieldsOf(bytes) {
  const spans = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
    spans.push({ from: at + 4, to: at + 4 + length });
    at += 4 + length;
  }
  return spans;
}

/** The bytes with another length of one field, that says so. */
function resized(bytes, { from, to }, change) {
  const field = bytes.slice(from, to);
  const next = change > 0 ? concat(field, new Uint8Array(change)) : field.slice(0, change);
  return concat(bytes.slice(0, from - 4), u32(next.length), next, bytes.slice(to));
}

/** Packed bytes, each field changed in every way. @param {Uint8Array} bytes */
function* variantsOf(bytes) {
  for (const span of fieldsOf(bytes)) {
    for (const at of new Set([span.from, (span.from + span.to) >> 1, span.to - 1]))
      if (at >= span.from && at < span.to) yield bytes.with(at, bytes[at] ^ 1);
    yield resized(bytes, span, 1);
    if (span.to > span.from) yield resized(bytes, span, -1);
    for (let at = span.from - 4; at < span.from; at += 1) yield bytes.with(at, bytes[at] ^ 1);
  }
  for (const cut of [0, 1, 4, bytes.length >> 1, bytes.length - 1]) yield bytes.slice(0, cut);
  yield concat(bytes, Uint8Array.of(0));
  yield concat(bytes, u32(0));
}

/** Each byte of something changed, and its ends cut and extended. */
function* bytewise(bytes, step = 1) {
  for (let at = 0; at < bytes.length; at += step) yield bytes.with(at, bytes[at] ^ (1 << (at % 8)));
  yield bytes.slice(0, -1);
  yield bytes.slice(1);
  yield new Uint8Array();
  yield concat(bytes, Uint8Array.of(0));
}

/** That something is refused with the documented error. */
async function refused(act, what) {
  try {
    await act();
  } catch (error) {
    assert.ok(error instanceof Refused, `${what}: ${error}`);
    return;
  }
  assert.fail(`${what} was taken`);
}

test("what was packed is unpacked, and every other length or label is refused", async () => {
  for (let round = 0; round < 60; round += 1) {
    const fields = Array.from({ length: random.between(0, 6) }, () => random.bytes(random.between(0, 40)));
    const packed = pack("test", ...fields);
    assert.deepEqual(unpack("test", fields.length, packed), fields);
    const unpacked =
      (bytes, count = fields.length, label = "test") =>
      () =>
        unpack(label, count, bytes);
    for (let cut = 0; cut < packed.length; cut += 1) await refused(unpacked(packed.slice(0, cut)), `cut at ${cut}`);
    for (let more = 1; more < 10; more += 1) await refused(unpacked(concat(packed, random.bytes(more))), "extended");
    await refused(unpacked(packed, fields.length + 1), "a field missing");
    if (fields.length) await refused(unpacked(packed, fields.length - 1), "a field too many");
    for (const label of ["tes", "test2", "Test", ""]) await refused(unpacked(packed, fields.length, label), label);
  }
});

test("a length that says four thousand million is no reason to try", async () => {
  await refused(() => unpack("test", 1, concat(pack("test"), Uint8Array.of(255, 255, 255, 255, 1))), "a huge length");
});

test("log entries: each field changed is refused, signed anew or not", async () => {
  const entries = given("room_log").entries.map(({ entry, sig }) => ({ e: unhex(entry), s: unhex(sig) }));
  const seen = new Set();
  for (const [seq, { e, s }] of entries.entries()) {
    const before = seq ? await publishedRoom(seq - 1, view) : log.emptyState();
    const { body } = log.parseEntry(e);
    if (seen.has(body.type)) continue;
    seen.add(body.type);
    for (const changed of variantsOf(e)) {
      const { state, refusal } = await log.apply(before, { e: changed, s }, view);
      assert.ok(refusal && !state, body.type);
    }
    for (const changed of bytewise(s, 7)) assert.ok((await log.apply(before, { e, s: changed }, view)).refusal);
  }
  assert.equal(seen.size, 10);
});

test("bodies of log entries: each field resized is of no form", async () => {
  for (const { entry } of given("room_log").entries) {
    const e = unhex(entry);
    const spans = fieldsOf(e);
    const last = spans.at(-1);
    const body = e.slice(last.from, last.to);
    const type = log.parseEntry(e).body.type;
    for (const [index, span] of fieldsOf(body).entries()) {
      if (type === "profile" && index === 2) continue;
      for (const change of [-1, 1]) {
        const changed = resized(body, span, change);
        const whole = concat(e.slice(0, last.from - 4), u32(changed.length), changed);
        // The digits of a uid may be fewer or more; it is another uid then.
        if (change < 0 && (isUidField(type, index) || span.from === span.to)) continue;
        await refused(() => log.parseEntry(whole), `${type} ${index} ${change}`);
      }
    }
  }
});
const isUidField = (type, index) => ["add", "remove", "unban", "role"].includes(type) && index === 1;

test("directory entries: each field and signature changed is refused", async () => {
  for (const { n, uid, entry, sig_new, sig_old } of given("directory").positions) {
    const signed = { n, e: unhex(entry), sn: unhex(sig_new), so: unhex(sig_old) };
    const others = given("directory").positions.filter((each) => each.uid === uid && each.n !== n);
    const rest = others.map((each) => ({
      n: each.n,
      e: unhex(each.entry),
      sn: unhex(each.sig_new),
      so: unhex(each.sig_old),
    }));
    const add = (change) => () => view.addEntries(uid, [...rest, { ...signed, ...change }]);
    await add({})();
    for (const e of variantsOf(signed.e)) await refused(add({ e }), `entry ${n}`);
    for (const sn of bytewise(signed.sn, 5)) await refused(add({ sn }), `sig_new ${n}`);
    for (const so of bytewise(signed.so, 5))
      if (signed.so.length || so.length) await refused(add({ so }), `sig_old ${n}`);
  }
});

test("directory entries that would be next: each field changed is refused before it stands in the chain", async () => {
  const keys = await keysOf("b1", "b2");
  const latest = view.latest("42");
  const fields = {
    uid: "42",
    tag: latest.entry.tag,
    type: "rotate",
    gen: 3,
    ed: keys.ed,
    x: keys.pair.publicKey,
    prevLeaf: latest.leaf,
    time: T,
  };
  const old = (await keysOf("53", "54")).sign;
  const signed = await directory.signDirEntry(INSTANCE, fields, keys.sign, old);
  await view.checkNext("42", signed);
  for (const e of variantsOf(signed.e)) await refused(() => view.checkNext("42", { ...signed, e }), "entry");
});

test("envelopes: each field changed fails its check", async () => {
  const { sign } = await keysOf("51", "52");
  const header = {
    mid: rep("92", 16),
    rev: 1,
    kind: "msg",
    ref: null,
    epoch: 5,
    by: "42",
    gen: 1,
    ts: T,
    ls: 14,
    lh: room.hashes[14],
    dn: 4,
    dh: view.hashAt(4),
  };
  const id = encoding.toBase64Url(rep("01", 16));
  const key = encoding.toBase64Url(rep("02", 32));
  const content = { t: "x", f: [{ id, k: key, d: key, n: "a", t: "b", s: 1 }] };
  const ek = rep("75", 32);
  const wanted = { rid: room.rid, kc: room.kc[5], ek, sign, header, content };
  const good = await envelopes.buildEnvelope(wanted);
  const outerOf = ({ mid, rev, kind, by }) => ({ mid: encoding.toBase64Url(mid), rev, kind, by });
  const check = async (envelope, outer = outerOf(envelope)) => envelopes.checkEnvelope(envelope, outer, room, view);
  assert.ok((await check(good)).ok);
  const changes = {
    mid: [rep("93", 16)],
    rev: [0, 2],
    kind: ["react", "del"],
    ref: [rep("92", 16)],
    epoch: [4, 1],
    by: ["43"],
    gen: [2],
    ts: [T + 1],
    ls: [13],
    lh: [room.hashes[13]],
    dn: [5, 3],
    dh: [view.hashAt(5)],
    blobs: [[], [rep("03", 16)], [good.blobs[0], good.blobs[0]]],
    n: [...bytewise(good.n)],
    c: [...bytewise(good.c, 9)],
    s: [...bytewise(good.s, 3)],
  };
  assert.deepEqual(Object.keys(changes).sort(), Object.keys(good).sort());
  for (const [field, values] of Object.entries(changes)) {
    for (const value of values) {
      const changed = { ...good, [field]: value };
      assert.ok(!(await check(changed)).ok, `${field} ${value}`);
      const other = Object.entries(outerOf(good)).some(([name, was]) => outerOf(changed)[name] !== was);
      if (other) assert.equal((await check(changed, outerOf(good))).ok, false);
      // Signed anew by its author, it still does not open as something else.
      if (["n", "c"].includes(field) || ["mid", "rev", "ts", "ls", "gen"].includes(field))
        await refused(() => envelopes.openEnvelope(changed, room.rid, room.kc[5], ek), `opened ${field}`);
    }
  }
});

test("envelopes: whatever stands in the JSON, nothing but the documented error comes out", async () => {
  const good = given("wire_message");
  const junk = [
    undefined,
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 60,
    NaN,
    "",
    "x",
    "\u{1F600}",
    "=",
    [],
    {},
    [1],
    { a: 1 },
    good.c,
  ];
  for (const key of [...Object.keys(good), "ref", "blobs"]) {
    for (const value of junk) {
      try {
        envelopes.parseEnvelope({ ...good, [key]: value });
      } catch (error) {
        assert.ok(error instanceof Refused, `${key}: ${error}`);
      }
    }
  }
});

test("wraps: each byte changed opens to nothing", async () => {
  const own = await keysOf("53", "54");
  const epoch = { rid: room.rid, n: 6, kc: room.kc[6] };
  const opener = { uid: "42", gen: 2, pair: own.pair };
  const w = unhex(given("room_wraps").find((each) => each.uid === "42").w);
  await epochs.openWrap(epoch, opener, w);
  for (const changed of bytewise(w)) await refused(() => epochs.openWrap(epoch, opener, changed), "wrap");
});

test("links between epochs: each byte changed opens to nothing", async () => {
  const key = await epochs.historyKey(rep("76", 32), room.rid, 6);
  const [link] = room.edges[6];
  const open = (change, kc = room.kc[5]) => epochs.openLink({ rid: room.rid, n: 6, key }, kc, { ...link, ...change });
  await open({});
  for (const nonce of bytewise(link.nonce)) await refused(() => open({ nonce }), "nonce");
  for (const box of bytewise(link.box)) await refused(() => open({ box }), "box");
  await refused(() => open({ m: 4 }), "another epoch");
  await refused(() => open({}, room.kc[4]), "another commitment");
});

test("boxes of an account: each byte changed opens to nothing", async () => {
  const secret = rep("22", 32);
  const recovery = await account.recoveryOf(given("recovery").text);
  const bundle = { trustKey: secret, recoveryPublic: null, rmac: null, gens: [account.makeGeneration(1)] };
  const sealed = {
    "under the password": [await account.sealAkPassword(secret, "42", 1, secret), account.openAkPassword],
    bundle: [await account.sealBundle(secret, "42", 1, bundle), account.openBundle],
    trust: [await account.sealTrust(secret, "42", 1, "{}"), account.openTrust],
  };
  for (const [what, [blob, open]] of Object.entries(sealed)) {
    await open(secret, "42", 1, blob);
    for (const changed of bytewise(blob)) await refused(() => open(secret, "42", 1, changed), what);
  }
  const blob = await account.sealAkRecovery(recovery, "42", 1, secret);
  for (const changed of bytewise(blob))
    await refused(() => account.openAkRecovery(recovery, "42", 1, changed), "under the code");
});

test("the plaintext of a bundle: each field resized or cut is of no form", async () => {
  const text = account.bundleText("42", {
    trustKey: rep("61", 32),
    recoveryPublic: rep("62", 32),
    rmac: rep("63", 32),
    gens: [account.makeGeneration(1), account.makeGeneration(2)],
  });
  account.parseBundle("42", text);
  for (const span of fieldsOf(text))
    for (const change of [-1, 1])
      await refused(() => account.parseBundle("42", resized(text, span, change)), "resized");
  for (let cut = 0; cut < text.length; cut += 3)
    await refused(() => account.parseBundle("42", text.slice(0, cut)), "cut");
  await refused(() => account.parseBundle("42", concat(text, Uint8Array.of(0))), "extended");
});

test("profiles and cards: each byte changed opens to nothing", async () => {
  const ek = rep("71", 32);
  const made = await foundRoom({
    kind: "closed",
    actor: { uid: "42", gen: 2, sign: (await keysOf("53", "54")).sign },
    people: [{ uid: "45" }],
    profile: { name: "Garden", topic: "" },
    view,
    clock: T,
  });
  const { box } = made.state.profile;
  await epochs.openProfile(made.ek, made.state.rid, 1, box);
  for (const changed of bytewise(box, 3))
    await refused(() => epochs.openProfile(made.ek, made.state.rid, 1, changed), "profile");
  const ticket = await links.ticketOf(ek.slice(0, 16), ek.slice(0, 8));
  const card = await links.sealCard(ticket, "Garden");
  for (const changed of bytewise(card, 3)) await refused(() => links.openCard(ticket, changed), "card");
});

test("chunks of a file: each byte changed is refused by the digest, and by each chunk", async () => {
  const file = random.bytes(70_000);
  const { blob, k, d, s } = await files.sealFile(file);
  for (const at of [0, 1, 65_535, 65_536, 65_551, 65_552, blob.length - 1]) {
    const changed = blob.with(at, blob[at] ^ 1);
    await refused(() => files.openFile({ k, d, s }, changed), `byte ${at}`);
    const digest = await files.fileDigest(changed);
    await refused(() => files.openFile({ k, d: digest, s }, changed), `byte ${at} with its digest`);
  }
  for (const changed of bytewise(d)) await refused(() => files.openFile({ k, d: changed, s }, blob), "digest");
  await refused(() => files.openFile({ k, d, s: files.paddedSize(s) + 1 }, blob), "another size");
});

test("sealed to somebody: each byte of info, aad and ciphertext counts", async () => {
  const pair = await hpke.makeExchangePair();
  const [info, aad] = [random.bytes(9), random.bytes(5)];
  const sealed = await hpke.seal(pair.publicKey, info, aad, random.bytes(32));
  for (const changed of bytewise(info)) await refused(() => hpke.open(pair, changed, aad, sealed), "info");
  for (const changed of bytewise(aad)) await refused(() => hpke.open(pair, info, changed, sealed), "aad");
});

test("heads, rows and binary logs of random bytes are refused or read, and nothing else", async () => {
  for (let round = 0; round < 200; round += 1) {
    const bytes = random.bytes(random.between(0, 300));
    for (const read of [
      directory.parseDirAnswer,
      directory.parseRows,
      log.parseLog,
      log.parseEntry,
      encoding.readPrefixed,
    ]) {
      try {
        read(bytes);
      } catch (error) {
        assert.ok(error instanceof Refused, `${read.name}: ${error}`);
      }
    }
  }
});
