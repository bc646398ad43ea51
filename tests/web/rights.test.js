/** The table of rights, as the server's own test has it (`src/policy.rs`). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { may } from "../../web/state/rights.js";

const ROLES = [undefined, "member", "admin", "owner"];

/** One letter per asker: strangers, members, room admins, owners; then the same as admins of the server. */
function row(kind, action, target) {
  const letters = (admin) => ROLES.map((role) => (may({ admin, role }, { kind }, action, target) ? "y" : "n")).join("");
  return `${letters(false)} ${letters(true)}`;
}

test("every role and every action is as the server's table says", () => {
  const table = [
    //                        open         closed       direct
    ["see", undefined, "yyyy yyyy", "nyyy yyyy", "nyyy nyyy"],
    ["read", undefined, "yyyy yyyy", "nyyy nyyy", "nyyy nyyy"],
    ["write", undefined, "nyyy nyyy", "nyyy nyyy", "nyyy nyyy"],
    ["moderate", undefined, "nnyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["join", undefined, "yyyy yyyy", "nnnn yyyy", "nnnn nnnn"],
    ["leave", undefined, "nyyy nyyy", "nyyy nyyy", "nnnn nnnn"],
    ["add", undefined, "nyyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["remove", "member", "nnyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["remove", "admin", "nnny yyyy", "nnny yyyy", "nnnn nnnn"],
    ["remove", "owner", "nnnn yyyy", "nnnn yyyy", "nnnn nnnn"],
    ["ban", undefined, "nnyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["mute", "owner", "nnnn yyyy", "nnnn yyyy", "nnnn nnnn"],
    ["role", "member", "nnny yyyy", "nnny yyyy", "nnnn nnnn"],
    ["describe", undefined, "nnyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["hooks", undefined, "nnyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["readOnly", undefined, "nnyy yyyy", "nnyy yyyy", "nnnn nnnn"],
    ["kind", undefined, "nnny yyyy", "nnny yyyy", "nnnn nnnn"],
    ["archive", undefined, "nnny yyyy", "nnny yyyy", "nnnn nnnn"],
    ["delete", undefined, "nnny yyyy", "nnny yyyy", "nnnn nnnn"],
    ["default", undefined, "nnnn yyyy", "nnnn yyyy", "nnnn nnnn"],
  ];
  for (const [action, target, ...expected] of table) {
    ["open", "closed", "dm"].forEach((kind, index) =>
      assert.equal(row(kind, action, target), expected[index], `${action} ${target ?? ""} in ${kind}`),
    );
  }
});

test("what the room is like now forbids more", () => {
  const open = { kind: "open" };
  assert.equal(may({ role: "member" }, { ...open, readOnly: true }, "write"), false);
  assert.equal(may({ role: "admin" }, { ...open, readOnly: true }, "write"), true);
  for (const action of ["write", "join", "add"])
    assert.equal(may({ admin: true, role: "owner" }, { ...open, archived: true }, action), false, action);
  assert.equal(may({ role: "owner", muted: true }, open, "write"), false);
  assert.equal(may({ role: "member" }, { kind: "dm", group: true }, "leave"), true);
});
