/** What clients make of a backup that the server has restored, and of keys that the newest does not lead to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes, toBase64Url } from "../../../web/crypto/encoding.js";
import { pageFromWire, sealedFromWire } from "../../../web/net/wire.js";
import { Intervals } from "../../../web/state/encryption/intervals.js";
import { Ledger } from "../../../web/state/encryption/ledger.js";
import { LedgerShelf } from "../../../web/state/encryption/ledger_shelf.js";
import { EncryptedRoom } from "../../../web/state/encryption/room.js";
import { again, chat, chatWithReaction, Client, makeBrowser, settle, until } from "./model.js";

/** Everything of a message and of the room's log is the same for who is here. */
const epochOf = (client, id) => client.room(id)?.state?.epoch;

/** The server comes back from a backup, for these clients. */
function restore(world, backup, ...clients) {
  world.restore(backup);
  for (const client of clients) client.connect();
}

/** Until places are compared, and what is shown was read anew. */
async function compared(client, id) {
  await until(() => client.room(id)?.ledger.restores.length, "places are compared");
  await until(() => !client.room(id).comparing);
}

/** A chat with a backup that has a reaction, which was taken back since. */
async function reactionTakenBack() {
  const made = await chatWithReaction();
  const { world, alice, bob, id } = made;
  await alice.say(id, "two");
  await bob.sees(id, "two");
  await until(() => alice.message(id, "two").createdSeq);
  const backup = world.backup();
  await bob.messages.react(id, bob.message(id, "one"), "👍", false);
  await until(() => !alice.message(id, "one").reactions["👍"]);
  return { ...made, backup };
}

test("a reaction that was taken back after the backup stands again, and nobody is accused", async () => {
  const { world, alice, backup, id } = await reactionTakenBack();
  restore(world, backup, alice);
  await compared(alice, id);
  await until(() => alice.message(id, "one")?.reactions["👍"]?.[0] === "2", "it stands again");
  assert.ok(alice.shown(id).every(({ verdict, lost }) => verdict === "ok" && !lost));
});

