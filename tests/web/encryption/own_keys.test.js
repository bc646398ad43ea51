/** My keys: made, opened, changed and lost, against a server in memory that checks them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64Url, toBase64Url } from "../../../web/crypto/encoding.js";
import { FakeServer } from "./fake_server.js";
import { useFakeIndexedDb } from "./fake_indexeddb.js";
import { KeysBrowser, PASSWORD, refusalOf, SECOND } from "./keys_browser.js";

const { disk } = useFakeIndexedDb();

test("somebody who registers has keys in the list, and a code on offer that counts once it was kept", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  assert.equal(mira.state.phase, "ready");
  assert.equal(mira.state.level, 1);
  assert.equal(server.entries.length, 1);
  assert.equal(server.me.keys.ak_recovery, null);
  assert.match(mira.state.offer, /^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  assert.equal(mira.state.hasCode, false);
  await mira.keepCode();
  assert.equal(mira.state.hasCode, true);
  assert.equal(mira.state.offer, null);
  assert.equal(server.me.keys.ak_gen, 2);
  assert.ok(server.me.rauthDigest);
  assert.deepEqual(mira.alarms, []);
  assert.equal(mira.gen, 1);
});

test("a code that is dropped opens nothing, and nothing on the server knows of it", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const code = mira.state.offer;
  mira.encryption.keys.dropCode();
  assert.equal(mira.state.offer, null);
  assert.equal(await refusalOf(KeysBrowser.recover(server, "mira", code)), "bad_credentials");
  assert.equal(server.me.keys.ak_gen, 1);
});

test("a new browser needs the password alone, and signs with the same key", async () => {
  const server = await FakeServer.start();
  const first = await KeysBrowser.register(server, "mira");
  const second = await KeysBrowser.signIn(server, "mira");
  assert.equal(second.state.phase, "ready");
  const publicKeys = ({ keys: { identity } }) => [identity.ed, identity.exchange.get(1).publicKey];
  assert.deepEqual(publicKeys(second.encryption), publicKeys(first.encryption));
  assert.deepEqual(second.encryption.identity.root, first.encryption.identity.root);
  assert.equal(second.state.offer, null);
});

test("a page that is loaded again has its keys; one whose storage was cleared asks for the password", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  await mira.reload();
  assert.equal(mira.state.phase, "ready");
  assert.equal(mira.gen, 1);
  mira.encryption.close();
  indexedDB.deleteDatabase(mira.name);
  await mira.reload();
  assert.equal(mira.state.phase, "unlock");
  assert.equal(mira.encryption.identity, null);
  assert.equal(await refusalOf(mira.encryption.keys.unlock("not my password")), "bad_credentials");
  await mira.encryption.keys.unlock(PASSWORD);
  await mira.connect();
  assert.equal(mira.state.phase, "ready");
  assert.equal(mira.gen, 1);
});

test("a session from before there were keys gets them by the card", async () => {
  const server = await FakeServer.start();
  await KeysBrowser.register(server, "mira");
  server.me.keys = null;
  server.setBack(0);
  const mira = new KeysBrowser(server, "mira");
  await mira.open();
  await mira.connect();
  assert.equal(mira.state.phase, "none");
  await mira.encryption.keys.unlock(PASSWORD);
  await mira.connect();
  assert.equal(mira.state.phase, "ready");
  assert.ok(mira.state.offer);
  assert.equal(server.entries.length, 1);
});

test("where nothing can be kept the keys are there until the page goes", async () => {
  for (const fault of /** @type {const} */ (["isFull", "isForbidden"])) {
    const server = await FakeServer.start();
    disk[fault] = true;
    const mira = await KeysBrowser.register(server, "mira");
    assert.equal(mira.state.phase, "ready", fault);
    assert.equal(mira.state.level, 3);
    assert.equal(mira.gen, 1);
    await mira.reload();
    assert.equal(mira.state.phase, "unlock");
    disk[fault] = false;
    await mira.encryption.keys.unlock(PASSWORD);
    assert.equal(mira.state.phase, "ready");
  }
});

test("another password leaves keys and list as they are, in this browser and in the others", async () => {
  const server = await FakeServer.start();
  const one = await KeysBrowser.register(server, "mira");
  const other = await KeysBrowser.signIn(server, "mira");
  await one.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: false });
  await other.encryption.receive({ op: "keys.changed", device: "Firefox" });
  assert.equal(other.state.phase, "ready");
  assert.equal(other.gen, 1);
  assert.equal(server.entries.length, 1);
  assert.equal(await refusalOf(KeysBrowser.signIn(server, "mira", PASSWORD)), "bad_credentials");
  const third = await KeysBrowser.signIn(server, "mira", SECOND);
  assert.equal(third.gen, 1);
  // The salt is another one now, and this browser was told why.
  await other.encryption.keys.unlock(SECOND);
  assert.equal(other.state.phase, "ready");
});

