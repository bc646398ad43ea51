/** Encrypted direct chats: whole clients at a model server, with the real cryptography. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { again, chat, settle, until } from "./model.js";

test("two people write to each other, and a browser that comes later reads everything", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "hello");
  await bob.sees(id, "hello");
  await bob.say(id, "and hello to you");
  await alice.sees(id, "and hello to you");
  const third = await again(alice, id);
  await third.sees(id, "hello");
  assert.deepEqual(third.texts(id), ["hello", "and hello to you"]);
  assert.deepEqual(alice.errors, []);
  assert.deepEqual(bob.encryption.counts, { failed: 0, missing: 0 });
  const wire = JSON.stringify(world.rooms.get(id).messages);
  assert.ok(!wire.includes("hello"));
});

test("edits, deletions, reactions, replies and mentions are the same for both", async () => {
  const { alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "one", { mentions: ["2"] });
  await bob.sees(id, "one");
  const one = bob.message(id, "one");
  assert.deepEqual(one.m, ["2"]);
  assert.equal(bob.state.rooms.get(id).mentions, 1);
  await bob.say(id, "two", { re: one.mid, mentions: ["all"] });
  await alice.sees(id, "two");
  assert.equal(alice.message(id, "two").re, one.mid);
  await bob.messages.react(id, one, "👍", true);
  await until(() => alice.message(id, "one").reactions["👍"]?.[0] === "2");
  await until(() => bob.message(id, "one").mine["👍"]);
  await settle(20);
  await bob.messages.react(id, bob.message(id, "one"), "👍", false);
  await until(() => alice.message(id, "one").reactions["👍"] === undefined);
  await alice.messages.edit(id, alice.message(id, "one"), "one, mended", []);
  await bob.sees(id, "one, mended");
  await bob.messages.remove(id, bob.message(id, "two"));
  await until(() => alice.texts(id).includes("(deleted)"));
  assert.deepEqual(alice.texts(id), ["one, mended", "(deleted)"]);
  assert.deepEqual([...alice.errors, ...bob.errors], []);
});

test("what was written without a line is sent once, over a reload and a new key", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "before");
  await bob.sees(id, "before");
  alice.cut();
  for (const text of ["first", "second", "third"]) await alice.say(id, text);
  await alice.close();
  const kept = JSON.stringify(await alice.browser.database.getAll("outbox"), (_, value) =>
    value instanceof Uint8Array ? String.fromCharCode(...value) : value,
  );
  assert.ok(!kept.includes("first"));
  await bob.door.loaded.rooms.rotateAll("manual");
  assert.equal(room.state.epoch, 2);
  await bob.say(id, "meanwhile");
  const back = await again(alice, id, alice.browser);
  await bob.sees(id, "third");
  await back.sees(id, "third");
  assert.deepEqual(bob.texts(id), ["before", "meanwhile", "first", "second", "third"]);
  assert.deepEqual(back.texts(id), bob.texts(id));
  await until(async () => (await alice.browser.database.getAll("outbox")).length === 0, "nothing waits any more");
});

test("an answer that is lost leads to the same bytes again, and to one message", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  let lost = 0;
  alice.faults["msg.send"] = async (real) => {
    await real();
    lost += 1;
    throw { code: "offline" };
  };
  await alice.say(id, "once");
  await bob.sees(id, "once");
  alice.cut();
  delete alice.faults["msg.send"];
  alice.connect();
  await until(() => alice.shown(id).some(({ t, createdSeq }) => t === "once" && createdSeq > 0));
  await until(() => alice.messages.sealedEntries().length === 0);
  const sent = alice.commands.filter(({ op }) => op === "msg.send").map(({ env }) => env.s);
  assert.ok(sent.length > 1);
  assert.equal(new Set(sent).size, 1);
  assert.equal(room.messages.length, 1);
  assert.ok(lost > 0);
});

test("a new key between two attempts: the bytes that were taken count, and are not built anew", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  alice.faults["msg.send"] = async (real) => {
    await real();
    throw { code: "offline" };
  };
  await alice.say(id, "once");
  await bob.sees(id, "once");
  alice.cut();
  await bob.door.loaded.rooms.rotateAll("manual");
  delete alice.faults["msg.send"];
  alice.connect();
  await until(() => alice.messages.sealedEntries().length === 0);
  assert.equal(room.messages.length, 1);
  assert.deepEqual(alice.texts(id), ["once"]);
});

test("a message that another has changed on its way fails its check, and says so", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  bob.deaf = (frame) => {
    if (frame.op === "msg" && frame.msg.env)
      frame.msg = { ...frame.msg, env: { ...frame.msg.env, ts: frame.msg.env.ts + 1 } };
    return false;
  };
  await alice.say(id, "hello");
  await until(() => bob.texts(id).length === 1);
  assert.deepEqual(bob.texts(id), ["(failed)"]);
  assert.equal(bob.shown(id)[0].failure, "bad_signature");
  assert.equal(bob.encryption.counts.failed, 1);
  await until(() => bob.state.encrypted.get(id).failedChecks === 1);
  assert.equal(room.messages.length, 1);
});

test("what the server takes away is not shown, and comes back with its envelope", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "hello");
  await bob.sees(id, "hello");
  room.setGone(room.messages[0].mid, "admin");
  await until(() => bob.texts(id)[0] === "admin");
  assert.equal(bob.shown(id)[0].verdict, "gone");
  await bob.room(id).ledger.written();
  room.setGone(room.messages[0].mid, undefined);
  await bob.sees(id, "hello");
  assert.equal(bob.shown(id)[0].verdict, "ok");
});

test("somebody whose keys were reset is let back in, and reads everything again", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await bob.say(id, "before");
  await alice.sees(id, "before");
  await bob.person.newKeys("reset");
  bob.encryption.setIdentity(bob.person.identity(bob.browser.localKey));
  // The list of keys is followed as the server says that the room needs another key.
  const { directory } = alice.encryption;
  directory.sync = async () => alice.door.loaded.rooms.changed();
  alice.hear({ op: "rotation.due", room: id, why: "keys", shut: [] });
  await until(() => alice.state.encrypted.get(id).toApprove[0] === "2");
  directory.sync = async () => {};
  bob.door.loaded.rooms.changed();
  await until(() => bob.state.encrypted.get(id).condition === "waiting");
  assert.equal(alice.state.encrypted.get(id).people[1].warning, "asks");
  assert.deepEqual(await alice.encrypted.lastFor(id), ["2"]);
  assert.deepEqual(await alice.encrypted.letIn(id, "2"), { others: [] });
  const anew = await again(bob, id);
  await anew.sees(id, "before");
  await alice.say(id, "welcome back");
  await anew.sees(id, "welcome back");
  assert.equal(room.state.epoch, 2);
  assert.equal(alice.state.encrypted.get(id).toApprove.length, 0);
  assert.deepEqual(
    alice.state.encrypted.get(id).lines.map(({ what }) => what),
    ["create", "add", "back", "key"],
  );
});

test("when both have reset their keys, a new chat is begun, and the old one stays", async () => {
  const { world, alice, bob, id } = await chat("alice", "bob");
  await alice.say(id, "before");
  await bob.sees(id, "before");
  for (const client of [alice, bob]) await client.person.newKeys("reset");
  for (const client of [alice, bob]) client.encryption.setIdentity(client.person.identity(client.browser.localKey));
  for (const client of [alice, bob]) client.door.loaded.rooms.changed();
  await until(() => alice.state.encrypted.get(id).condition === "dead");
  const next = await alice.encrypted.beginAnew(id);
  assert.notEqual(next, id);
  await until(() => bob.state.rooms.has(next));
  await bob.rooms.open(next);
  await alice.rooms.open(next);
  await alice.say(next, "anew");
  await bob.sees(next, "anew");
  assert.ok(alice.texts(id).includes("before"));
  assert.equal(world.rooms.size, 2);
});

test("whose account is shut gets no new key, and reads everything when it is open again", async () => {
  const { world, alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  world.people.get("3").isOpen = false;
  carol.cut();
  await alice.say(id, "without carol");
  await bob.sees(id, "without carol");
  assert.equal(room.state.epoch, 2);
  assert.ok(room.state.skipped.has("3"));
  await until(() => bob.state.encrypted.get(id).people[2].isShut);
  assert.deepEqual(await alice.encrypted.lastFor(id), []);
  // With nobody else who has the key, leaving would take it along.
  world.people.get("2").isOpen = false;
  bob.cut();
  await alice.say(id, "without both");
  await until(() => alice.state.encrypted.get(id).people[1].isShut);
  assert.deepEqual(await alice.encrypted.lastFor(id), ["2", "3"]);
  for (const uid of ["2", "3"]) world.people.get(uid).isOpen = true;
  room.announceNeeded();
  bob.connect();
  carol.connect();
  await bob.sees(id, "without both");
  await carol.sees(id, "without carol");
  assert.deepEqual([...alice.errors, ...bob.errors, ...carol.errors], []);
});

test("who leaves a group is not given the next key", async () => {
  const { world, alice, bob, carol, id, room } = await chat("alice", "bob", "carol");
  await carol.rooms.leave(id);
  await until(() => alice.state.encrypted.get(id).people.length === 2);
  assert.equal(alice.state.rooms.get(id).others.join(), "2");
  assert.ok(alice.state.rooms.get(id).wasGroup, "the two may have another chat");
  await alice.say(id, "to bob");
  await bob.sees(id, "to bob");
  assert.equal(room.state.epoch, 2);
  assert.equal(room.wraps.filter(({ uid, epoch }) => uid === "3" && epoch === 2).length, 0);
  assert.equal(world.rooms.get(id), room);
});

test("what opens as another page is read is shown where it stood without its key", async () => {
  const { alice, bob, id, room } = await chat("alice", "bob");
  await alice.say(id, "one");
  await bob.sees(id, "one");
  const { wraps } = room;
  room.wraps = [];
  const fresh = await again(bob, id);
  await until(() => fresh.texts(id)[0] === "(no_key)");
  room.wraps = wraps;
  fresh.room(id).keys.poke();
  const where = { limit: 10 };
  const read = () => fresh.room(id) && fresh.door.loaded.parts.calls.readMessages(id, where);
  await fresh.door.openPage(id, await fresh.door.readPage(id, where, read), where, () => {});
  assert.deepEqual(fresh.texts(id), ["one"]);
  const { seq } = fresh.state.timelines.get(id);
  fresh.sync.renew(id, [{ ...fresh.message(id, "one"), seq: seq + 5 }]);
  assert.equal(fresh.state.timelines.get(id).seq, seq, "it says nothing about what else has happened");
});