test("an edit that the backup still has is not new, though its author has left and keys have changed", async () => {
  const { world, alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  await carol.say(id, "one");
  await bob.sees(id, "one");
  await bob.say(id, "two");
  await carol.sees(id, "two");
  await carol.messages.edit(id, carol.message(id, "one"), "one, mended", []);
  await alice.sees(id, "one, mended");
  await carol.rooms.leave(id);
  await bob.door.loaded.rooms.rotateAll("member");
  await until(() => epochOf(alice, id) === 2);
  await until(() => room.seq === alice.state.timelines.get(id).seq);
  restore(world, world.backup(), alice);
  await compared(alice, id);
  const { mid } = alice.message(id, "one, mended");
  await until(() => alice.room(id).ledger.row(mid).verdict !== "no_key", "it is fetched again");
  await alice.sees(id, "one, mended");
  assert.ok(alice.shown(id).every(({ verdict }) => verdict === "ok"));
});

test("what was written after the restore is judged by the key that was known before it", async () => {
  const { world, alice, bob, carol, id } = await chat("alice", "bob", "carol");
  await bob.say(id, "one");
  await alice.sees(id, "one");
  restore(world, world.backup(), bob, carol);
  await carol.say(id, "farewell");
  await bob.sees(id, "farewell");
  await carol.rooms.leave(id);
  await bob.door.loaded.rooms.rotateAll("member");
  // The log is here long before places are compared.
  alice.faults.readMessages = async (real) => {
    await until(() => epochOf(alice, id) === 2);
    return real();
  };
  alice.connect();
  await compared(alice, id);
  await alice.sees(id, "farewell");
  assert.equal(alice.message(id, "farewell").verdict, "ok");
});

test("what a browser had never loaded is no news to it, whoever wrote it", async () => {
  const { world, alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  await carol.say(id, "long ago");
  await bob.sees(id, "long ago");
  await carol.rooms.leave(id);
  await bob.say(id, "under another key");
  await alice.sees(id, "under another key");
  assert.equal(room.state.epoch, 2);
  const backup = world.backup();
  for (let at = 0; at < 12; at += 1) await bob.say(id, `lost ${at}`);
  await until(() => bob.message(id, "lost 11")?.createdSeq && room.messages.length === 14, "all are there");
  room.reads = new Map([["1", room.seq]]);
  const { page } = room;
  room.page = (where) => page.call(room, { ...where, limit: Math.min(where.limit ?? 5, 5) });
  const fresh = await again(alice, id);
  await fresh.sees(id, "lost 11");
  assert.ok(!fresh.texts(id).includes("long ago"));
  await alice.close();
  restore(world, backup, fresh);
  await compared(fresh, id);
  await fresh.sees(id, "long ago");
  assert.equal(fresh.message(id, "long ago").verdict, "ok");
  assert.ok(fresh.shown(id).every(({ verdict }) => verdict === "ok"));
});

test("nobody is outdated in messages that a browser had not loaded though it knew the log behind them", async () => {
  const { world, alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  await bob.say(id, "one");
  await alice.sees(id, "one");
  await alice.close();
  await carol.say(id, "two");
  await bob.sees(id, "two");
  await carol.person.newKeys("rotate");
  carol.encryption.setIdentity(carol.person.identity(carol.browser.localKey));
  await bob.say(id, "under another key");
  await carol.sees(id, "under another key");
  assert.equal(room.state.epoch, 2);
  // The chat is not opened: its log comes all the same.
  const later = new Client(world, alice.person, alice.browser).connect();
  await until(() => epochOf(later, id) === 2, "the log is known");
  restore(world, world.backup(), later);
  await later.rooms.open(id);
  await compared(later, id);
  await until(() => later.shown(id).length === 3, "everything is shown");
  assert.deepEqual(later.texts(id), ["one", "two", "under another key"]);
});

test("a page that was asked for before a restore and read after it hides nothing", async () => {
  const { world, alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const backup = world.backup();
  for (const text of ["two", "three", "four"]) await alice.say(id, text);
  await bob.sees(id, "four");
  await until(() => !alice.messages.sealedEntries().length && alice.message(id, "four")?.createdSeq);
  let letGo = () => {};
  const held = new Promise((resolve) => (letGo = resolve));
  const where = { limit: 1 };
  const read = async () => {
    await held;
    return pageFromWire(room.page(where), where);
  };
  const asked = bob.door.readPage(id, where, read).then((page) => bob.door.openPage(id, page, where, () => {}));
  restore(world, backup, bob);
  await compared(bob, id);
  letGo();
  await asked.catch(() => {});
  bob.cut();
  alice.connect();
  await alice.say(id, "five");
  await until(() => room.messages.length === 2);
  bob.connect();
  await bob.sees(id, "five");
  assert.equal(bob.message(id, "five").verdict, "ok");
});

test("what was to be written of the history before a restore is not written after it", async () => {
  const { database, localKey } = await makeBrowser();
  const parts = { database, identity: () => ({ localKey }), wait: () => settle(1) };
  const shelf = new LedgerShelf(parts, "room");
  const ledger = { restores: [], intervals: new Intervals() };
  await shelf.load(ledger);
  ledger.intervals = new Intervals([{ from: 1, to: 24, seq: 24 }]);
  shelf.noteIntervals();
  const remain = [{ from: 1, to: 16, seq: 16 }];
  ledger.intervals = new Intervals(remain);
  await shelf.rewrite(ledger, []);
  assert.deepEqual((await database.get("meta", ["intervals", "room"])).intervals, remain);
});

test("a part of the history is kept as known only as far as its messages are kept", async () => {
  const { database, localKey } = await makeBrowser();
  const parts = { database, identity: () => ({ localKey }), wait: () => new Promise(() => {}) };
  const shelf = new LedgerShelf(parts, "room");
  const message = { mid: "one", createdSeq: 1 };
  const known = (seq) => [{ from: 1, to: 1, seq }];
  // An edit comes while the message is sealed.
  const comes = () => {
    ledger.reactionsTo = () => [];
    shelf.note({ ...message, rev: 1 });
    ledger.intervals = new Intervals(known(2));
    shelf.noteIntervals();
  };
  const reactionsTo = () => (queueMicrotask(comes), []);
  const ledger = { restores: [], reactionsTo, intervals: new Intervals() };
  await shelf.load(ledger);
  ledger.intervals = new Intervals(known(1));
  shelf.note({ ...message, rev: 0 });
  shelf.noteIntervals();
  const writes = [];
  database.write = async (changes) => void writes.push(changes.find(({ store }) => store === "meta").value.intervals);
  await shelf.written();
  assert.deepEqual(writes, [known(1), known(2)]);
});

test("what comes while the history is read from the browser is known besides", async () => {
  const { database, localKey } = await makeBrowser();
  const shelf = new LedgerShelf({ database, identity: () => ({ localKey }), wait: () => settle(1) }, "room");
  await database.put("meta", ["intervals", "room"], { intervals: [{ from: 1, to: 6, seq: 6 }] });
  const ledger = { restores: [], intervals: new Intervals() };
  const loading = shelf.load(ledger);
  ledger.intervals.add({ from: 5, to: 9, seq: 9 });
  await loading;
  assert.deepEqual(ledger.intervals.list, [
    { from: 1, to: 4, seq: 6 },
    { from: 5, to: 9, seq: 9 },
  ]);
});

test("whoever waits for a room gets what is kept of it, whoever has begun to read it", async () => {
  const { alice, id } = await chat("alice", "bob");
  const { parts } = alice.door.loaded;
  const { name } = alice.room(id);
  const database = {
    get: (...args) => settle(5).then(() => parts.database.get(...args)),
    getAll: (...args) => parts.database.getAll(...args),
  };
  const room = new EncryptedRoom({ ...parts, database }, id, name, () => {});
  void room.load();
  await room.load();
  assert.equal(room.state?.seq, alice.room(id).state.seq);
});

test("a restore that is noticed before my keys are open is looked at with what is kept once they are", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await until(() => alice.message(id, "one").createdSeq);
  const backup = world.backup();
  await alice.say(id, "two");
  await bob.sees(id, "two");
  await bob.close();
  world.restore(backup);
  const later = new Client(world, bob.person, bob.browser);
  later.encryption.setIdentity(null);
  later.connect();
  await until(() => later.state.rooms.has(id));
  void later.rooms.open(id);
  await settle(50);
  later.encryption.setIdentity(bob.person.identity(bob.browser.localKey));
  await compared(later, id);
  await until(() => later.shown(id).length === 2, "both are shown");
  assert.deepEqual(
    later.shown(id).map(({ t, lost }) => [t, lost === true]),
    [
      ["one", false],
      ["two", true],
    ],
  );
  assert.deepEqual(later.errors, []);
});

test("messages that are kept and cannot be read are no reason to call anybody outdated", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "one");
  await alice.say(id, "two");
  await bob.sees(id, "two");
  await bob.close();
  const { database, localKey } = bob.browser;
  // The keys of the account are not open at first.
  const later = new Client(world, bob.person, bob.browser);
  later.encryption.setIdentity(null);
  later.connect();
  await until(() => later.state.rooms.has(id));
  await later.rooms.open(id);
  await until(() => later.shown(id).length === 2);
  later.encryption.setIdentity(bob.person.identity(localKey));
  await later.sees(id, "two");
  assert.deepEqual(later.texts(id), ["one", "two"]);
  await later.close();
  // A record does not open at all.
  const [kept] = await database.getAll("cache");
  await database.put("cache", kept.key, randomBytes(kept.value.length));
  const opened = await again(bob, id, bob.browser);
  await opened.sees(id, "two");
  assert.deepEqual(opened.texts(id), ["one", "two"]);
});

test("a key whose wraps a backup has lost is not lost with a reload", async () => {
  const { world, alice, bob, id, room } = await chat("alice", "bob");
  const backup = world.backup();
  room.isRestored = true;
  await bob.door.loaded.rooms.rotateAll("manual");
  await until(() => alice.room(id).keys.has(2) && bob.room(id).keys.has(2), "both have the key");
  alice.cut();
  await bob.close();
  restore(world, backup);
  // Neither page has the bytes of the key any more.
  await alice.close();
  const later = new Client(world, alice.person, alice.browser).connect();
  await until(() => room.state.epoch === 3, "the log is brought back, with a new key");
  assert.deepEqual(
    room.state.edges[3].map(({ m }) => m),
    [2],
  );
  assert.deepEqual(later.errors, []);
});

test("whoever brings a log back hands over the keys that went with the backup at once", async () => {
  const { world, alice, bob, id, room } = await chat("alice", "bob");
  const backup = world.backup();
  room.isRestored = true;
  bob.cut();
  await alice.door.loaded.rooms.rotateAll("manual");
  world.restore(backup);
  alice.door.loaded.parts.wait = () => new Promise(() => {});
  alice.connect();
  const has = (uid) => room.wraps.some((wrap) => wrap.uid === uid && wrap.epoch === 2);
  await until(() => has("1") && has("2"), "both have a wrap again", 3000);
  bob.connect();
  await until(() => bob.room(id).keys.has(2), "Bob has the key");
});

test("reactions to what was lost take no place of what is written afterwards", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await until(() => alice.message(id, "one").createdSeq);
  const backup = world.backup();
  await alice.say(id, "lost");
  await bob.sees(id, "lost");
  await alice.messages.react(id, alice.message(id, "lost"), "👍", true);
  await until(() => bob.message(id, "lost").reactions["👍"]);
  restore(world, backup, alice, bob);
  await compared(bob, id);
  for (const text of ["two", "three", "four"]) await alice.say(id, text);
  await bob.sees(id, "four");
  assert.deepEqual(bob.texts(id), ["one", "lost", "two", "three", "four"]);
  assert.deepEqual(bob.message(id, "lost").reactions, { "👍": ["1"] });
});