test("two browsers that change the password at once: one does, the other is told, and the account opens", async () => {
  const server = await FakeServer.start();
  const one = await KeysBrowser.register(server, "mira");
  const other = await KeysBrowser.signIn(server, "mira");
  const third = "copper meadow 9 lantern";
  const results = await Promise.all([
    refusalOf(one.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: false })),
    refusalOf(other.encryption.changePassword({ old: PASSWORD, password: third, signOutOthers: false })),
  ]);
  assert.equal(results.filter((code) => code === "nothing refused").length, 1, String(results));
  assert.match(
    results.find((code) => code !== "nothing refused"),
    /keys_conflict|bad_credentials/,
  );
  const password = results[0] === "nothing refused" ? SECOND : third;
  assert.equal((await KeysBrowser.signIn(server, "mira", password)).gen, 1);
});

test("an answer that is lost is no change that is lost", async () => {
  const server = await FakeServer.start();
  server.faults.set("PUT /api/keys", "lost");
  const mira = await KeysBrowser.register(server, "mira");
  assert.equal(mira.state.phase, "ready");
  server.faults.set("POST /api/auth/password/commit", "lost");
  await mira.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: true });
  server.faults.set("POST /api/keys/rotate", "lost");
  await mira.encryption.rotate({ password: SECOND, next: "", ends: null });
  assert.equal(mira.gen, 2);
  server.faults.set("POST /api/auth/password/commit", "cut");
  const cut = mira.encryption.changePassword({ old: SECOND, password: PASSWORD, signOutOthers: true });
  assert.equal(await refusalOf(cut), "network");
  assert.equal((await KeysBrowser.signIn(server, "mira", SECOND)).gen, 2);
});

test("a server that keeps something else than it was given is no success", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const before = { ...server.me.keys };
  server.twist = (key, body) =>
    key === "POST /api/auth/unlock" && body.keys?.ak_gen === 2 ? { ...body, keys: before } : body;
  const change = mira.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: false });
  assert.equal(await refusalOf(change), "not_kept");
});

test("the recovery code brings everything back, under another password, and goes on to count", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const code = await mira.keepCode();
  const { ed } = mira.encryption.keys.identity;
  const typed = code.toLowerCase().replace(/-/g, " ").replace(/0/g, "o").replace(/1/g, "l");
  const back = await KeysBrowser.recover(server, "mira", typed);
  assert.equal(back.state.phase, "ready");
  assert.deepEqual(back.encryption.keys.identity.ed, ed);
  assert.ok(back.state.offer, "a new code is offered");
  assert.equal((await KeysBrowser.signIn(server, "mira", SECOND)).gen, 1);
  assert.equal((await KeysBrowser.recover(server, "mira", code, PASSWORD)).gen, 1);
});

test("a wrong or old recovery code is refused with its reason", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const old = await mira.keepCode();
  assert.equal(await refusalOf(KeysBrowser.recover(server, "mira", `${old.slice(0, -1)}!`)), "code_typo");
  const slip = old.replace(/^./, (sign) => (sign === "7" ? "8" : "7"));
  assert.equal(await refusalOf(KeysBrowser.recover(server, "mira", slip)), "code_typo");
  await mira.encryption.keys.newCode(PASSWORD);
  const fresh = await mira.keepCode();
  assert.equal(await refusalOf(KeysBrowser.recover(server, "mira", old)), "bad_credentials");
  assert.equal((await KeysBrowser.recover(server, "mira", fresh)).gen, 1);
});

test("a server that presents an account of its own making to a recovery code is found out", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const code = await mira.keepCode();
  const eve = await KeysBrowser.register(server, "eve");
  await eve.keepCode();
  const { ak_recovery, bundle } = server.accounts.get("eve").keys;
  server.twist = (key, body) =>
    key === "POST /api/auth/recovery/open" ? { ...body, keys: { ...body.keys, ak_recovery, bundle } } : body;
  assert.equal(await refusalOf(KeysBrowser.recover(server, "mira", code)), "other_account");
});

/** A ticket was used in a browser without keys. */
async function lock(server, username, password) {
  const account = server.accounts.get(username);
  account.ticket = "ticket";
  const { redeemTicket } = await import("../../../web/state/credentials.js");
  return redeemTicket({ ticket: "ticket", username, password });
}

