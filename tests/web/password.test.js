import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64Url, pack, toBase64Url } from "../../web/crypto/encoding.js";
import { derive, isWeak } from "../../web/crypto/password.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

test("the password gives the keys of the published vector", async () => {
  const { auth, pwk } = await derive("correct horse battery staple", new Uint8Array(16).fill(0x11), 600_000);
  assert.equal(hex(auth), "6561635d96d0d468415c340370f0681fc44ae4df60a3d94bf552fbe5d163deaf");
  assert.equal(hex(pwk), "c0684493b299b2de8eac9b3bb49bac48dbaaf45bfb85d6ca21a6fc2ac5ee0cee");
});

test("a server that asks for too little work is refused", async () => {
  for (const iterations of [0, 599_999, 5_000_001, Number.NaN]) {
    await assert.rejects(derive("correct horse battery staple", new Uint8Array(16), iterations), { code: "unsafe_kdf" });
  }
});

test("passwords that everybody tries are refused", () => {
  for (const weak of ["short", "password12", "Password123!", "1234567890", "aaaaaaaaaaaa", "qwertyuiop", "somebody99"]) {
    assert.equal(isWeak(weak, "somebody"), true, weak);
  }
  for (const good of ["correct horse battery staple", "Kq7-plum-orbit", "дождь над рекой"]) {
    assert.equal(isWeak(good, "somebody"), false, good);
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
