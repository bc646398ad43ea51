/** The standard parts against the samples of their RFCs, and the bytes they are built on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as encoding from "../../../web/crypto/encoding.js";
import * as hpke from "../../../web/crypto/hpke.js";
import { bucket, pad, padme, unpad } from "../../../web/crypto/padding.js";
import * as signatures from "../../../web/crypto/signatures.js";
import { given, hex, pairOf, unhex } from "./vectors.js";

const ascii = encoding.bytesOf;
const INFO = ascii("Ode on a Grecian Urn");
const BEAUTY = ascii("Beauty is truth, truth beauty");

test("HPKE gives the sample A.1.1 of RFC 9180", async () => {
  const ephemeral = await pairOf(unhex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"));
  const receiver = await pairOf(unhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"));
  assert.equal(hex(receiver.publicKey), "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
  const dh = await signatures.diffieHellman(ephemeral.privateKey, receiver.publicKey);
  const shared = await hpke.sharedSecret(dh, encoding.concat(ephemeral.publicKey, receiver.publicKey));
  assert.equal(hex(shared), "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc");
  const { keyBytes, nonce } = await hpke.keySchedule(hpke.AES_128_GCM, 0, shared, INFO);
  assert.equal(hex(keyBytes), "4531685d41d65f03dc48f6b8302c05b0");
  assert.equal(hex(nonce), "56d890e5accaaf011cff4b7d");
  const args = [INFO, ascii("Count-0")];
  const sealed = await hpke.sealBase(hpke.AES_128_GCM, receiver.publicKey, ...args, BEAUTY, ephemeral);
  assert.equal(
    hex(sealed),
    "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431" +
      "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
  );
  assert.deepEqual(await hpke.openBase(hpke.AES_128_GCM, receiver, ...args, sealed), BEAUTY);
});

test("the key schedule gives the sample A.1.3 of RFC 9180, whose shared secret has a second part", async () => {
  const ephemeral = await pairOf(unhex("ff4442ef24fbc3c1ff86375b0be1e77e88a0de1e79b30896d73411c5ff4c3518"));
  const receiver = await pairOf(unhex("fdea67cf831f1ca98d8e27b1f6abeb5b7745e9d35348b80fa407ff6958f9137e"));
  const sender = await pairOf(unhex("dc4a146313cce60a278a5323d321f051c5707e9c45ba21a3479fecdf76fc69dd"));
  const dh = encoding.concat(
    await signatures.diffieHellman(ephemeral.privateKey, receiver.publicKey),
    await signatures.diffieHellman(sender.privateKey, receiver.publicKey),
  );
  const keys = [ephemeral, receiver, sender].map(({ publicKey }) => publicKey);
  const shared = await hpke.sharedSecret(dh, encoding.concat(...keys));
  assert.equal(hex(shared), "2d6db4cf719dc7293fcbf3fa64690708e44e2bebc81f84608677958c0d4448a7");
  const { key, keyBytes, nonce } = await hpke.keySchedule(hpke.AES_128_GCM, 2, shared, INFO);
  assert.equal(hex(keyBytes), "b062cb2c4dd4bca0ad7c7a12bbc341e6");
  assert.equal(hex(nonce), "a1bc314c1942ade7051ffed0");
  const sealed = await encoding.encrypt(key, nonce, ascii("Count-0"), BEAUTY);
  const sample = "5fd92cc9d46dbf8943e72a07e42f363ed5f721212cd90bcfd072bfd9f44e06b80fd17824947496e21b680c141b";
  assert.equal(hex(sealed), sample);
});

test("HPKE with AES-256-GCM opens what it sealed, and for nobody else", async () => {
  const [bob, carl] = [await hpke.makeExchangePair(), await hpke.makeExchangePair()];
  const sealed = await hpke.seal(bob.publicKey, INFO, ascii("aad"), new Uint8Array(32));
  assert.equal(sealed.length, 81);
  assert.deepEqual(await hpke.open(bob, INFO, ascii("aad"), sealed), new Uint8Array(32));
  await assert.rejects(hpke.open(carl, INFO, ascii("aad"), sealed), { rule: "sealed" });
  await assert.rejects(hpke.open(bob, INFO, ascii("other"), sealed), { rule: "sealed" });
  await assert.rejects(hpke.open(bob, BEAUTY, ascii("aad"), sealed), { rule: "sealed" });
  await assert.rejects(hpke.open(bob, INFO, ascii("aad"), sealed.slice(0, 48)), { rule: "form" });
  const newer = sealed.slice();
  newer[0] = 2;
  await assert.rejects(hpke.open(bob, INFO, ascii("aad"), newer), { rule: "suite" });
  for (const small of given("small_order").x25519) {
    await assert.rejects(hpke.seal(unhex(small), INFO, ascii(""), BEAUTY), { rule: "key" });
    const swapped = encoding.concat(sealed.slice(0, 1), unhex(small), sealed.slice(33));
    await assert.rejects(hpke.open(bob, INFO, ascii("aad"), swapped), { rule: "sealed" });
  }
});

test("X25519 gives the samples of RFC 7748", async () => {
  const alice = await pairOf(unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const bob = await pairOf(unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  assert.equal(hex(alice.publicKey), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  assert.equal(hex(bob.publicKey), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  assert.equal(hex(await signatures.diffieHellman(alice.privateKey, bob.publicKey)), shared);
  assert.equal(hex(await signatures.diffieHellman(bob.privateKey, alice.publicKey)), shared);
  const scalar = await signatures.exchangeKey(
    unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
  );
  const point = unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  assert.equal(
    hex(await signatures.diffieHellman(scalar, point)),
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  );
});

test("Ed25519 gives the samples of RFC 8032", async () => {
  const samples = [
    [
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
  ];
  for (const [seed, publicKey, message, signature] of samples) {
    assert.equal(hex(await signatures.edPublicOf(unhex(seed))), publicKey);
    assert.equal(hex(await signatures.sign(await signatures.signingKey(unhex(seed)), unhex(message))), signature);
    assert.ok(await signatures.verify(unhex(publicKey), unhex(message), unhex(signature)));
    assert.ok(!(await signatures.verify(unhex(publicKey), ascii("another"), unhex(signature))));
  }
});

test("HKDF and PBKDF2 of the engine give the samples of RFC 5869 and RFC 7914", async () => {
  const secret = await encoding.importSecret(new Uint8Array(22).fill(0x0b));
  const salt = unhex("000102030405060708090a0b0c");
  const info = unhex("f0f1f2f3f4f5f6f7f8f9");
  const hkdf = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, secret, 42 * 8);
  assert.equal(
    hex(new Uint8Array(hkdf)),
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
  );
  const password = await crypto.subtle.importKey("raw", ascii("passwd"), { name: "PBKDF2" }, false, ["deriveBits"]);
  const stretched = { name: "PBKDF2", hash: "SHA-256", salt: ascii("salt"), iterations: 1 };
  assert.equal(
    hex(new Uint8Array(await crypto.subtle.deriveBits(stretched, password, 256))),
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc",
  );
});

test("keys and signatures of small order, not reduced, or with a large S are refused without the engine", async () => {
  for (const small of given("small_order").ed25519) {
    assert.equal(signatures.refusalOf(unhex(small)), 1, small);
    assert.throws(() => signatures.checkEdPublic(unhex(small)), { rule: "key" });
  }
  for (const small of given("small_order").x25519) {
    for (const top of [0, 0x80]) {
      const key = unhex(small);
      key[31] |= top;
      assert.throws(() => signatures.checkXPublic(key), { rule: "key" });
    }
  }
  const message = ascii("refuse me");
  for (const { what, key, sig, rule } of given("refuse")) {
    assert.equal(signatures.refusalOf(unhex(key), sig && unhex(sig)), rule, what);
    if (sig) assert.ok(!(await signatures.verify(unhex(key), message, unhex(sig))));
    else assert.throws(() => signatures.checkEdPublic(unhex(key)), { rule: "key" });
  }
  const { key, sig } = given("accept");
  assert.equal(signatures.refusalOf(unhex(key), unhex(sig)), 0);
  assert.ok(await signatures.verify(unhex(key), message, unhex(sig)));
  for (const short of [0, 31, 33]) {
    assert.ok(!(await signatures.verify(new Uint8Array(short), message, unhex(sig))));
    assert.throws(() => signatures.checkXPublic(new Uint8Array(short)), { rule: "key" });
  }
  assert.ok(!(await signatures.verify(unhex(key), message, unhex(sig).slice(1))));
});

test("this engine has what the encryption needs", async () => {
  assert.equal(await signatures.probe(), true);
});

test("padded lengths are the published ones", () => {
  const lengths = [5, 60, 64, 65, 1000, 1025, 1500, 5000, 70000];
  assert.deepEqual(lengths.map(bucket), given("bucket"));
  assert.deepEqual([0, 1, 2, 3, 9].map(padme), [0, 1, 2, 3, 10]);
});

test("unpadding checks length, bucket and zeros", () => {
  for (const length of [0, 1, 59, 60, 61, 64, 1020, 1021, 40_000]) {
    const plain = Uint8Array.from({ length }, (_, at) => at);
    assert.deepEqual(unpad(pad(plain)), plain);
  }
  const padded = pad(ascii("hello"));
  for (const wrong of [
    padded.slice(0, 63),
    encoding.concat(padded, new Uint8Array(1)),
    encoding.concat(padded, new Uint8Array(64)),
    padded.with(63, 1),
    padded.with(9, 1),
    padded.with(0, 1),
    padded.with(3, 61),
    padded.slice(0, 3),
    new Uint8Array(),
  ])
    assert.throws(() => unpad(wrong), { rule: "form" });
});

test("numbers, ids and texts of the format are read strictly", () => {
  for (const n of [0, 1, 258, 2 ** 32, 2 ** 53 - 1]) assert.equal(encoding.readU64(encoding.u64(n)), n);
  assert.throws(() => encoding.readU64(unhex("0020000000000000")), { rule: "form" });
  assert.throws(() => encoding.readU64(unhex("ffffffffffffffff")), { rule: "form" });
  assert.throws(() => encoding.readU64(new Uint8Array(7)), { rule: "form" });
  for (const n of [-1, 0.5, 2 ** 53, Number.NaN]) assert.throws(() => encoding.u64(n), RangeError);
  for (const uid of ["1", "42", "9007199254740991"]) assert.equal(encoding.readUid(ascii(uid)), uid);
  for (const uid of ["", "0", "042", "+1", "-1", "1 ", "9007199254740992", "99999999999999999", "١", "1\n"])
    assert.throws(() => encoding.readUid(ascii(uid)), { rule: "form" });
  assert.throws(() => encoding.textOf(unhex("ff")), { rule: "form" });
  assert.equal(encoding.textOf(unhex("efbbbf61")), "\uFEFFa");
  assert.throws(() => encoding.readWidth(new Uint8Array(3), 0, 32), { rule: "form" });
});

test("base64url refuses padding, other alphabets and endings that are not canonical", () => {
  for (const length of [0, 1, 2, 3, 16, 33]) {
    const bytes = encoding.randomBytes(length);
    assert.deepEqual(encoding.fromBase64Url(encoding.toBase64Url(bytes)), bytes);
  }
  for (const text of ["YQ==", "Y", "YR", "a+b0", "a/b0", "YQ\n", " YQ", "YWJj ", "YQ.", undefined, 7])
    assert.throws(() => encoding.fromBase64Url(text), { rule: "form" });
});
