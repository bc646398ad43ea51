/** The list of everybody's keys as a browser follows it: servers that fork it, set it back, or keep something back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { signDirEntry, tagOf } from "../../../web/crypto/directory.js";
import { makeGeneration, publicKeysOf } from "../../../web/crypto/account.js";
import { toBase64Url } from "../../../web/crypto/encoding.js";
import { signingKey } from "../../../web/crypto/signatures.js";
import { stepsTo } from "../../../web/state/encryption/bring_back.js";
import { FakeServer } from "./fake_server.js";
import { useFakeIndexedDb } from "./fake_indexeddb.js";
import { KeysBrowser, PASSWORD, refusalOf, SECOND } from "./keys_browser.js";

useFakeIndexedDb();

/** A server with people in its list. */
async function town(...names) {
  const server = await FakeServer.start();
  const people = [];
  for (const name of names) people.push(await KeysBrowser.register(server, name));
  return { server, people };
}

/** An entry that a bad server makes for an account. @param {FakeServer} server */
async function forge(server, uid, name, type) {
  const own = server.entries.filter((entry) => entry.uid === uid);
  const generation = makeGeneration(own.length + 1);
  const tag = await tagOf(server.instance, name);
  const prevLeaf = own.at(-1)?.leaf ?? new Uint8Array();
  const entry = { uid, tag, type, gen: own.length + 1, ...(await publicKeysOf(generation)), prevLeaf, time: 1 };
  await server.push(uid, tag, await signDirEntry(server.instance, entry, await signingKey(generation.seed)), name);
}

async function as(server, browser, work) {
  server.user = browser.encryption.uid;
  return work(browser.encryption);
}

test("the list is followed to its end, kept over reloads, and only its rest is asked for again", async () => {
  const { server, people } = await town("ada", "bob", "carla");
  const [ada] = people;
  await as(server, ada, (encryption) => encryption.directory.sync());
  assert.equal(ada.encryption.directory.n, 3);
  assert.equal(ada.encryption.directory.hasKeys("43"), true);
  server.calls.length = 0;
  await Promise.all(Array.from({ length: 50 }, () => ada.encryption.directory.entriesOf(["43"])));
  assert.deepEqual(server.calls, ["GET /api/dir/entries"], "those who ask at once share an answer");
  await ada.reload();
  server.calls.length = 0;
  await ada.encryption.directory.entriesOf(["43"]);
  assert.equal(ada.encryption.directory.n, 3);
  assert.equal(ada.encryption.directory.nameOf("43"), "bob");
  assert.deepEqual(server.calls, [], "what was checked once is here");
});

test("thousands of positions are kept in pieces, read again, and brought back in pieces", async () => {
  const { server, people } = await town("ada");
  const [ada] = people;
  for (const end of [2100, 3500, 9500]) {
    for (let uid = server.entries.length + 999; uid < end; uid += 1)
      await server.push(String(uid), madeUpTag(uid), { e: u8(uid), sn: u8(1), so: u8(0) }, "x");
    await ada.encryption.directory.sync();
  }
  const { n, hash } = ada.encryption.directory;
  assert.equal(n, 8501);
  await ada.reload();
  assert.deepEqual(ada.encryption.directory.hash, hash);
  assert.deepEqual(ada.alarms, []);
  server.setBack(1);
  await as(server, ada, (encryption) => encryption.directory.sync());
  assert.deepEqual(server.chain.at(-1), hash);
  assert.deepEqual(
    server.brought.map(({ from, to }) => [from, to]),
    [
      [2, 2501],
      [2502, 8501],
    ],
    "up to the farthest head that the server has signed",
  );
  assert.ok(server.brought.every(({ bytes }) => bytes < 1024 * 1024));
  assert.deepEqual(ada.alarms, []);
});

test("a long list is brought back from head to head, and where there is none for long in a longer step", () => {
  const headAt = (n) => ({ n, h: new Uint8Array(), t: 0, sig: new Uint8Array() });
  const heads = [1000, 2000, 7000, 9000, 30_000].map(headAt);
  const steps = (newest, from) => stepsTo(headAt(newest), heads, from).map(({ first, head }) => [first, head.n]);
  assert.deepEqual(steps(31_000, 1500), [
    [1500, 9000],
    [9001, 30_000],
    [30_001, 31_000],
  ]);
  assert.deepEqual(steps(2500, 2400), [[2400, 2500]]);
  assert.deepEqual(stepsTo(null, heads, 1), []);
});

const madeUpTag = (uid) => new Uint8Array(16).map((_, at) => Math.floor(uid / 256 ** at) % 256);

const u8 = (n) => new Uint8Array([n >> 8, n & 255]);