test("what was sent and not seen yet does not vanish with a backup", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await bob.say(id, "one");
  await alice.sees(id, "one");
  const backup = world.backup();
  alice.deaf = (frame) => frame.op === "msg";
  await alice.say(id, "two");
  await bob.sees(id, "two");
  await until(() => alice.messages.sealedEntries().length === 0, "it is confirmed");
  alice.deaf = null;
  restore(world, backup, alice);
  await compared(alice, id);
  await alice.sees(id, "two");
  assert.equal(alice.message(id, "two").lost, true);
});

test("batches that others post again while a browser is away get their places when it comes back", async () => {
  const { world, alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const backup = world.backup();
  await bob.door.loaded.rooms.rotateAll("manual");
  await bob.say(id, "two");
  await alice.sees(id, "two");
  alice.faults.appendLog = () => Promise.reject({ code: "network" });
  room.isRestored = true;
  restore(world, backup, alice);
  await compared(alice, id);
  await alice.close();
  bob.connect();
  await until(() => room.state.epoch === 3, "the log is brought back");
  await bob.say(id, "three");
  await bob.sees(id, "three");
  const later = await again(alice, id, alice.browser);
  await later.sees(id, "three");
  assert.equal(later.message(id, "three").verdict, "ok");
  const { state, batches } = later.room(id);
  assert.deepEqual(
    batches.map(({ last }) => last),
    bob.room(id).batches.map(({ last }) => last),
  );
  assert.equal(batches.at(-1).last, state.seq);
});

test("a key that was cut off and is known from an old wrap of mine alone is linked again", async () => {
  const { world, alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "before");
  await bob.sees(id, "before");
  bob.faults.reportWrap = () => undefined;
  alice.faults.appendLog = (_real, _room, batch) => {
    const bad = toBase64Url(randomBytes(81).fill(1, 0, 1));
    const wraps = batch.wraps.map((wrap) => (wrap.uid === "2" ? { ...wrap, w: bad } : wrap));
    return room.append("1", { ...batch, wraps });
  };
  await alice.door.loaded.rooms.rotateAll("manual");
  await alice.say(id, "between");
  await until(() => room.messages.length === 2);
  await alice.close();
  await until(() => epochOf(bob, id) === 3, "Bob repairs");
  await bob.door.loaded.rooms.rotateAll("manual");
  assert.equal(room.state.epoch, 4);
  assert.ok(!bob.texts(id).includes("between"));
  const anew = new Client(world, alice.person, await makeBrowser()).connect();
  await until(() => room.state.epoch === 5, "it is linked again");
  assert.deepEqual(
    room.state.edges[5].map(({ m }) => m),
    [4, 2],
  );
  await bob.sees(id, "between");
  await settle();
  assert.deepEqual(anew.errors, []);
});

test("what was being checked as a backup was restored has no place in the history after it", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const backup = world.backup();
  const { directory } = bob.encryption;
  const { entriesOf } = directory;
  let isHeld = false;
  let letGo = () => {};
  directory.entriesOf = () => {
    directory.entriesOf = entriesOf;
    isHeld = true;
    return new Promise((resolve) => (letGo = resolve));
  };
  await alice.say(id, "two");
  await until(() => room.messages.length === 2 && isHeld && !alice.messages.sealedEntries().length);
  restore(world, backup, alice, bob);
  await compared(bob, id);
  letGo();
  await alice.say(id, "three");
  await bob.sees(id, "three");
  assert.deepEqual(bob.texts(id), ["one", "three"]);
});

