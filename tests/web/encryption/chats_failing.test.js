/** What a server, a backup or a member may do to encrypted chats, and what is seen of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildEnvelope } from "../../../web/crypto/envelope.js";
import { envelopeJson } from "../../../web/crypto/envelope_form.js";
import { randomBytes, toBase64Url } from "../../../web/crypto/encoding.js";
import { EncryptedDoor } from "../../../web/state/encrypted_door.js";
import { EncryptedShelf } from "../../../web/state/encryption/encrypted_shelf.js";
import { again, chat, chatWithReaction, Client, everybodyIn, makeBrowser, settle, until, World } from "./model.js";

/** An envelope of somebody as of some entry of the log, whatever the server thinks of it. */
async function forge(client, room, { ls, epoch, text, mid = randomBytes(16), rev = 0, pv }) {
  const { state } = client.room(room.id);
  const { person, world } = client;
  const ek = await client.room(room.id).keys.get(epoch);
  const dn = state.dns[ls];
  const header = {
    mid,
    rev,
    kind: "msg",
    ref: null,
    epoch,
    by: person.uid,
    gen: person.generation.gen,
    ts: Date.now(),
    ls,
    lh: state.hashes[ls],
    dn,
    dh: world.directory.hashAt(dn),
  };
  const wanted = { rid: state.rid, kc: state.kc[epoch], ek, sign: person.generation.key, header };
  return envelopeJson(await buildEnvelope({ ...wanted, content: { t: text, ...(pv ? { pv } : {}) } }));
}

test("a rotation that loses its race is begun anew, and everybody has the same key", async () => {
  const { clients, id, room } = await chat("alice", "bob", "carol");
  await Promise.all(clients.map(({ door }) => door.loaded.rooms.rotateAll("manual")));
  assert.equal(room.state.epoch, 2);
  await Promise.all(clients.map((client, at) => client.say(id, `after ${at}`)));
  for (const client of clients) for (const at of [0, 1, 2]) await client.sees(id, `after ${at}`);
  assert.deepEqual(
    clients.flatMap(({ errors }) => errors),
    [],
  );
});

test("twenty messages while keys change five times: each arrives once, in the order of its author", async () => {
  const { alice, bob, clients, id, room } = await chat("alice", "bob");
  const rotate = async () => {
    for (let turn = 0; turn < 5; turn += 1) await bob.door.loaded.rooms.rotateAll("manual");
  };
  const write = async (client) => {
    for (let at = 0; at < 10; at += 1) await client.say(id, `${client.person.name} ${at}`);
  };
  await Promise.all([rotate(), write(alice), write(bob)]);
  await until(() => room.messages.length === 20, "all are there");
  for (const client of clients) await until(() => client.texts(id).length === 20);
  assert.equal(new Set(alice.texts(id)).size, 20);
  assert.deepEqual(alice.texts(id), bob.texts(id));
  for (const name of ["alice", "bob"])
    assert.deepEqual(
      alice.texts(id).filter((text) => text.startsWith(name)),
      Array.from({ length: 10 }, (_, at) => `${name} ${at}`),
    );
  assert.deepEqual(alice.encryption.counts, { failed: 0, missing: 0 });
});

test("two tabs of a browser share the outbox: what both have is sent once", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  const other = await again(alice, id, alice.browser);
  await until(() => other.door.loaded?.outbox);
  alice.cut();
  other.cut();
  for (const text of ["one", "two", "three"]) await alice.say(id, text);
  await until(() => other.messages.sealedEntries().length === 3, "the other tab has heard of them");
  alice.connect();
  other.connect();
  await bob.sees(id, "three");
  await until(() => alice.messages.sealedEntries().length === 0 && other.messages.sealedEntries().length === 0);
  assert.equal(room.messages.length, 3);
  assert.deepEqual(other.texts(id), ["one", "two", "three"]);
});