test("a server that shows another list than before is noticed, nothing more is sent, and it stays so", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada] = people;
  await ada.reload();
  server.setBack(1);
  await forge(server, "43", "bob", "create");
  await forge(server, "44", "carla", "create");
  await as(server, ada, (encryption) => encryption.directory.sync());
  assert.equal(ada.encryption.directory.state, "fork");
  assert.deepEqual(ada.alarms, ["fork"]);
  assert.equal(ada.encryption.mayWrite, false);
  assert.equal(ada.rooms.mayWrite.at(-1), false, "rooms say so");
  assert.equal(ada.encryption.directory.n, 2, "what is known stays");
  assert.ok(server.calls.includes("POST /api/dir/again"), "the administrators are told");
  const evidence = JSON.parse(ada.encryption.evidence());
  assert.equal(evidence.position.n, 3);
  await ada.reload();
  assert.deepEqual(ada.alarms, ["fork"]);
  await ada.encryption.forgetDirectory(PASSWORD);
  assert.deepEqual(ada.alarms, [], "by the password alone, in the settings");
  assert.ok(ada.rooms.mayWrite.includes(true), "and that it is over");
  assert.equal(ada.encryption.directory.n, 3);
});

test("a head that another key has signed is another list, too", async () => {
  const { server, people } = await town("ada");
  const other = await FakeServer.start();
  server.key = other.key;
  globalThis.fetch = /** @type {any} */ ((path, options) => server.fetch(path, options));
  await people[0].reload();
  assert.deepEqual(people[0].alarms, ["fork"]);
});

test("what another browser of mine has seen of the list binds a new one", async () => {
  const { server, people } = await town("ada", "bob");
  await as(server, people[0], (encryption) => encryption.trust.pin("43", "bob"));
  // The server has a list of its own making for the new browser.
  server.setBack(1);
  await forge(server, "43", "bob", "create");
  const fresh = await KeysBrowser.signIn(server, "ada");
  assert.deepEqual(fresh.alarms, ["fork"]);
});

test("a server that was set back takes what it has lost, and nobody is told", async () => {
  const { server, people } = await town("ada", "bob", "carla");
  const [ada, bob] = people;
  await ada.reload();
  await ada.encryption.directory.entriesOf(["42", "44"]);
  const before = server.chain.map(toBase64Url);
  server.setBack(1);
  await as(server, ada, (encryption) => encryption.directory.sync());
  assert.deepEqual(server.chain.map(toBase64Url), before);
  assert.deepEqual(ada.alarms, []);
  assert.equal(server.entries[1].isMissing, true, "she never met bob");
  assert.equal(server.entries[2].isMissing, false);
  await as(server, bob, (encryption) =>
    encryption.connected({ dir: { n: 3, h: before[3], missing: [2], closed: true } }),
  );
  assert.equal(server.entries[1].isMissing, false, "bob brings his own");
  assert.deepEqual(bob.alarms, []);
});

test("a server that shows an older list and takes nothing back is a rollback, until it does", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada] = people;
  await ada.reload();
  server.shownTo = 1;
  await as(server, ada, (encryption) => encryption.directory.sync());
  assert.deepEqual(ada.alarms, ["rollback"]);
  assert.equal(ada.encryption.mayWrite, false);
  server.shownTo = Infinity;
  await ada.encryption.directory.sync();
  assert.deepEqual(ada.alarms, []);
  assert.equal(ada.encryption.mayWrite, true);
});

test("an entry that is kept back is noticed, whoever it is", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada, bob] = people;
  await ada.reload();
  await ada.encryption.people.look("43");
  assert.equal(ada.state.contacts.get("43").warning, null);
  await as(server, bob, (encryption) => encryption.rotate({ password: PASSWORD, next: "", ends: null }));
  server.user = "42";
  server.twist = (key, body) =>
    key === "GET /api/dir/entries" ? { entries: body.entries.filter(({ n }) => n !== 3) } : body;
  assert.equal(
    await refusalOf(ada.encryption.directory.sync().then(() => ada.encryption.directory.entriesOf(["43"]))),
    "entries_withheld",
  );
  await ada.encryption.people.look("43");
  assert.equal(ada.state.contacts.get("43").warning, "withheld");
});

test("somebody who bears my name is told to me at once, and nothing is sent", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada, bob] = people;
  await forge(server, "99", "bob", "create");
  await as(server, bob, (encryption) => encryption.connected({ dir: null }));
  assert.deepEqual(bob.alarms, ["my_name"]);
  assert.equal(bob.encryption.mayWrite, false);
  await as(server, ada, (encryption) => encryption.directory.sync());
  assert.equal(ada.encryption.mayWrite, true);
  assert.equal(await refusalOf(ada.encryption.trust.pin("43", "bob")), "two_names");
  assert.equal(await refusalOf(ada.encryption.trust.pin("99", "bob")), "two_names");
});