test("batches that had one place in two histories are posted again one after the other", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  const backup = world.backup();
  room.isRestored = true;
  await alice.say(id, "one");
  await bob.say(id, "two");
  await until(() => room.seq === 3, "two messages take two places");
  for (let turn = 0; turn < 2; turn += 1) await alice.door.loaded.rooms.rotateAll("manual");
  restore(world, backup, alice);
  await until(() => epochOf(alice, id) === 4, "the log is brought back, with a new key");
  restore(world, backup, alice);
  await until(() => room.state.epoch === 5, "and once more");
  bob.connect();
  await alice.say(id, "three");
  await bob.sees(id, "three");
  assert.deepEqual([...alice.errors, ...bob.errors], []);
});

test("a log that others have brought back is not called lost any more", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  const backup = world.backup();
  room.isRestored = true;
  await alice.door.loaded.rooms.rotateAll("manual");
  await until(() => epochOf(bob, id) === 2);
  alice.faults.appendLog = () => Promise.reject({ code: "network" });
  restore(world, backup, alice);
  await until(() => alice.state.encrypted.get(id).condition === "older_log");
  alice.cut();
  bob.connect();
  await until(() => room.state.epoch === 3);
  alice.connect();
  await alice.say(id, "one");
  await bob.sees(id, "one");
  assert.equal(alice.state.encrypted.get(id).condition, "ready");
});