test("a wrap that gives no key is reported, another member heals it, and its author is barred", async () => {
  const { alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  await alice.door.loaded.rooms.rotateAll("manual");
  await carol.close();
  // Carol's browser forgets everything, and what Alice has sealed to her is no good.
  const wrap = room.wraps.find(({ uid, epoch }) => uid === "3" && epoch === 2);
  wrap.w = toBase64Url(randomBytes(81).fill(1, 0, 1));
  wrap.poster = "1";
  room.wraps = room.wraps.filter(({ uid, epoch }) => uid !== "3" || epoch === 2);
  alice.faults.giveWraps = () => 0;
  const anew = await again(carol, id);
  await bob.say(id, "hello");
  await anew.sees(id, "hello");
  assert.ok(room.barred.has("3/2/1/1"));
  assert.equal(room.wraps.find(({ uid, epoch }) => uid === "3" && epoch === 2).poster, "2");
});

test("a key that opens for nobody is replaced by whoever wants to write, and its author is named", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "before");
  await bob.sees(id, "before");
  bob.faults.reportWrap = () => undefined;
  alice.faults.appendLog = (_real, _room, batch) => {
    delete alice.faults.appendLog;
    const bad = toBase64Url(randomBytes(81).fill(1, 0, 1));
    return room.append("1", {
      ...batch,
      wraps: batch.wraps.map((wrap) => (wrap.uid === "2" ? { ...wrap, w: bad } : wrap)),
    });
  };
  await alice.door.loaded.rooms.rotateAll("manual");
  // She does not hand it over again.
  alice.cut();
  await until(() => bob.state.encrypted.get(id).condition === "getting_key");
  await bob.say(id, "still here");
  await until(() => room.state.epoch === 3, "repaired");
  await until(() => bob.state.encrypted.get(id).badKey?.by === "1", "its author is named");
  await until(() => bob.message(id, "still here").createdSeq > 0);
  alice.connect();
  await alice.sees(id, "still here");
  await alice.sees(id, "before");
});

test("who was removed cannot write into a past that was read, not even with the server's help", async () => {
  const { alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await carol.sees(id, "one");
  const late = await forge(carol, room, { ls: room.state.seq, epoch: 1, text: "never said" });
  await carol.rooms.leave(id);
  await alice.say(id, "two");
  await bob.sees(id, "two");
  room.commit("3", late, undefined);
  await until(() => bob.texts(id).length === 3);
  assert.equal(bob.texts(id).at(-1), "(outdated)");
  // The same where it would have stood, for a browser that has read that part.
  const backdated = await forge(carol, room, { ls: 2, epoch: 1, text: "nor this" });
  const first = room.find(bob.message(id, "one").mid);
  const at = first.created_seq - 1;
  room.messages.unshift({
    ...first,
    mid: backdated.mid,
    by: "3",
    env: backdated,
    created_seq: at,
    rev_seq: at,
    seq: room.seq,
    reacts: [],
    sent: [],
  });
  await bob.rooms.showAround(id, { seq: at });
  await bob.pages.readAnew(id);
  await until(() => bob.shown(id).some(({ mid }) => mid === backdated.mid));
  assert.equal(bob.shown(id).find(({ mid }) => mid === backdated.mid).verdict, "outdated");
  await bob.room(id).ledger.written();
  assert.deepEqual(
    bob.texts(id).filter((text) => text === "nor this"),
    [],
  );
});

test("a message that is kept back is missed by the next one of whoever has seen it", async () => {
  const { alice, bob, carol, id } = await chat("alice", "bob", "carol");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  bob.deaf = (frame) => frame.op === "msg" && frame.msg.by === "3";
  await carol.say(id, "hidden from bob");
  await alice.sees(id, "hidden from bob");
  await alice.say(id, "two");
  await bob.sees(id, "two");
  await until(() => bob.message(id, "two").refers === "missing");
  assert.equal(alice.message(id, "two").refers, undefined);
});

test("a message that shows another log is a fork: nothing is sent any more, and both hashes are there", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  const { state } = bob.room(id);
  const env = await forge(bob, room, { ls: state.seq, epoch: 1, text: "of another log" });
  const { state: other } = bob.room(id);
  const hashes = [...other.hashes];
  hashes[other.seq] = randomBytes(32);
  bob.room(id).state = { ...other, hashes };
  const forged = await forge(bob, room, { ls: other.seq, epoch: 1, text: "of another log" });
  assert.notEqual(env.lh, forged.lh);
  room.commit("2", forged, undefined);
  await until(() => alice.state.encrypted.get(id).condition === "forked");
  const { fork } = alice.state.encrypted.get(id);
  assert.deepEqual([fork.of, fork.by, fork.theirs], ["log", "2", forged.lh]);
  await alice.say(id, "not sent");
  await settle(100);
  assert.equal(room.messages.length, 1);
  assert.equal(alice.messages.sealedEntries().length, 1);
  assert.match(await alice.encrypted.evidence(id), /"theirs"/);
});