test("keys of my account that are not mine are told, by a browser that knows its own as by a new one", async () => {
  const { server, people } = await town("ada");
  const [ada] = people;
  await forge(server, "42", "ada", "reset");
  await ada.encryption.connected({ dir: null });
  assert.deepEqual(ada.alarms, ["own_reset"]);
  assert.equal(ada.encryption.identity, null);
  const fresh = await KeysBrowser.signIn(server, "ada");
  assert.deepEqual(fresh.alarms, ["own_keys"]);
  assert.equal(fresh.encryption.mayWrite, false);
  assert.equal(fresh.encryption.identity, null);
});

test("my keys that the list has lost are brought again, byte for byte", async () => {
  const { server, people } = await town("ada");
  const [ada] = people;
  await ada.encryption.rotate({ password: PASSWORD, next: "", ends: null });
  const [, lost] = server.entries;
  // The browser's own list is gone as well, as after "forget this server's list".
  server.setBack(1);
  server.shownTo = 1;
  await ada.encryption.directory.forget();
  server.shownTo = Infinity;
  await ada.encryption.connected({ dir: null });
  assert.equal(server.entries.length, 2);
  assert.deepEqual(server.entries[1].e, lost.e);
  assert.deepEqual(ada.alarms, []);
});

test("a name that an administrator has changed is noted in the list by its owner", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada, bob] = people;
  await as(server, ada, (encryption) => encryption.trust.pin("43", "bob"));
  const account = server.accounts.get("bob");
  server.accounts.delete("bob");
  server.accounts.set("robert", { ...account, username: "robert" });
  bob.username = "robert";
  await bob.reload();
  assert.equal(server.entries.length, 3);
  assert.equal(bob.encryption.directory.nameOf("43"), "robert");
  assert.deepEqual(bob.alarms, []);
  await as(server, ada, async (encryption) => {
    await encryption.directory.sync();
    await encryption.directory.entriesOf(["43"]);
    assert.equal(encryption.trust.judge("43"), "renamed");
    assert.equal(await refusalOf(encryption.trust.pin("43", "whatever")), "nothing refused");
    assert.equal(encryption.trust.contact("43").name, "robert");
  });
});

test("a first pin needs the name that the person chose to be that account's in the list", async () => {
  const { server, people } = await town("ada", "bob", "b0b");
  const { encryption } = people[0];
  await as(server, people[0], (encryption) => encryption.directory.sync());
  assert.equal(await refusalOf(encryption.trust.pin("44", "bob")), "other_name");
  assert.equal(await refusalOf(encryption.trust.pin("77", "bob")), "no_keys");
  await encryption.trust.pin("43", "BOB");
  assert.equal(encryption.trust.judge("43"), "same");
  assert.equal(encryption.trust.contact("43").ok, null);
  await encryption.trust.pinFromLog("44");
  await encryption.trust.verify("43", true);
  assert.ok(encryption.trust.contact("43").ok > 0);
});

test("what is known of people follows the account to a new browser, and is joined where two have written", async () => {
  const { server, people } = await town("ada", "bob", "carla", "dora");
  const [one, bob] = people;
  server.user = "42";
  const other = await KeysBrowser.signIn(server, "ada");
  await one.encryption.directory.sync();
  await one.encryption.trust.pin("43", "bob");
  await other.encryption.trust.pin("44", "carla");
  await Promise.all([one.encryption.trust.verify("43", true), other.encryption.trust.pin("45", "dora")]);
  await one.encryption.trust.noteRoom("r".repeat(42) + "A", { id: "7", seq: 3, hash: new Uint8Array(32) });
  const third = await KeysBrowser.signIn(server, "ada");
  assert.deepEqual(
    third.encryption.trust
      .contacts()
      .map(([uid]) => uid)
      .sort(),
    ["43", "44", "45"],
  );
  assert.ok(third.encryption.trust.contact("43").ok);
  assert.equal(third.encryption.trust.roomOfId("7"), "r".repeat(42) + "A");
  await as(server, bob, (encryption) => encryption.rotate({ password: PASSWORD, next: "", ends: null }));
  server.user = "42";
  await third.encryption.people.look("43");
  assert.equal(third.encryption.trust.judge("43"), "rotated");
  assert.ok(third.state.contacts.get("43").verifiedAt, "a rotation is no news");
});

