import assert from "node:assert/strict";
import { test } from "node:test";
import { scopesFor } from "../../web/ui/settings/tokens.js";

test("a token is offered no more than its owner may do", () => {
  assert.deepEqual(scopesFor({ admin: true }), ["read", "write", "admin"]);
  assert.deepEqual(scopesFor({ admin: false }), ["read", "write"]);
  assert.deepEqual(scopesFor(null), ["read", "write"]);
});
