import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureRefusal } from "../../web/ui/settings/profile.js";
import { scopesFor } from "../../web/ui/settings/tokens.js";

test("a token is offered no more than its owner may do", () => {
  assert.deepEqual(scopesFor({ admin: true }), ["read", "write", "admin"]);
  assert.deepEqual(scopesFor({ admin: false }), ["read", "write"]);
  assert.deepEqual(scopesFor(null), ["read", "write"]);
});

test("a picture that the server would refuse is not sent", () => {
  const limit = 5 * 1024 * 1024;
  assert.equal(pictureRefusal({ type: "image/png", size: limit }), null);
  assert.equal(pictureRefusal({ type: "image/png", size: limit + 1 }), "picture_large");
  assert.equal(pictureRefusal({ type: "image/svg+xml", size: 10 }), "picture_type");
});
