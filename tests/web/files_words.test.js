/** Files in words, the places of pictures, and how far a picture is enlarged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { endingOf, filesText, lookOfFile, sizeText } from "../../web/ui/base/file_words.js";
import { excerpt } from "../../web/ui/base/excerpt.js";
import { errorText } from "../../web/ui/base/i18n.js";
import { lostFile, refusalText } from "../../web/ui/composer/attachments.js";
import { factsOf, kindOf, pictureOf } from "../../web/ui/files/kinds.js";
import { placeOf } from "../../web/ui/files/pictures.js";
import { roomPictures } from "../../web/ui/files/room_pictures.js";
import { isUnsent } from "../../web/ui/settings/dialog.js";
import { Zoom, ZOOM_MAX } from "../../web/ui/files/zoom.js";

const file = (name, type, more = {}) => ({ id: name, name, type, size: 2048, ...more });
const picture = (name, more = {}) => file(name, "image/png", { width: 400, height: 300, ...more });
const plain = (text) => text.replace(/\s/gu, " ");

test("what is shown as a picture has a size, and until it is sent it may be one", () => {
  assert.equal(lookOfFile(picture("a.png")), "picture");
  assert.equal(lookOfFile(file("a.png", "image/png")), "card", "the server could not read it");
  assert.equal(lookOfFile(file("a.png", "image/png", { id: "" })), "picture");
  assert.equal(lookOfFile(file("a.svg", "image/svg+xml", { id: "" })), "card");
  assert.deepEqual(
    ["video/mp4", "audio/ogg", "application/pdf", "text/html", ""].map((type) => lookOfFile(file("x", type))),
    ["video", "audio", "card", "card", "card"],
  );
  assert.equal(lookOfFile(file("x", "video/mp4", { id: "" })), "card", "nothing plays before it is sent");
});

test("the kind of a file is in its name, else in its type, and its size is rounded", () => {
  assert.deepEqual(
    ["Report.PDF", "a.tar.gz", ".bashrc", "noending", "odd.x/y", "ends."].map((name) => endingOf(file(name, ""))),
    ["PDF", "GZ", "", "", "", ""],
  );
  assert.deepEqual(
    [file("a.xlsx", ""), file("a", "audio/ogg"), file("a", "image/tiff"), file("a", "")].map((each) => [
      kindOf(each),
      pictureOf(each),
    ]),
    [
      ["table", "table"],
      ["audio", "music"],
      ["picture", "picture"],
      ["file", "file"],
    ],
  );
  assert.equal(plain(factsOf(file("a.pdf", "application/pdf", { size: 1_572_864 }))), "Document · PDF · 1.5 MB");
  assert.deepEqual(
    [0, 1, 900].map((size) => plain(sizeText(size))),
    ["0 bytes", "1 byte", "900 bytes"],
  );
  assert.equal(plain(sizeText(2, "ru")), "2 байта");
});

test("where a message is only mentioned its files are named, and its text follows", () => {
  assert.equal(filesText([picture("a.png")]), "Picture");
  assert.equal(filesText([picture("a.png", { alt: "a cat" })]), "Picture: a cat");
  assert.equal(filesText([file("plan.pdf", "application/pdf")]), "File: plan.pdf");
  assert.equal(filesText([picture("a"), picture("b")]), "2 pictures");
  assert.equal(filesText([picture("a"), file("b", "")]), "2 files");
  const message = { kind: "msg", t: "**look** at this", files: [picture("a.png")] };
  assert.equal(excerpt(message, 100), "Picture · look at this");
  assert.equal(excerpt({ ...message, t: "" }, 100), "Picture");
  assert.equal(excerpt({ ...message, kind: "del" }, 100), "Message deleted");
});

test("a single picture has its place in its own proportions, and a strip or a dot is not too small to press", () => {
  assert.deepEqual(placeOf({ width: 4000, height: 3000 }), { width: 416, height: 312 });
  assert.deepEqual(placeOf({ width: 300, height: 200 }), { width: 300, height: 200 });
  assert.deepEqual(placeOf({ width: 100, height: 9000 }), { width: 72, height: 352 });
  assert.deepEqual(placeOf({ width: 16, height: 16 }), { width: 72, height: 72 });
  assert.deepEqual(placeOf({}), { width: 320, height: 240 });
});

test("one walks through the pictures of a room, without deleted ones and those of blocked people", () => {
  const said = (mid, by, files, kind = "msg") => ({ mid, by, at: 1, kind, files });
  const messages = [
    said("1", "2", [picture("a"), file("b", "")]),
    said("2", "3", [picture("c")]),
    said("3", "2", [picture("d")], "del"),
    said("4", "2", undefined),
    said("5", "1", [picture("e")]),
  ];
  const state = { blocked: new Set(["3"]), timelines: new Map([["4", { messages }]]), rooms: new Map() };
  assert.deepEqual(
    roomPictures(state, "4").map(({ file: { id }, mid }) => [id, mid]),
    [
      ["a", "1"],
      ["e", "5"],
    ],
  );
  assert.deepEqual(roomPictures(state, "5"), []);
});

test("what is under a point stays there when it is enlarged, and no edge comes further in than it has to", () => {
  const zoom = new Zoom();
  zoom.measure({ width: 400, height: 300 }, { width: 400, height: 200 });
  zoom.move(50, 50);
  assert.deepEqual([zoom.x, zoom.y, zoom.isOn], [0, 0, false], "as a whole it stays in the middle");
  zoom.by(2, { x: 100, y: 0 });
  assert.deepEqual([zoom.scale, zoom.x, zoom.y], [2, -100, 0]);
  zoom.move(-1000, 1000);
  assert.deepEqual([zoom.x, zoom.y], [-200, 50]);
  zoom.by(100);
  assert.equal(zoom.scale, ZOOM_MAX);
  zoom.by(0.001);
  assert.deepEqual([zoom.scale, zoom.x, zoom.y, zoom.isOn], [1, 0, 0, false]);
});

test("why files were not taken is said of each, and once where it is the same for all", () => {
  const refused = (name, code, detail) => ({ name, size: 3 * 1024 * 1024, error: { code, ...(detail && { detail }) } });
  assert.equal(
    refusalText([refused("a", "files_encrypted_room"), refused("b", "files_encrypted_room")]),
    "Files cannot be sent in encrypted chats yet. They come later.",
  );
  assert.equal(
    plain(refusalText([refused("a.mov", "too_large", { max: 1024 * 1024 }), refused("b", "files_many")])),
    "a.mov: 3 MB is too large, at most 1 MB. b: One message takes no more files.",
  );
  const many = Array.from({ length: 40 }, (_, n) => refused(`${n}.mov`, "too_large", { max: 1024 * 1024 }));
  assert.equal(refusalText(many).split("\n").length, 5);
  assert.match(refusalText(many), /\n36 more$/);
  assert.match(errorText({ code: "quota_full", detail: { of: "person" } }), /^Your space/);
  assert.match(errorText({ code: "quota_full", detail: { of: "moon" } }), /^There is no space left/);
});

test("a lost file holds up the message it is attached to; one that was refused is tried again", () => {
  const attached = new Map([["4", ["a", "b", "c"].map((key) => file(key, "", { id: "", key }))]]);
  const failed = (code) => ({ phase: "failed", sent: 0, error: { code } });
  const uploads = new Map([
    ["a", { phase: "done", sent: 1 }],
    ["b", failed("quota_full")],
  ]);
  assert.equal(lostFile({ attached, uploads }, "4"), null);
  uploads.set("c", failed("file_lost"));
  assert.equal(lostFile({ attached, uploads }, "4").key, "c");
  assert.equal(lostFile({ attached, uploads }, "5"), null);
});

test("whoever signs out is told of what is not sent", () => {
  const nothing = { drafts: new Map(), uploads: new Map(), setAside: [], timelines: new Map() };
  const timeline = (status) => new Map([["4", { messages: [{ status: "sent" }, { status }] }]]);
  assert.equal(isUnsent({ ...nothing, timelines: timeline("sent") }), false);
  for (const more of [
    { timelines: timeline("pending") },
    { timelines: timeline("failed") },
    { drafts: new Map([["4", "half"]]) },
    { uploads: new Map([["a", {}]]) },
    { setAside: [{}] },
  ])
    assert.equal(isUnsent({ ...nothing, ...more }), true, JSON.stringify(Object.keys(more)));
});