test("an older store of what I know is refused by a browser that knows a newer one, and put there again", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada] = people;
  server.user = "42";
  await ada.encryption.directory.sync();
  const { trust, trust_rev } = server.me.keys;
  await ada.encryption.trust.pin("43", "bob");
  Object.assign(server.me.keys, { trust, trust_rev });
  await ada.encryption.connected({ dir: null });
  assert.deepEqual(ada.alarms, ["older_keys"]);
  assert.ok(server.me.keys.trust_rev > trust_rev);
  assert.ok((await KeysBrowser.signIn(server, "ada")).encryption.trust.contact("43"));
});

test("a store that nobody with my keys has made is told, and put right by a browser that knows better", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada] = people;
  server.user = "42";
  await ada.encryption.directory.sync();
  await ada.encryption.trust.pin("43", "bob");
  const spoil = () =>
    Object.assign(server.me.keys, { trust: "AQ".repeat(40), trust_rev: server.me.keys.trust_rev + 1 });
  spoil();
  await ada.encryption.connected({ dir: null });
  assert.deepEqual(ada.alarms, ["spoilt_trust"]);
  const second = await KeysBrowser.signIn(server, "ada");
  assert.ok(second.encryption.trust.contact("43"));
  assert.deepEqual(second.alarms, []);
  // As something is noted, and by a browser that knows nothing.
  spoil();
  await second.encryption.trust.verify("43", true);
  assert.deepEqual(second.alarms, ["spoilt_trust"]);
  assert.ok((await KeysBrowser.signIn(server, "ada")).encryption.trust.contact("43").ok);
  spoil();
  assert.deepEqual((await KeysBrowser.signIn(server, "ada")).alarms, ["spoilt_trust"]);
});

test("a browser whose keys have changed elsewhere replaces nothing that newer keys have sealed", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada] = people;
  server.user = "42";
  const other = await KeysBrowser.signIn(server, "ada");
  await ada.encryption.directory.sync();
  await other.encryption.rotate({ password: PASSWORD, next: "", signOutOthers: false });
  const { trust, trust_rev } = server.me.keys;
  await ada.encryption.trust.pin("43", "bob");
  assert.deepEqual([server.me.keys.trust, server.me.keys.trust_rev], [trust, trust_rev]);
  assert.ok(!ada.alarms.includes("spoilt_trust"));
});

test("both see the same safety number, over new keys and another password; a reset changes it", async () => {
  const { server, people } = await town("ada", "bob");
  const [ada, bob] = people;
  const number = (browser, uid) =>
    as(server, browser, async (encryption) => {
      await encryption.directory.sync();
      return encryption.people.safetyNumber(uid);
    });
  const first = await number(ada, "43");
  assert.match(first, /^(\d{5} ){11}\d{5}$/);
  assert.equal(await number(bob, "42"), first);
  await as(server, bob, (encryption) => encryption.rotate({ password: PASSWORD, next: SECOND, ends: null }));
  assert.equal(await number(ada, "43"), first);
  await as(server, ada, (encryption) => encryption.trust.verify("43", true));
  await forge(server, "43", "bob", "reset");
  assert.notEqual(await number(ada, "43"), first);
  await as(server, ada, (encryption) => encryption.people.look("43"));
  assert.equal(ada.state.contacts.get("43").warning, "reset");
  assert.equal(await refusalOf(ada.encryption.trust.pin("43", "bob")), "reset");
  await ada.encryption.trust.approve("43");
  assert.equal(ada.encryption.trust.contact("43").ok, null, "compared again");
});

test("sign-ins in other browsers are told, also those of the time when this one was away", async () => {
  const server = await FakeServer.start();
  const session = (id, device, current = false) => ({ id, device, created_at: 5, seen_at: 6, current });
  server.sessions = [session("3", "Edge"), session("7", "Firefox", true)];
  const ada = await KeysBrowser.register(server, "ada");
  await ada.encryption.connected({ dir: null });
  assert.deepEqual(ada.state.notices, []);
  await ada.encryption.receive({ op: "signed_in", session: { id: "8", device: "Chrome", createdAt: 9 } });
  assert.deepEqual(ada.state.notices, [{ id: "8", kind: "signed_in", device: "Chrome", at: 9 }]);
  await ada.reload();
  server.sessions = [
    session("7", "Firefox", true),
    session("8", "Chrome"),
    session("9", "Safari"),
    session("3", "Edge"),
  ];
  await ada.encryption.connected({ dir: null });
  assert.deepEqual(
    ada.state.notices.map(({ device }) => device),
    ["Chrome", "Safari"],
  );
  for (const { id } of ada.state.notices) await ada.encryption.notices.dismiss(id);
  await ada.reload();
  assert.deepEqual(ada.state.notices, []);
});