test("a password by ticket locks the account, and the code opens it again", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const code = await mira.keepCode();
  await lock(server, "mira", SECOND);
  const back = await KeysBrowser.signIn(server, "mira", SECOND);
  assert.equal(back.state.phase, "locked");
  assert.equal(back.encryption.identity, null);
  await back.encryption.keys.unlockWithCode(code, "");
  await back.connect();
  assert.equal(back.state.phase, "ready");
  assert.equal(back.gen, 1);
  assert.equal(server.me.locked, false);
  assert.equal(server.entries.length, 1);
});

test("a locked account without a code starts fresh, and stays who it is for nobody", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const { root } = mira.encryption.identity;
  await lock(server, "mira", SECOND);
  const back = new KeysBrowser(server, "mira");
  await back.open();
  await back.connect();
  await back.encryption.keys.unlock(SECOND);
  assert.equal(back.state.phase, "locked");
  await back.encryption.keys.startFresh("");
  await back.connect();
  assert.equal(back.state.phase, "ready");
  assert.equal(back.gen, 2);
  assert.notDeepEqual(back.encryption.identity.root, root);
  assert.deepEqual(back.alarms, []);
  assert.deepEqual(back.encryption.trust.contacts(), []);
});

test("a ticket that is opened in a browser with keys continues them, and lets them read on first", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const { root } = mira.encryption.identity;
  server.me.ticket = "ticket";
  const order = [];
  mira.encryption.useRooms({
    rotateAll: async () => ({ left: 0 }),
    unlinkMine: async () => {},
    wrapForNext: async (gen) => void order.push(`wraps ${gen}, server has ${server.entries.length}`),
    directoryChanged: () => {},
    trustChanged: () => {},
  });
  await mira.encryption.keys.redeemTicket({ ticket: "ticket", password: SECOND });
  await mira.connect();
  assert.deepEqual(order, ["wraps 2, server has 1"]);
  assert.equal(mira.gen, 2);
  assert.deepEqual(mira.encryption.identity.root, root, "nobody is warned");
  assert.ok(mira.state.offer);
  assert.equal((await KeysBrowser.signIn(server, "mira", SECOND)).gen, 2);
});

test("a browser that still has its keys opens an account that a ticket has locked elsewhere", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  await lock(server, "mira", SECOND);
  await mira.encryption.receive({ op: "keys.changed", device: "" });
  assert.equal(mira.state.phase, "unlock");
  assert.ok(mira.state.isChanged);
  await mira.encryption.keys.unlock(SECOND);
  await mira.connect();
  assert.equal(mira.state.phase, "ready");
  assert.equal(mira.gen, 2);
  assert.equal(server.me.locked, false);
});

test("new keys after a theft: other sessions end, rooms get new keys, other browsers ask again", async () => {
  const server = await FakeServer.start();
  const one = await KeysBrowser.register(server, "mira");
  await one.keepCode();
  const other = await KeysBrowser.signIn(server, "mira");
  const wrong = one.encryption.rotate({ password: "not my password", next: "", ends: "others" });
  assert.equal(await refusalOf(wrong), "bad_credentials");
  assert.ok(!server.endedOthers, "nobody is signed out by a wrong password");
  await one.encryption.rotate({ password: PASSWORD, next: SECOND, ends: "others" });
  assert.ok(server.endedOthers && server.me.forgotOld);
  assert.deepEqual([one.gen, one.rooms.unlinked, one.rooms.rotated], [2, 1, 1]);
  assert.deepEqual([...one.encryption.identity.exchange.keys()], [1, 2], "history stays readable");
  assert.ok(server.me.keys.ak_recovery, "the code still counts");
  await other.encryption.receive({ op: "keys.changed", device: "Firefox" });
  assert.equal(other.state.phase, "unlock");
  assert.equal(other.encryption.identity, null);
  await other.encryption.keys.unlock(SECOND);
  await other.connect();
  assert.deepEqual([other.state.phase, other.gen, other.alarms], ["ready", 2, []]);
  server.endedOthers = false;
  await one.encryption.rotate({ password: SECOND, next: "", ends: { session: "9" } });
  assert.deepEqual([server.endedNine, server.endedOthers], [true, false], "the one that was not mine");
  await one.encryption.rotate({ password: SECOND, next: "", ends: { session: "10" } });
  assert.equal(one.gen, 4, "which may have gone by itself");
});

