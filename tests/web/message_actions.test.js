/** What is shown before the server has answered, and what becomes of it when the server refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromWire } from "../../web/state/messages.js";
import { createMessageActions } from "../../web/state/message_actions.js";

const later = () => new Promise((resolve) => setTimeout(resolve));

test("a reaction that is refused is not shown any more, and those of others are", async () => {
  const wire = {
    seq: 2,
    at: 2,
    msg: {
      mid: "a",
      rev: 0,
      kind: "msg",
      by: "2",
      created: 1,
      created_seq: 1,
      t: "hi",
      reactions: [{ e: "👍", by: ["2"], mids: ["x"] }],
    },
  };
  const sent = /** @type {any[]} */ ([]);
  const client = /** @type {any} */ ({
    state: { me: { uid: "1" }, rooms: new Map(), timelines: new Map([["4", { messages: [fromWire(wire, "1")] }]]) },
    changed() {},
    socket: {
      command: async (/** @type {string} */ _op, /** @type {any} */ fields) => {
        sent.push(fields.msg);
        await later();
        throw { code: "bad_request", message: "This message has as many reactions as a message may have." };
      },
    },
  });
  const { begin, actions } = createMessageActions(client);
  begin("1");
  const shown = () => client.state.timelines.get("4").messages[0];
  for (const emoji of ["👍", "🎉"]) {
    await actions.react("4", "a", emoji, true);
    assert.ok(shown().reactions[emoji].includes("1"), "shown at once");
    await later();
    await later();
    assert.deepEqual(shown().reactions["👍"], ["2"]);
    assert.ok(!shown().reactions["🎉"]?.length);
    assert.deepEqual(shown().mine, {});
  }
  assert.deepEqual(
    sent.map((msg) => [msg.kind, msg.ref]),
    [
      ["react", "a"],
      ["react", "a"],
    ],
  );
  assert.deepEqual(client.outbox.entries(), []);
  client.outbox.close();
});
