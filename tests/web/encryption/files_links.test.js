/** Files and invitations: the published bytes, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, sha256 } from "../../../web/crypto/encoding.js";
import * as files from "../../../web/crypto/files.js";
import * as links from "../../../web/crypto/links.js";
import { joinMessage } from "../../../web/crypto/room_log.js";
import { given, hex, rep, unhex } from "./vectors.js";

test("blobs and digests are the published ones, unpadded and padded", async () => {
  const described = async (blob) => ({
    length: blob.length,
    sha256: hex(await sha256(blob)),
    digest: hex(await files.fileDigest(blob)),
  });
  assert.deepEqual(await described(await files.sealChunks(rep("66", 32), rep("07", 70_000))), given("file"));
  const padded = (bytes) => concat(bytes, new Uint8Array(files.paddedSize(bytes.length) - bytes.length));
  const [small, large] = given("file_padded");
  const hello = new TextEncoder().encode("hello");
  assert.deepEqual(await described(await files.sealChunks(rep("67", 32), padded(hello))), small);
  assert.deepEqual(await described(await files.sealChunks(rep("68", 32), padded(rep("08", 70_000)))), large);
});

test("a file of any size comes back", async () => {
  for (const size of [0, 1, 1023, 1024, 1025, 65_536, 65_537, 131_072, 200_000]) {
    const file = Uint8Array.from({ length: size }, (_, at) => at % 251);
    const { blob, k, d, s } = await files.sealFile(file);
    assert.equal(blob.length, files.blobSize(size));
    assert.deepEqual(await files.openFile({ k, d, s }, blob), file);
  }
});

test("other bytes, chunks that are missing, moved or too many, and another length are refused", async () => {
  const file = Uint8Array.from({ length: 150_000 }, (_, at) => at % 251);
  const { blob, k, d, s } = await files.sealFile(file);
  const refused = (bytes, rule, change = {}) => assert.rejects(files.openFile({ k, d, s, ...change }, bytes), { rule });
  const again = async (bytes) => ({ d: await files.fileDigest(bytes) });
  const chunk = 65_552;
  const swapped = concat(blob.slice(chunk, 2 * chunk), blob.slice(0, chunk), blob.slice(2 * chunk));
  const short = blob.slice(0, 2 * chunk);
  const long = concat(blob, blob.slice(0, chunk));
  for (const bytes of [blob.with(70_000, blob[70_000] ^ 1), swapped, short, long, new Uint8Array()])
    await refused(bytes, "digest");
  await refused(swapped, "sealed", await again(swapped));
  await refused(short, "form", await again(short));
  await refused(long, "form", await again(long));
  await refused(blob, "form", { s: 20_000 });
  await refused(blob, "sealed", { k: rep("01", 32) });
  const unpadded = await files.sealChunks(k, concat(file, rep("01", files.paddedSize(s) - s)));
  await refused(unpadded, "form", await again(unpadded));
  const unmarked = await files.sealChunks(k, concat(rep("01", files.paddedSize(s)), rep("02", 65_536)));
  const cut = unmarked.slice(0, files.blobSize(s));
  if (cut.length === files.blobSize(s)) await refused(cut, "sealed", await again(cut));
});

const secret = rep("55", 16);
const lid = rep("56", 8);

test("a link's keys, card and part are the published ones", async () => {
  const ticket = await links.ticketOf(secret, lid);
  const { ed, part, join_message, join_sig } = given("link");
  assert.equal(hex(ticket.ed), ed);
  assert.deepEqual([hex(ticket.lauth), hex(ticket.lauthDigest)], [given("link_auth").LAUTH, given("link_auth").digest]);
  const rid = unhex(given("given").rid);
  assert.equal(links.partOf(ticket, rid), part);
  assert.equal(part.length, 55);
  assert.equal(hex(joinMessage(rid, lid, "44", rep("9b", 32))), join_message);
  assert.equal(hex(await links.signJoin(ticket, rid, "44", rep("9b", 32))), join_sig);
  const card = await links.sealCard(ticket, "Garden", rep("0c", 12));
  assert.equal(hex(card), given("link_card"));
  assert.equal(await links.openCard(ticket, card), "Garden");
  await assert.rejects(links.openCard({ ...ticket, lid: rep("57", 8) }, card), { rule: "sealed" });
  await assert.rejects(links.sealCard(ticket, "x".repeat(500)), { rule: "form" });
});

test("an invitation is the published URL, and is read again", () => {
  const rid = unhex(given("room_log").rid);
  const url = links.invitationUrl("https://chat.example.org", "vO6l8y1lTq0c", [links.partOf({ secret, lid }, rid)]);
  assert.equal(url, given("invitation"));
  const { code, parts } = links.parseInvitation(new URL(url).hash.slice(1));
  assert.equal(code, "vO6l8y1lTq0c");
  assert.deepEqual(parts, [{ lid, ridStart: rid.slice(0, 16), secret }]);
  assert.deepEqual(links.parseInvitation("vO6l8y1lTq0c"), { code: "vO6l8y1lTq0c", parts: [] });
  const part = given("link").part;
  assert.throws(() => links.parseInvitation(`c${`.${part}`.repeat(21)}`), { rule: "form" });
  assert.throws(() => links.parsePart(part.slice(0, -4)), { rule: "form" });
  assert.throws(() => links.parsePart(`${part}AAAA`), { rule: "form" });
  assert.throws(() => links.parsePart(""), { rule: "form" });
  assert.throws(() => links.parsePart(`Ag${part.slice(2)}`), { rule: "suite" });
});