test("what a lost message refers to is not looked for in the history after it, also after a reload", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  const backup = world.backup();
  const answer = (real) => real().then(() => Promise.reject({ code: "offline" }));
  alice.faults["msg.send"] = answer;
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await bob.say(id, "two");
  await until(() => !bob.messages.sealedEntries().length && bob.message(id, "two")?.createdSeq);
  alice.faults = {};
  restore(world, backup, bob);
  await compared(bob, id);
  await bob.say(id, "another");
  await until(() => room.messages.length === 1);
  alice.connect();
  await until(() => bob.message(id, "one")?.lost !== true && room.messages.length === 2, "it has come again");
  assert.deepEqual(bob.texts(id), ["two", "another", "one"]);
  await bob.close();
  const later = new Client(world, bob.person, bob.browser).connect();
  await until(() => later.state.rooms.has(id));
  await later.rooms.open(id);
  await later.sees(id, "one");
  await until(() => later.message(id, "two")?.lost);
  await settle(20);
  assert.equal(later.message(id, "two").refers, undefined);
});

test("what comes again before the place that it was lost at is not lost after a reload either", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  const backup = world.backup();
  for (const text of ["one", "two"]) await bob.say(id, text);
  await alice.sees(id, "two");
  alice.faults["msg.send"] = (real) => real().then(() => Promise.reject({ code: "offline" }));
  await alice.say(id, "three");
  await bob.sees(id, "three");
  await until(() => bob.message(id, "three").createdSeq && !bob.messages.sealedEntries().length);
  alice.faults = {};
  restore(world, backup, bob);
  await compared(bob, id);
  alice.connect();
  await until(() => room.messages.length === 1 && bob.message(id, "three")?.lost !== true, "it has come again");
  await bob.close();
  const later = await again(bob, id, bob.browser);
  await later.sees(id, "three");
  assert.deepEqual(
    later.shown(id).map(({ t, lost }) => [t, lost === true]),
    [
      ["one", true],
      ["two", true],
      ["three", false],
    ],
  );
});

