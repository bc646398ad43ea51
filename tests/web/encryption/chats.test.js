/** Encrypted direct chats: whole clients at a model server, with the real cryptography. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chat, Client, makeBrowser, settle, until } from "./model.js";

test("two people write to each other, and a browser that comes later reads everything", async () => {
  const { world, clients: [alice, bob], id } = await chat("alice", "bob");
  await alice.say(id, "hello");
  await bob.sees(id, "hello");
  await bob.say(id, "and hello to you");
  await alice.sees(id, "and hello to you");
  const third = new Client(world, alice.person, await makeBrowser()).connect();
  await until(() => third.state.rooms.has(id));
  await third.rooms.open(id);
  await third.sees(id, "hello");
  assert.deepEqual(third.texts(id), ["hello", "and hello to you"]);
  assert.deepEqual(alice.errors, []);
  assert.deepEqual(bob.encryption.counts, { failed: 0, missing: 0 });
  const wire = JSON.stringify(world.rooms.get(id).messages);
  assert.ok(!wire.includes("hello"));
});

test("edits, deletions, reactions, replies and mentions are the same for both", async () => {
  const { clients: [alice, bob], id } = await chat("alice", "bob");
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
  const { world, clients: [alice, bob], id, room } = await chat("alice", "bob");
  await alice.say(id, "before");
  await bob.sees(id, "before");
  alice.cut();
  for (const text of ["first", "second", "third"]) await alice.say(id, text);
  await alice.close();
  const kept = JSON.stringify(await alice.browser.database.getAll("outbox"), (_, value) => (value instanceof Uint8Array ? String.fromCharCode(...value) : value));
  assert.ok(!kept.includes("first"));
  await bob.door.loaded.rooms.rotateAll("manual");
  assert.equal(room.state.epoch, 2);
  await bob.say(id, "meanwhile");
  const again = new Client(world, alice.person, alice.browser).connect();
  await again.rooms.open(id);
  await bob.sees(id, "third");
  await again.sees(id, "third");
  assert.deepEqual(bob.texts(id), ["before", "meanwhile", "first", "second", "third"]);
  assert.deepEqual(again.texts(id), bob.texts(id));
  assert.equal((await alice.browser.database.getAll("outbox")).length, 0);
});

test("an answer that is lost leads to the same bytes again, and to one message", async () => {
  const { clients: [alice, bob], id, room } = await chat("alice", "bob");
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
  const { clients: [alice, bob], id, room } = await chat("alice", "bob");
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
