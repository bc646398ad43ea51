import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { forgetSecret, takeSecret } from "../../web/platform/links.js";
import { carriesSecret, parseRoute, roomPath } from "../../web/ui/base/routes.js";

const kept = new Map();
const storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};

/** @param {string} path */
function arrive(path) {
  const { pathname, search, hash } = new URL(path, "http://chat.example");
  globalThis.location = { pathname, search, hash };
}

beforeEach(() => {
  kept.clear();
  for (const kind of ["invite", "reset", "setup"]) forgetSecret(kind);
  globalThis.sessionStorage = storage;
  globalThis.history = { state: null, replaceState: (_state, _title, path) => arrive(path) };
});

test("addresses say which page they are", () => {
  const named = {
    "/": "home",
    "/login": "login",
    "/register": "register",
    "/setup": "setup",
    "/invite#abc": "invite",
    "/reset#abc": "reset",
    "/nowhere/at/all": "home",
  };
  for (const [path, name] of Object.entries(named))
    assert.equal(parseRoute(new URL(path, "http://chat.example")).name, name, path);
  assert.deepEqual(parseRoute(new URL(roomPath("7", "fR382wLoh4GYTBKMxQD8NA"), "http://chat.example")), {
    name: "room",
    room: "7",
    mid: "fR382wLoh4GYTBKMxQD8NA",
  });
  assert.deepEqual(
    ["/setup", "/invite", "/reset", "/login", "/room/1#x"].map((path) =>
      carriesSecret(parseRoute(new URL(path, "http://chat.example"))),
    ),
    [true, true, true, false, false],
  );
});

test("a secret leaves the address and stays in this tab until it is spent", () => {
  arrive("/invite#2c1DvFq1d5Vqsb4vkK_CfA");
  assert.equal(takeSecret("invite"), "2c1DvFq1d5Vqsb4vkK_CfA");
  assert.equal(location.hash, "");
  assert.equal(location.pathname, "/invite");
  arrive("/login");
  assert.equal(takeSecret("invite"), "2c1DvFq1d5Vqsb4vkK_CfA", "after signing in");
  forgetSecret("invite");
  assert.equal(takeSecret("invite"), "");
});

test("a second link takes the place of the first, and kinds do not mix", () => {
  arrive("/invite#one");
  takeSecret("invite");
  arrive("/invite#two");
  assert.equal(takeSecret("invite"), "two");
  assert.equal(takeSecret("reset"), "");
});

test("a fragment that is no text is taken as it is", () => {
  arrive("/reset#%E0%A4%A");
  assert.equal(takeSecret("reset"), "%E0%A4%A");
});

test("without storage the secret lives as long as the page", () => {
  globalThis.sessionStorage = {
    getItem() {
      throw new Error("denied");
    },
    setItem() {
      throw new Error("denied");
    },
    removeItem() {
      throw new Error("denied");
    },
  };
  arrive("/reset#ticket");
  assert.equal(takeSecret("reset"), "ticket");
  assert.equal(location.hash, "");
  assert.equal(takeSecret("reset"), "ticket");
});