test("nobody misses what has come again at another place than others cite", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  const backup = world.backup();
  await bob.say(id, "lost");
  await alice.sees(id, "lost");
  await until(() => !bob.messages.sealedEntries().length);
  for (const [client, text, other] of [
    [alice, "one", bob],
    [bob, "two", alice],
  ]) {
    client.faults["msg.send"] = (real) => real().then(() => Promise.reject({ code: "offline" }));
    await client.say(id, text);
    await other.sees(id, text);
  }
  alice.faults = bob.faults = {};
  restore(world, backup, alice);
  await compared(alice, id);
  await until(() => room.messages.length === 1, "the first comes again");
  bob.connect();
  await until(() => room.messages.length === 2, "the second comes again");
  await until(() => alice.shown(id).every(({ lost, t }) => t === "lost" || !lost));
  assert.deepEqual(alice.texts(id).slice(-2), ["one", "two"]);
  await settle(20);
  assert.equal(alice.message(id, "two").refers, undefined);
});

test("a reaction that was taken back after the backup stands again for who has never seen it", async () => {
  const { world, alice, backup, id } = await reactionTakenBack();
  const fresh = await again(alice, id);
  await fresh.sees(id, "two");
  restore(world, backup, fresh);
  await compared(fresh, id);
  await until(() => fresh.message(id, "one")?.reactions["👍"]?.[0] === "2", "it stands again");
});

test("a revision that was known before a later one is not new if the backup brings it back", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await until(() => alice.message(id, "one").createdSeq);
  await alice.messages.edit(id, alice.message(id, "one"), "two", []);
  await bob.sees(id, "two");
  await until(() => !alice.messages.sealedEntries().length);
  const backup = world.backup();
  await alice.messages.edit(id, alice.message(id, "two"), "three", []);
  await bob.sees(id, "three");
  await alice.person.newKeys("rotate");
  await bob.door.loaded.rooms.rotateAll("keys");
  await until(() => bob.state.timelines.get(id).seq === 5, "the new key is followed");
  restore(world, backup, bob);
  await compared(bob, id);
  await bob.sees(id, "two");
  assert.equal(bob.message(id, "two").verdict, "ok");
});

test("nothing is called outdated after a restore before what is kept has been read", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await alice.person.newKeys("rotate");
  const { parts, rooms } = bob.door.loaded;
  const told = sealedFromWire(pageFromWire(room.page({}), {}).entries[0]);
  const checked = await rooms.opener.check(bob.room(id), told.env, { ...told, isReaction: false });
  const ledger = new Ledger({ ...parts, identity: () => null }, bob.room(id));
  ledger.restores = [{ common: 0, epoch: 9, loaded: [{ from: 1, to: 9, seq: 9 }] }];
  await ledger.load();
  assert.equal(ledger.take(told, checked, null).verdict, "ok");
});

test("what is written under a key whose place is not known again after a restore waits for it", async () => {
  const { world, clients, id, room } = await chat("alice", "bob");
  const [alice, bob] = clients;
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const backup = world.backup();
  room.isRestored = true;
  await alice.door.loaded.rooms.rotateAll("manual");
  await until(() => epochOf(bob, id) === 2 && bob.room(id).keys.has(2));
  bob.faults.appendLog = () => Promise.reject({ code: "network" });
  restore(world, backup, bob);
  await compared(bob, id);
  bob.faults.readLog = () => Promise.reject({ code: "network" });
  bob.deaf = (frame) => frame.op === "log";
  alice.connect();
  await until(() => room.state.epoch === 2, "the key is posted again");
  await alice.say(id, "two");
  await until(() => bob.shown(id).some(({ verdict }) => verdict === "no_key"), "it waits");
  bob.faults = {};
  bob.deaf = null;
  await bob.door.loaded.rooms.retry(id);
  await bob.sees(id, "two");
  assert.ok(bob.shown(id).every(({ verdict }) => verdict === "ok"));
});
