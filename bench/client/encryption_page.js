/**
 * What the encryption costs in a browser, measured with the client's own modules (`encryption.mjs` serves them with
 * this file): each function is a figure of section 22 of the design, in the unit that its name in `FIGURES` says.
 * Keys are kept in IndexedDB and read back before anything is measured, where nothing can export them.
 */
import { makeGeneration, publicKeysOf } from "/crypto/account.js";
import { foundRoom, rotate } from "/crypto/batches.js";
import { Directory, headMessage, leafOf, nodeHash, rowOf, signDirEntry, tagOf } from "/crypto/directory.js";
import { concat, randomBytes, toBase64Url } from "/crypto/encoding.js";
import { buildEnvelope, checkEnvelope, openEnvelope } from "/crypto/envelope.js";
import { envelopeJson, parseEnvelope } from "/crypto/envelope_form.js";
import { commitment, findKey, makeEpochKey, makeLink, wrapAll } from "/crypto/epochs.js";
import { loadIdentity, saveIdentity } from "/crypto/keystore.js";
import { derive, ITERATIONS } from "/crypto/password.js";
import { applyAll, Batch } from "/crypto/room_log.js";
import { edPublicOf, sign, signingKey } from "/crypto/signatures.js";
import { openDatabase } from "/platform/database.js";

const ENVELOPES = 1_000;
const POSITIONS = 10_000;
const EPOCHS = 3_650;
const TEXT = "First we look at the queue, then at the database, and only when both are quiet at the network. ".repeat(
  4,
);