test("after a backup lost messages stay and say so, the log comes back, and all go on", async () => {
  const { world, alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const backup = world.backup();
  await bob.say(id, "two");
  await alice.sees(id, "two");
  await bob.door.loaded.rooms.rotateAll("manual");
  await bob.say(id, "three");
  await alice.sees(id, "three");
  await until(() => bob.message(id, "three").createdSeq > 0);
  world.restore(backup);
  room.isRestored = true;
  assert.equal(room.state.epoch, 1);
  for (const client of [alice, bob]) client.connect();
  await until(() => room.state.epoch >= 2, "the log is brought back");
  await until(() => alice.shown(id).filter(({ lost }) => lost).length === 2, "what is lost is marked");
  assert.deepEqual(alice.texts(id), ["one", "two", "three"]);
  await until(
    () => alice.state.encrypted.get(id).condition === "ready" && bob.state.encrypted.get(id).condition === "ready",
  );
  await alice.say(id, "four");
  await bob.sees(id, "four");
  await until(() => alice.state.encrypted.get(id).lost === 2);
  await until(() => bob.texts(id).length === 4, `Bob has ${bob.texts(id).join(" | ")}`);
  assert.deepEqual(bob.texts(id), ["one", "two", "three", "four"]);
  assert.equal(bob.message(id, "four").verdict, "ok");
  assert.deepEqual(bob.encryption.counts, { failed: 0, missing: 0 });
});

test("a log that the server does not give is asked for less and less often, and comes in the end", async () => {
  const { world, alice, id } = await chat("alice", "bob");
  await alice.say(id, "there all the while");
  const later = new Client(world, world.people.get("2"), await makeBrowser());
  later.speed = 1000;
  let asked = 0;
  later.faults.readLog = () => {
    asked += 1;
    throw { code: "unavailable" };
  };
  later.connect();
  await settle(300);
  assert.ok(asked >= 2 && asked < 40, `${asked} times`);
  delete later.faults.readLog;
  await later.rooms.open(id);
  await later.sees(id, "there all the while");
});

test("a backup that lost nothing accuses nobody", async () => {
  const { world, alice, bob, id } = await chatWithReaction();
  await settle(20);
  world.restore(world.backup());
  for (const client of [alice, bob]) client.connect();
  await alice.say(id, "two");
  await bob.sees(id, "two");
  await until(() => bob.message(id, "one").reactions["👍"]?.[0] === "2");
  assert.deepEqual(bob.texts(id), ["one", "two"]);
  assert.ok(bob.shown(id).every(({ lost, refers }) => !lost && !refers));
});

test("a chat that the server names is used only if its log is of these people", async () => {
  const world = await World.create("alice", "bob", "mallory");
  const [alice, bob, mallory] = [];
  void [alice, bob, mallory];
  const clients = await everybodyIn(world);
  const other = await clients[0].encrypted.begin(["3"]);
  clients[0].faults.createEncryptedRoom = async () => {
    const { roomFromWire } = await import("../../../web/net/wire.js");
    return roomFromWire({ ...world.rooms.get(other).toWire("1"), with: ["2"] });
  };
  await assert.rejects(clients[0].encrypted.begin(["2"]), { code: "other_chat" });
});

test("who has no keys is asked about, and whose keys are known is never written to in plain words", async () => {
  const world = await World.create("alice", "bob");
  const alice = new Client(world, world.people.get("1"), await makeBrowser()).connect();
  alice.state.users.set("9", { uid: "9", username: "new" });
  await assert.rejects(alice.rooms.openDirect("9"), { code: "no_keys", uids: ["9"] });
  alice.browser.contacts.set("9", { root: randomBytes(32), ok: null });
  await assert.rejects(alice.rooms.openDirect("9"), { code: "keys_withheld" });
  await assert.rejects(alice.encrypted.openPlain("9"), { code: "keys_withheld" });
  alice.state.users.set("2", { uid: "2", username: "bobby" });
  const { directory } = alice.encryption;
  assert.equal(directory.nameOf("2"), "bob");
  await assert.rejects(alice.rooms.openDirect("2"), { code: "name_differs", uid: "2", login: "bobby", name: "bob" });
  const id = await alice.encrypted.begin(["2"], { agreed: ["2"] });
  assert.equal(await alice.rooms.openDirect("2"), id);
});

test("a server that offers no encryption any more gets no plain chat with somebody whose keys are known", async () => {
  const world = await World.create("alice", "bob");
  const alice = new Client(world, world.people.get("1"), await makeBrowser()).connect();
  alice.browser.contacts.set("2", { root: randomBytes(32), ok: null });
  alice.state.info = { encryption: "off" };
  assert.equal(alice.door.loaded, null, "no encrypted room was named");
  await assert.rejects(alice.rooms.openDirect("2"), { code: "keys_withheld", uids: ["2"] });
  // What the server has not said yet is asked for.
  alice.state.info = null;
  const asked = [];
  const realFetch = globalThis.fetch;
  globalThis.fetch = async (path) => {
    asked.push(String(path));
    throw new TypeError("no line");
  };
  await assert.rejects(alice.rooms.openDirect("3"), { code: "network" });
  globalThis.fetch = realFetch;
  assert.deepEqual(asked, ["/api/info"]);
});

test("a room that is known as encrypted is never taken for a plain one", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const { toWire } = room;
  room.toWire = (uid) => ({ ...toWire.call(room, uid), e2ee: false, rid: undefined, log: undefined });
  alice.cut();
  alice.connect();
  await until(() => alice.state.encrypted.get(id).condition === "named_plain");
  await alice.say(id, "not in plain words");
  await settle(50);
  assert.equal(alice.commands.filter(({ op, msg }) => op === "msg.send" && msg).length, 0);
  assert.equal(room.messages.length, 1);
});

