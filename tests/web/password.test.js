import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMON } from "../../web/crypto/common_passwords.js";
import { fromBase64Url, pack, toBase64Url } from "../../web/crypto/encoding.js";
import { makePassphrase, wordOf } from "../../web/crypto/passphrase.js";
import { derive, strengthOf, weaknessOf } from "../../web/crypto/password.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

test("the password gives the keys of the published vector", async () => {
  const { auth, pwk } = await derive("correct horse battery staple", new Uint8Array(16).fill(0x11), 600_000);
  assert.equal(hex(auth), "6561635d96d0d468415c340370f0681fc44ae4df60a3d94bf552fbe5d163deaf");
  assert.equal(hex(pwk), "c0684493b299b2de8eac9b3bb49bac48dbaaf45bfb85d6ca21a6fc2ac5ee0cee");
});

test("a server that asks for too little work is refused", async () => {
  for (const iterations of [0, 599_999, 5_000_001, Number.NaN]) {
    await assert.rejects(derive("correct horse battery staple", new Uint8Array(16), iterations), {
      code: "unsafe_kdf",
    });
  }
});

test("passwords that everybody tries are refused, and each says why", async () => {
  const weak = {
    short: ["short", "пароль123"],
    long: ["x1y2z3 ".repeat(40)],
    common: [
      "password12",
      "Password123!",
      "P4ssw0rd2024!",
      "iloveyou2024",
      "passwordpassword",
      "contraseña1",
      "любовь12345",
      "!!welcome!!",
      "dragondragon",
      "letmein2024",
      "LiverpoolLiverpool",
    ],
    pattern: [
      "1234567890",
      "aaaaaaaaaaaa",
      "qwertyuiop",
      "abcabcabcabc",
      "0987654321",
      "1q2w3e4r5t",
      "йцукенгшщзхъ",
      "abcdefghijkl",
    ],
    username: ["somebody99", "Somebody-1234", "s0mebody!!!"],
  };
  for (const [why, passwords] of Object.entries(weak)) {
    for (const password of passwords) assert.equal(await weaknessOf(password, "somebody"), why, password);
  }
  for (const good of [
    "correct horse battery staple",
    "Kq7-plum-orbit",
    "дождь над рекой",
    "plum orbit kettle 7",
    "my dragon eats rice",
  ]) {
    assert.equal(await weaknessOf(good, "somebody"), null, good);
  }
});

test("a thousand common choices are known", () => assert.ok(COMMON.size >= 1000, String(COMMON.size)));

test("every one of them is refused with digits behind it", async () => {
  for (const word of COMMON)
    assert.notEqual(
      await weaknessOf(`${word}1234567890`.slice(0, Math.max(10, word.length + 2)), "somebody"),
      null,
      word,
    );
});

test("what takes longer to guess is called stronger", () => {
  const strengths = ["Kq7-plumab", "Kq7-plum-orbit", "correct horse battery staple"].map(strengthOf);
  assert.deepEqual(strengths, [...strengths].sort());
  assert.deepEqual([strengths[0], strengths[2]], [1, 3]);
});

test("a made passphrase says 64 bits, each word 16 of them, and is never weak", async () => {
  assert.equal(new Set(Array.from({ length: 65536 }, (_, bits) => wordOf(bits))).size, 65536);
  const phrases = Array.from({ length: 50 }, makePassphrase);
  assert.equal(new Set(phrases).size, 50);
  for (const phrase of phrases) {
    assert.match(phrase, /^(?:[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz](?:-|$)){4}$/);
    assert.equal(await weaknessOf(phrase, "somebody"), null, phrase);
    assert.equal(strengthOf(phrase), 3, phrase);
  }
});

test("base64url takes no padding, no other alphabet and no loose end", () => {
  assert.equal(toBase64Url(Uint8Array.of(255, 254, 253)), "__79");
  assert.deepEqual(fromBase64Url("__79"), Uint8Array.of(255, 254, 253));
  for (const bad of ["__79=", "//79", "_x", "AAB"]) assert.throws(() => fromBase64Url(bad), bad);
});

test("pack puts a length before the label and every field", () => {
  assert.equal(hex(pack("x", Uint8Array.of(7))), "00000010" + hex(Buffer.from("impulse/e2ee/1/x")) + "00000001" + "07");
});