/** @param {() => Promise<unknown>} act @returns {Promise<number>} milliseconds */
async function timed(act) {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

/** Keys that this browser keeps as well as it can. @returns {Promise<any>} */
async function keptIdentity(uid, generation) {
  const database = await openDatabase(`bench-${uid}-${Math.random()}`);
  const records = {
    get: (name) => database.get("keys", name),
    put: (name, value) => database.put("keys", name, value),
    delete: (name) => database.remove("keys", name),
  };
  const bundle = { trustKey: randomBytes(32), recoveryPublic: null, rmac: null, gens: [generation] };
  await saveIdentity(records, uid, 1, bundle);
  const identity = await loadIdentity(records);
  if (identity?.level !== 1) throw new Error(`keys are kept on level ${identity?.level}`);
  return identity;
}

/** A directory of so many people, the first of whom is me. @param {number} count */
async function people(count) {
  const instance = randomBytes(16);
  let directory = await Directory.create(instance);
  const parts = [];
  const told = [];
  let mine = null;
  for (let n = 1, h = directory.hashAt(0); n <= count; n += 1) {
    const generation = makeGeneration(1);
    const uid = String(n);
    const { ed, x } = await publicKeysOf(generation);
    const tag = await tagOf(instance, `person${n}`);
    const entry = { uid, tag, type: "create", gen: 1, ed, x, prevLeaf: new Uint8Array(), time: 1 };
    const signed = await signDirEntry(instance, entry, await signingKey(generation.seed));
    const leaf = await leafOf(signed);
    h = await nodeHash(h, n, { uid, tag, leaf });
    parts.push(concat(h, rowOf({ uid, tag, leaf })));
    told.push({ n, uid, ...signed });
    mine ??= generation;
  }
  directory = await Directory.create(instance, concat(...parts));
  for (const entry of told) await directory.addEntries(entry.uid, [entry]);
  const identity = await keptIdentity("1", mine);
  return { directory, identity, actor: { uid: "1", gen: 1, sign: identity.sign } };
}

/** A room of everybody. @param {Awaited<ReturnType<typeof people>>} world */
async function roomOf({ directory, identity, actor }, count) {
  const others = Array.from({ length: count - 1 }, (_, at) => ({ uid: String(at + 2) }));
  const profile = { name: "Bench", topic: "" };
  const wanted = { kind: "closed", actor, profile, view: directory, clock: 1_000 };
  const made = await foundRoom({ ...wanted, people: others.slice(0, 100) });
  const batch = new Batch(made.state, actor, directory);
  for (const { uid } of others.slice(100))
    await batch.add({ type: "add", uid, root: directory.rootAt(uid, directory.n), role: "member" }, 2_000);
  const { exchange } = identity;
  const wraps = made.wraps.filter(({ uid }) => uid === "1");
  return { uid: "1", state: batch.state, wraps, exchange, keys: new Map(), walks: new Map(), broken: new Set() };
}

/** @param {Awaited<ReturnType<typeof people>>} world @param {any} ring @param {string} text */
async function envelope({ directory, actor }, ring, text) {
  const { state } = ring;
  const { key: ek } = await findKey(state.epoch, ring);
  const header = {
    mid: randomBytes(16),
    rev: 0,
    kind: "msg",
    ref: null,
    epoch: state.epoch,
    by: "1",
    gen: 1,
    ts: Date.now(),
    ls: state.seq,
    lh: state.head,
    dn: directory.n,
    dh: directory.hashAt(directory.n),
  };
  const content = { t: text, pv: [1, toBase64Url(randomBytes(16)), "2"] };
  const wanted = { rid: state.rid, kc: state.kc[state.epoch], ek, sign: actor.sign, header, content };
  return envelopeJson(await buildEnvelope(wanted));
}

/** As in the client: one walk to an epoch's key, however many envelopes wait for it. */
function keyOf(epoch, ring) {
  const walking = ring.walks.get(epoch) ?? findKey(epoch, ring).then(({ key }) => key);
  ring.walks.set(epoch, walking);
  return walking;
}

/** All of 8.5 that is cryptography. */
async function open({ directory }, ring, json) {
  const { state } = ring;
  const parsed = parseEnvelope(json);
  const outer = { mid: json.mid, rev: 0, kind: "msg", by: "1" };
  const found = await checkEnvelope(parsed, outer, state, directory);
  if (!found.ok) throw new Error(found.rule);
  return openEnvelope(parsed, state.rid, found.kc, await keyOf(parsed.epoch, ring));
}

async function envelopes() {
  const world = await people(10);
  const ring = await roomOf(world, 10);
  const texts = Array.from({ length: ENVELOPES }, (_, n) => `${n} ${TEXT}`.slice(0, 300));
  const all = [];
  const sealed = await timed(async () => {
    for (const text of texts) all.push(await envelope(world, ring, text));
  });
  const fresh = { ...ring, keys: new Map(), walks: new Map() };
  const together = await timed(() => Promise.all(all.map((json) => open(world, fresh, json))));
  const single = await timed(async () => {
    for (const json of all) await open(world, fresh, json);
  });
  const event = async (text) => {
    const env = await envelope(world, ring, text);
    const msg = {
      mid: env.mid,
      rev: 0,
      kind: "msg",
      by: "1",
      created: 1795428819578,
      created_seq: 12,
      rev_seq: 12,
      env,
    };
    return JSON.stringify({ op: "msg", room: "4", seq: 12, at: 1795428819578, msg }).length;
  };
  return {
    open: together,
    openSingle: (single / ENVELOPES) * 1000,
    seal: (sealed / ENVELOPES) * 1000,
    eventShort: await event("hi"),
    eventLong: await event(TEXT.slice(0, 300)),
  };
}

/** @param {number} count */
async function rotation(count) {
  const world = await people(count);
  const ring = await roomOf(world, count);
  const wanted = { ring, actor: world.actor, reason: "manual", view: world.directory, clock: 3_000 };
  let made;
  const ms = await timed(async () => (made = await rotate(wanted)));
  const entries = made.entries.map(({ e, s }) => ({ e: toBase64Url(e), s: toBase64Url(s) }));
  const wraps = made.wraps.map(({ w, ...wrap }) => ({ ...wrap, w: toBase64Url(w) }));
  return { ms, kb: JSON.stringify({ head: { seq: 1, hash: "" }, entries, wraps }).length / 1000 };
}

async function rotations() {
  const [hundred, five, thousand] = [await rotation(100), await rotation(500), await rotation(1_000)];
  return {
    rotate100: hundred.ms,
    rotate500: five.ms,
    rotate1000: thousand.ms,
    wire500: five.kb,
    wire1000: thousand.kb,
  };
}

/** A room of ten years' changes: as many new keys as other entries. */
async function history() {
  const world = await people(2);
  const { directory, actor } = world;
  const ring = await roomOf(world, 2);
  const batch = new Batch(ring.state, actor, directory);
  let { ek } = { ek: null };
  for (let n = 2; n <= EPOCHS; n += 1) {
    const next = makeEpochKey();
    const kc = await commitment(next, n);
    const { rid, kc: known } = batch.state;
    const target = { m: n - 1, kc: known[n - 1], ek: ek ?? randomBytes(32) };
    const links = [await makeLink({ rid, n, ek: next }, target)];
    await batch.add({ type: "epoch", n, kc, links, skip: [], reason: "manual" }, 3_000);
    await batch.add({ type: "role", uid: "2", role: n % 2 ? "member" : "admin" }, 3_000);
    ek = next;
  }
  const begun = ring.state;
  const log = await timed(() => applyAll(begun, batch.entries, directory));
  const { rid, kc } = batch.state;
  const me = { uid: "1", gen: 1, x: directory.keysOf("1", 1).x };
  const wraps = await wrapAll({ rid, n: EPOCHS, kc: kc[EPOCHS] }, [me], ek);
  const fresh = { ...ring, state: batch.state, wraps, keys: new Map() };
  const oldest = await timed(async () => {
    if (!(await findKey(2, fresh)).key) throw new Error("the oldest key is not found");
  });
  return { log, logEntry: (log / batch.entries.length) * 1000, oldest };
}

/** The server's list of keys, followed from its beginning. */
async function list() {
  const instance = randomBytes(16);
  const seed = randomBytes(32);
  const rows = [];
  let h = (await Directory.create(instance)).hashAt(0);
  for (let n = 1; n <= POSITIONS; n += 1) {
    const row = { uid: String(n), tag: randomBytes(16), leaf: randomBytes(32) };
    h = await nodeHash(h, n, row);
    rows.push(rowOf(row));
  }
  const t = Date.now();
  const head = { n: POSITIONS, h, t };
  head.sig = await sign(await signingKey(seed), headMessage(instance, head));
  const [dirKey, bytes] = [await edPublicOf(seed), concat(...rows)];
  const directory = await Directory.create(instance);
  const ms = await timed(() => directory.follow({ from: 1, head, rows: bytes }, dirKey));
  return { directory: ms };
}

async function password() {
  return { pbkdf2: await timed(() => derive("plum orbit kettle 7", randomBytes(16), ITERATIONS)) };
}

/** Text of what was opened, looked through. */
async function search() {
  const world = await people(2);
  const ring = await roomOf(world, 2);
  const all = [];
  for (let n = 0; n < ENVELOPES; n += 1) all.push(await envelope(world, ring, `${n} ${TEXT}`.slice(0, 300)));
  const wire = JSON.stringify(all);
  let found = 0;
  const ms = await timed(async () => {
    const opened = await Promise.all(JSON.parse(wire).map((json) => open(world, ring, json)));
    const folded = opened.map(({ t }) => t.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase());
    found = folded.filter((text) => text.includes("999 first")).length;
  });
  if (found !== 1) throw new Error(`found ${found}`);
  return { search: (ms / ENVELOPES) * 1000, searchBytes: wire.length / ENVELOPES };
}

export const MEASURED = { envelopes, rotations, history, list, password, search };
