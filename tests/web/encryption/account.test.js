/** Keys of an account: every published example of them, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as account from "../../../web/crypto/account.js";
import { bytesOf, kdf, pack, sha256, u64 } from "../../../web/crypto/encoding.js";
import { derive } from "../../../web/crypto/password.js";
import { hex, given, INSTANCE, keysOf, pairOf, rep, unhex } from "./vectors.js";

const AK = rep("22", 32);
const kek = () => unhex(given("server_stretch").KEK);
const recovery = async () => account.recoveryOf(given("recovery").text);
const generation = (gen, seed, x) => ({ gen, seed: rep(seed, 32), x: rep(x, 32) });

test("packed fields are those of the published example", () => {
  assert.equal(hex(pack("test", bytesOf("ab"), u64(258), bytesOf(""))), given("pack"));
});

test("password and the server's share give the key that wraps the account key", async () => {
  const { auth, pwk } = await derive("correct horse battery staple", rep("11", 16), 600_000);
  assert.deepEqual([hex(auth), hex(pwk)], [given("password").AUTH, given("password").PWK]);
  const { A, VERIFIER, SHARE, KEK } = given("server_stretch");
  assert.equal(hex(await kdf(unhex(A), "verifier")), VERIFIER);
  assert.equal(hex(await kdf(unhex(A), "share")), SHARE);
  assert.equal(hex(await account.keyEncryptionKey(pwk, unhex(SHARE))), KEK);
});

test("the account key under the password is the published one, and opens for its account only", async () => {
  const sealed = await account.sealAkPassword(kek(), "42", 1, AK, rep("01", 12));
  assert.equal(hex(sealed), given("ak_password"));
  assert.equal(sealed.length, 61);
  assert.deepEqual(await account.openAkPassword(kek(), "42", 1, sealed), AK);
  await assert.rejects(account.openAkPassword(kek(), "43", 1, sealed), { rule: "sealed" });
  await assert.rejects(account.openAkPassword(kek(), "42", 2, sealed), { rule: "sealed" });
  await assert.rejects(account.openAkPassword(AK, "42", 1, sealed), { rule: "sealed" });
});

test("a recovery code gives the published keys, however it is typed", async () => {
  const { text, X25519_public, RAUTH, RAUTH_digest, RMAC } = given("recovery");
  assert.equal(await account.codeText(rep("33", 16)), text);
  for (const typed of [text, text.toLowerCase(), text.replaceAll("-", ""), text.replaceAll("-", " ")]) {
    const found = await account.recoveryOf(typed);
    assert.deepEqual(
      [found.text, hex(found.publicKey), hex(found.rauth), hex(found.rauthDigest), hex(found.rmac)],
      [text, X25519_public, RAUTH, RAUTH_digest, RMAC],
    );
  }
});

test("in a recovery code O reads as 0, I and L as 1", async () => {
  const code = await account.parseCode(await account.codeText(Uint8Array.from({ length: 16 }, (_, at) => at * 3)));
  const text = await account.codeText(code);
  const typed = text.replace(/0/g, "o").replace(/1/g, (_, at) => (at % 2 ? "i" : "L"));
  assert.notEqual(typed, text);
  assert.deepEqual(await account.parseCode(typed), code);
});

test("every single wrong sign in a recovery code is found at once", async () => {
  const { text } = given("recovery");
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "-") continue;
    const wrong = text.slice(0, at) + (text[at] === "7" ? "8" : "7") + text.slice(at + 1);
    await assert.rejects(account.parseCode(wrong), { rule: "check" });
  }
  for (const other of ["", text.slice(1), `${text}0`, text.replace("6", "U"), "\u{1F600}".repeat(32)])
    await assert.rejects(account.parseCode(other), { rule: "form" });
});

test("the account key under the code is the published one; a false tag is refused before opening", async () => {
  const code = await recovery();
  const sealed = await account.sealAkRecovery(code, "42", 1, AK, await pairOf(rep("44", 32)));
  assert.equal(hex(sealed), given("ak_recovery"));
  assert.equal(sealed.length, 113);
  assert.deepEqual(await account.openAkRecovery(code, "42", 1, sealed), AK);
  const forged = await account.sealAkRecovery({ ...code, rmac: rep("00", 32) }, "42", 1, rep("66", 32));
  await assert.rejects(account.openAkRecovery(code, "42", 1, forged), { rule: "mac" });
  await assert.rejects(account.openAkRecovery(code, "42", 2, sealed), { rule: "mac" });
  await assert.rejects(account.openAkRecovery(code, "42", 1, sealed.slice(1)), { rule: "form" });
});

test("identity keys come from their seeds", async () => {
  const keys = await account.publicKeysOf(generation(1, "51", "52"));
  assert.deepEqual([hex(keys.ed), hex(keys.x)], [given("identity").ed, given("identity").x]);
});

test("bundles are the published ones, with one generation and with two", async () => {
  const code = await recovery();
  const one = {
    trustKey: rep("61", 32),
    recoveryPublic: code.publicKey,
    rmac: code.rmac,
    gens: [generation(1, "51", "52")],
  };
  assert.equal(hex(account.bundleText("42", one)), given("bundle").plaintext);
  const sealed = await account.sealBundle(AK, "42", 1, one, rep("02", 12));
  assert.equal(hex(sealed), given("bundle").box);
  assert.deepEqual(await account.openBundle(AK, "42", 1, sealed), one);

  const gens = account.withGeneration(one.gens, generation(2, "53", "54"));
  const two = { trustKey: rep("61", 32), recoveryPublic: null, rmac: null, gens };
  assert.equal(hex(account.bundleText("42", two)), given("bundle_two_generations").plaintext);
  const sealedTwo = await account.sealBundle(AK, "42", 2, two, rep("0b", 12));
  assert.equal(hex(sealedTwo), given("bundle_two_generations").box);
  const opened = await account.openBundle(AK, "42", 2, sealedTwo);
  assert.deepEqual(opened.gens[0].seed, rep("00", 32));
  assert.deepEqual(opened.gens[0].x, rep("52", 32));
});

test("a bundle of another account, or with generations out of order, is refused", async () => {
  const bundle = { trustKey: AK, recoveryPublic: null, rmac: null, gens: [generation(1, "51", "52")] };
  assert.throws(() => account.parseBundle("43", account.bundleText("42", bundle)), { rule: "form" });
  const twice = { ...bundle, gens: [generation(2, "51", "52"), generation(2, "53", "54")] };
  assert.throws(() => account.parseBundle("42", account.bundleText("42", twice)), { rule: "form" });
  const none = { ...bundle, gens: [] };
  assert.throws(() => account.parseBundle("42", account.bundleText("42", none)), { rule: "form" });
  const half = { ...bundle, rmac: AK };
  assert.throws(() => account.parseBundle("42", account.bundleText("42", half)), { rule: "form" });
});

test("the trust store is the published one and opens at its revision only", async () => {
  const sealed = await account.sealTrust(rep("61", 32), "42", 1, "{}", rep("05", 12));
  assert.equal(hex(sealed), given("trust"));
  assert.equal(await account.openTrust(rep("61", 32), "42", 1, sealed), "{}");
  await assert.rejects(account.openTrust(rep("61", 32), "42", 2, sealed), { rule: "sealed" });
});

test("the proof of one's keys is over the published bytes", async () => {
  const message = account.proofMessage(INSTANCE, "42", "rewrap", rep("c1", 32));
  assert.equal(hex(message), given("proof"));
  const { sign, ed } = await keysOf("51", "52");
  const proof = await account.prove(sign, INSTANCE, "42", "rewrap", rep("c1", 32));
  const { verify } = await import("../../../web/crypto/signatures.js");
  assert.ok(await verify(ed, message, proof));
  assert.ok(!(await verify(ed, account.proofMessage(INSTANCE, "42", "password", rep("c1", 32)), proof)));
});

test("what the server keeps of RAUTH is its digest", async () => {
  assert.equal(hex(await sha256(unhex(given("recovery").RAUTH))), given("recovery").RAUTH_digest);
});