test("a change in another browser is told once, also of the time when this one was away, with a new code", async () => {
  const server = await FakeServer.start();
  const one = await KeysBrowser.register(server, "mira");
  const other = await KeysBrowser.signIn(server, "mira");
  const told = ({ state }) => state.notices.map(({ kind, device, at }) => [kind, device, at > 0]);
  assert.equal(other.state.hasCode, false);
  await one.keepCode();
  await other.encryption.receive({ op: "keys.changed", device: "Firefox on Linux" });
  assert.deepEqual(told(other), [["changed", "Firefox on Linux", true]]);
  assert.equal(other.state.hasCode, true, "the code is there for all browsers");
  await other.reload();
  assert.deepEqual(told(other), [["changed", "Firefox on Linux", true]], "until somebody has seen to it");
  await other.encryption.notices.dismiss(other.state.notices[0].id);
  await other.reload();
  assert.deepEqual([told(other), other.state.hasCode], [[], true]);
  await one.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: false });
  await other.reload();
  assert.deepEqual(told(other), [["changed", "", false]], "this browser was away");
  await other.encryption.notices.dismiss(other.state.notices[0].id);
  await lock(server, "mira", PASSWORD);
  await other.encryption.receive({ op: "keys.changed", device: "" });
  assert.deepEqual(told(other), [["changed", "", true]], "a link has set another password");
  await one.reload();
  assert.deepEqual(told(one), [["changed", "", false]], "and nothing is told of what this browser has done itself");
});

test("nothing is asked by fewer rounds or another salt, unless the person says why", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const { salt } = server.me.slot;
  server.twist = (key, body) =>
    key === "POST /api/auth/prelogin" ? { ...body, salt: toBase64Url(fromBase64Url(salt).reverse()) } : body;
  assert.equal(await refusalOf(mira.encryption.keys.unlock(PASSWORD)), "other_salt");
  server.twist = (key, body) => (key === "POST /api/auth/prelogin" ? { ...body, iter: 700_000 } : body);
  assert.equal(await refusalOf(mira.encryption.keys.unlock(PASSWORD)), "unsafe_kdf");
  assert.deepEqual(mira.alarms, ["weaker"]);
  assert.equal(
    server.calls.filter((call) => call === "POST /api/auth/unlock").length,
    1,
    "nothing was derived from it",
  );
});

test("older keys are refused, and replaced where a backup was restored", async () => {
  const server = await FakeServer.start();
  const mira = await KeysBrowser.register(server, "mira");
  const backup = structuredClone(server.me);
  await mira.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: false });
  Object.assign(server.me, structuredClone(backup));
  assert.equal(await refusalOf(mira.encryption.keys.unlock(PASSWORD, { anySalt: true })), "older_keys");
  assert.deepEqual(mira.alarms, ["older_keys"]);
  mira.epoch = "two";
  await mira.reload();
  assert.equal(mira.state.phase, "unlock");
  await mira.encryption.keys.unlock(PASSWORD, { anySalt: true });
  await mira.connect();
  assert.deepEqual([mira.state.phase, mira.gen], ["ready", 2]);
  assert.ok(server.me.keys.ak_gen > 2, "greater than every one this browser has known");
});

test("in a demo, where everybody is everybody, no code is offered", async () => {
  const server = await FakeServer.start();
  server.isDemo = true;
  const mira = await KeysBrowser.register(server, "mira");
  assert.equal(mira.state.phase, "ready");
  assert.equal(mira.state.offer, null);
});

test("a list that takes no entries makes no keys now, and says so; later they are made", async () => {
  const server = await FakeServer.start();
  server.isClosed = true;
  const mira = new KeysBrowser(server, "mira");
  assert.equal(await refusalOf(KeysBrowser.register(server, "mira")), "unavailable");
  await mira.open();
  await mira.encryption.connected({ dir: { n: 0, h: toBase64Url(server.chain[0]), missing: [], closed: true } });
  assert.deepEqual([mira.state.phase, mira.state.isClosed], ["none", true]);
  server.isClosed = false;
  await mira.encryption.keys.unlock(PASSWORD);
  assert.equal(mira.state.phase, "ready");
});

test("no secret is in any call, in clear or as base64url", async () => {
  const server = await FakeServer.start();
  const bodies = [];
  const send = globalThis.fetch;
  globalThis.fetch = /** @type {any} */ ((path, options) => (bodies.push(options.body ?? ""), send(path, options)));
  const mira = await KeysBrowser.register(server, "mira");
  const code = await mira.keepCode();
  await mira.encryption.changePassword({ old: PASSWORD, password: SECOND, signOutOthers: false });
  const all = bodies.join("\n");
  for (const secret of [PASSWORD, SECOND, code, code.replace(/-/g, "")]) assert.ok(!all.includes(secret));
});
