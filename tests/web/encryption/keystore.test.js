/** Keys in the browser: the three levels of storage, played by stores that can do less and less. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeGeneration, withGeneration } from "../../../web/crypto/account.js";
import * as keystore from "../../../web/crypto/keystore.js";
import { diffieHellman, sign, verify } from "../../../web/crypto/signatures.js";
import { randomBytes } from "../../../web/crypto/encoding.js";

const bundle = () => ({
  trustKey: randomBytes(32),
  recoveryPublic: null,
  rmac: null,
  gens: withGeneration([makeGeneration(1)], makeGeneration(2)),
});

/** A store; `read` plays what a browser makes of a record when it is read back. */
function store(read = (value) => value) {
  const records = new Map();
  return {
    records,
    get: async (name) => (records.has(name) ? read(records.get(name)) : undefined),
    put: async (name, value) => void records.set(name, structuredClone(value)),
    delete: async (name) => void records.delete(name),
  };
}
const webkit = (value) => (value instanceof CryptoKey && value.algorithm.name === "X25519" ? null : value);
const nothing = () => null;

for (const [level, read] of [
  [1, undefined],
  [2, webkit],
  [3, nothing],
]) {
  test(`level ${level} of storage is found by trying, and its keys work`, async () => {
    const records = store(read);
    const identity = await keystore.saveIdentity(records, "42", 7, bundle());
    assert.deepEqual([identity.level, identity.gen, identity.akGen], [level, 2, 7]);
    const message = randomBytes(9);
    assert.ok(await verify(identity.ed, message, await sign(identity.sign, message)));
    const [one, two] = [identity.exchange.get(1), identity.exchange.get(2)];
    assert.deepEqual(
      await diffieHellman(one.privateKey, two.publicKey),
      await diffieHellman(two.privateKey, one.publicKey),
    );
    const again = await keystore.loadIdentity(records);
    if (level === 3) assert.equal(again, null);
    else assert.ok(await verify(again.ed, message, await sign(again.sign, message)));
  });
}

test("no key can be exported, on any level", async () => {
  for (const read of [undefined, webkit, nothing]) {
    const records = store(read);
    const identity = await keystore.saveIdentity(records, "42", 1, bundle());
    const stored = [...records.records.values()].filter((value) => value instanceof CryptoKey);
    const pairs = [...identity.exchange.values()].map(({ privateKey }) => privateKey);
    for (const key of [identity.sign, identity.trust, ...pairs, ...stored]) assert.equal(key.extractable, false);
  }
});

test("what wraps the keys on level 2 may do nothing but unwrap", async () => {
  const records = store(webkit);
  await keystore.saveIdentity(records, "42", 1, bundle());
  assert.deepEqual(records.records.get("unwrap").usages, ["unwrapKey"]);
});

test("keys that are not all there any more are no keys", async () => {
  for (const name of ["identity", "sign", "trust", "exchange-1", "exchange-2"]) {
    const records = store();
    await keystore.saveIdentity(records, "42", 1, bundle());
    records.records.delete(name);
    assert.equal(await keystore.loadIdentity(records), null, name);
  }
  const records = store(webkit);
  await keystore.saveIdentity(records, "42", 1, bundle());
  records.records.get("exchange-1")[3] ^= 1;
  assert.equal(await keystore.loadIdentity(records), null);
});

test("a store that throws is level 3, and forgetting leaves nothing", async () => {
  const broken = { get: fail, put: fail, delete: fail };
  async function fail() {
    throw new DOMException("no storage", "InvalidStateError");
  }
  assert.equal((await keystore.saveIdentity(broken, "42", 1, bundle())).level, 3);
  assert.equal((await keystore.saveIdentity(null, "42", 1, bundle())).level, 3);
  const records = store();
  await keystore.saveIdentity(records, "42", 1, bundle());
  await keystore.forgetIdentity(records);
  assert.equal(records.records.size, 0);
});

test("the browser's own key is kept, and opens a record at its place only", async () => {
  const records = store();
  const key = await keystore.browserKey(records);
  const sealed = await keystore.sealLocal(key, "drafts", "rid", "1", new Uint8Array([1, 2, 3]));
  const again = await keystore.browserKey(records);
  assert.deepEqual(await keystore.openLocal(again, "drafts", "rid", "1", sealed), new Uint8Array([1, 2, 3]));
  for (const place of [
    ["outbox", "rid", "1"],
    ["drafts", "other", "1"],
    ["drafts", "rid", "2"],
  ])
    await assert.rejects(keystore.openLocal(again, ...place, sealed), { rule: "sealed" });
  await assert.rejects(keystore.openLocal(await keystore.browserKey(null), "drafts", "rid", "1", sealed), {
    rule: "sealed",
  });
});