test("a browser that is signed in anew knows the encrypted rooms of its person, whatever the server says", () => {
  const state = { me: null, rooms: new Map([["7", { id: "7", e2ee: false }]]), epoch: "one" };
  /** @type {any} */
  let opened;
  const keys = { load: () => new Promise(() => {}), onLoaded: (listener) => (opened = listener) };
  const door = new EncryptedDoor(/** @type {any} */ ({ store: { state }, ingest: {}, sync: {}, keys }));
  // The keys open before it is known who is signed in, and nothing changes afterwards.
  opened({ uid: "1", trust: { changed: () => {}, rooms: () => [["rid", { id: "7" }]] } });
  assert.ok(!door.isEncrypted("7"));
  Object.assign(state, { me: { uid: "1" } });
  door.start("1");
  assert.ok(door.isEncrypted("7"));
  Object.assign(state, { me: { uid: "2" } });
  door.start("2");
  assert.ok(!door.isEncrypted("7"), "somebody else's rooms are not mine");
});

test("nothing that is written is in this browser in clear", async () => {
  globalThis.localStorage = fakeStorage();
  const { alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "canary one");
  await bob.sees(id, "canary one");
  alice.drafts.set(id, "canary two");
  alice.cut();
  await alice.say(id, "canary three");
  await alice.close();
  const kept = [];
  for (const store of ["meta", "rooms", "cache", "outbox", "drafts"])
    for (const { key, value } of await alice.browser.database.getAll(store)) kept.push(dump(key), dump(value));
  assert.ok(kept.length > 6);
  assert.ok(!kept.join("\n").includes("canary"));
  assert.ok(!JSON.stringify(globalThis.localStorage.all()).includes("canary"));
  delete globalThis.localStorage;
  const back = await again(alice, id, alice.browser);
  await bob.sees(id, "canary three");
  assert.equal(back.state.drafts.get(id), "canary two");
});

