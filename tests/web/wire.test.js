/** What the wire says and what it leaves out, as the client sees it; the examples are those of docs/protocol.md. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { query } from "../../web/net/http.js";
import * as wire from "../../web/net/wire.js";
import { frameFromWire } from "../../web/net/wire_frames.js";

/** Every frame of the server that the protocol shows. */
const examples = [
  ...readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8").matchAll(/```json\n([^`]+)```/g),
]
  .flatMap(([, text]) => text.replace(/\n\s+/g, "").split("\n"))
  .filter((line) => line.startsWith('{"op":') && !line.includes("…"))
  .map((line) => JSON.parse(line));

const SENT = ["room.subscribe", "room.unsubscribe", "msg.send", "typing", "read", "presence", "ping"];

test("every frame of the protocol is understood, and an unknown one is not", () => {
  const received = examples.filter(({ op, id }) => !(id && SENT.includes(op)));
  assert.deepEqual([...new Set(received.map(({ op }) => op))].sort(), [
    "activity",
    "blocks",
    "bye",
    "err",
    "hello",
    "keys.changed",
    "member",
    "msg",
    "ok",
    "presence",
    "read",
    "room",
    "rooms",
    "rotation.due",
    "signed_in",
    "typing",
    "user",
    "wraps.needed",
  ]);
  for (const frame of received) assert.equal(frameFromWire(frame)?.op, frame.op, JSON.stringify(frame));
  assert.equal(frameFromWire({ op: "something new" }), null);
});

test("no name of the wire comes through a translation", () => {
  const keys = (value) =>
    value && typeof value === "object"
      ? Object.entries(value).flatMap(([key, each]) => [...(Array.isArray(value) ? [] : [key]), ...keys(each)])
      : [];
  for (const frame of examples) {
    // The content of a message is translated when its entry is opened.
    const { entry, ...rest } = frameFromWire(frame) ?? {};
    assert.deepEqual(
      keys(rest).filter((key) => key.includes("_")),
      [],
    );
    if (entry)
      assert.deepEqual(
        keys(wire.messageFromWire(entry, "1")).filter((key) => key.includes("_")),
        [],
      );
  }
});

test("a change is sent by the names of the wire, with nothing that was not meant", () => {
  assert.deepEqual(wire.roomToWire({ readOnly: true }), { read_only: true });
  assert.deepEqual(wire.roomToWire({ name: "Garden", isDefault: false }), { name: "Garden", default: false });
  assert.deepEqual(wire.memberToWire({ mutedUntil: null }), { silenced_until: null });
  assert.deepEqual(wire.memberToWire({ role: "admin" }), { role: "admin" });
  const settings = { usersMax: null, expected: { memberInvites: true } };
  assert.deepEqual(wire.namesToWire(settings), { users_max: null, expected: { member_invites: true } });
  assert.deepEqual(wire.namesFromWire({ created_at: 1, rows: [{ messages_per_s: 2 }], 96: null }), {
    createdAt: 1,
    rows: [{ messagesPerS: 2 }],
    96: null,
  });
});

test("a muted member and an invitation that says little are read as they are", () => {
  assert.equal(wire.roomFromWire({ id: 4, silenced_until: 9 }).mutedUntil, 9);
  assert.equal(wire.memberFromWire({ uid: 2, role: "member" }).mutedUntil, null);
  assert.deepEqual(wire.invitationFromWire({ id: 3, created_at: 5, by: null }), {
    id: "3",
    label: "",
    by: "",
    rooms: [],
    createdAt: 5,
    expiresAt: null,
    uses: 0,
    usesMax: null,
    revoked: false,
  });
});

test("a query has what is there", () => {
  assert.equal(query({ q: "a b&c", after: undefined, limit: 5, state: "" }), "?q=a+b%26c&limit=5");
  assert.equal(query({ after: undefined, before: null }), "");
});