function dump(value) {
  return JSON.stringify(value, (_, each) => {
    if (each instanceof Uint8Array) return String.fromCharCode(...each);
    return each instanceof Map ? [...each] : each instanceof Set ? [...each] : each;
  });
}

function fakeStorage() {
  const held = new Map();
  return {
    getItem: (key) => held.get(key) ?? null,
    setItem: (key, text) => void held.set(key, text),
    removeItem: (key) => void held.delete(key),
    key: (at) => [...held.keys()][at] ?? null,
    get length() {
      return held.size;
    },
    all: () => [...held],
  };
}

test("search finds parts of words without case and accents, and goes on page by page", async () => {
  const { alice, bob, id } = await chat("alice", "bob");
  for (const text of ["Élan vital", "nothing here", "the ELANtra", "gone elan"]) await alice.say(id, text);
  await bob.sees(id, "gone elan");
  await alice.messages.remove(id, alice.message(id, "gone elan"));
  await until(() => bob.texts(id).includes("(deleted)"));
  const search = await bob.encrypted.search(id, "elan");
  await search.more();
  assert.deepEqual(
    search.found.map(({ t }) => t),
    ["the ELANtra", "Élan vital"],
  );
  assert.ok(search.isComplete);
  assert.ok(search.since > 0);
});

test("a mention in a room that is not open is found by opening what is unread", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  const other = new Client(world, bob.person, await makeBrowser()).connect();
  await until(() => other.state.rooms.has(id) && other.door.loaded);
  await alice.say(id, "hello @bob", { mentions: ["2"] });
  await until(() => other.state.rooms.get(id).mentions === 1);
  const later = new Client(world, bob.person, await makeBrowser()).connect();
  await until(() => later.state.rooms.get(id)?.mentions === 1);
});

test("a clock that is hours off changes nothing: the server's counts", async () => {
  const { alice, bob, id } = await chat("alice", "bob");
  const { now } = Date;
  Date.now = () => now() - 5 * 3_600_000;
  try {
    await alice.say(id, "from the past");
    await bob.sees(id, "from the past");
  } finally {
    Date.now = now;
  }
  assert.equal(bob.message(id, "from the past").verdict, "ok");
});

test("what is put on a shelf while it is read anew stays on it, however fast it is written", async () => {
  const { database, localKey } = await makeBrowser();
  const { getAll } = database;
  const shelf = new EncryptedShelf(database, "outbox", localKey, { ridOf: () => "room", openTabs: () => null });
  database.getAll = async (...args) => {
    const rows = await getAll.apply(database, args);
    database.getAll = getAll;
    shelf.keep("a", { t: "written meanwhile" });
    await shelf.written();
    return rows;
  };
  await shelf.refresh();
  assert.deepEqual(shelf.recall("a"), { t: "written meanwhile" });
});

test("what comes while a page is on its way, in a room that is not followed, is not taken for known", async () => {
  const { world, clients, id } = await chat("alice", "bob");
  const [alice, bob] = clients;
  await bob.say(id, "one");
  await alice.sees(id, "one");
  await alice.close();
  const later = new Client(world, alice.person, await makeBrowser());
  later.faults.readMessages = async (real) => {
    const page = await real();
    delete later.faults.readMessages;
    const { seq } = later.state.rooms.get(id);
    await bob.say(id, "two");
    await until(() => later.state.rooms.get(id).seq > seq, "it is told that something was said");
    return page;
  };
  later.connect();
  await until(() => later.room(id)?.ledger.intervals.list.length, "what calls me is counted");
  await later.rooms.open(id);
  await later.sees(id, "two");
  assert.deepEqual(later.texts(id), ["one", "two"]);
});
