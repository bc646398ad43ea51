/**
 * The examples of bench/clients against a real server: what k6, Artillery and Python would run, without
 * installing k6, Artillery and `websockets`. Their part (counters, the WebSocket itself) is played here, ours is
 * run as it is.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { BINARY, startServer } from "../browser/support.js";
import { Socket } from "./socket.js";

const CLIENTS = new URL("../../bench/clients/", import.meta.url);
const PATIENCE_MS = 60_000;

let server;
let token;
let url;

before(async () => {
  server = await startServer();
  const admin = async (...args) =>
    (await promisify(execFile)(BINARY, ["admin", "--data-dir", server.dataDir, ...args])).stdout.trim();
  await admin("create-user", "engineer");
  token = await admin("token", "engineer");
  url = `${server.url.replace("http", "ws")}/ws`;
});

after(() => server?.stop());

/** Waits for what must come. @param {() => boolean} is_there */
async function until(is_there) {
  const late = Date.now() + PATIENCE_MS;
  while (!is_there()) {
    assert.ok(Date.now() < late, "it did not come in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Sums and counts by name. */
class Figures {
  sum = new Map();
  count = new Map();

  add(name, value) {
    this.sum.set(name, (this.sum.get(name) ?? 0) + Number(value));
    this.count.set(name, (this.count.get(name) ?? 0) + 1);
  }
}

test("Artillery's users follow a room, write in it and count what they hear", async () => {
  const { follow, say } = createRequire(import.meta.url)(new URL("artillery.cjs", CLIENTS).pathname);
  const flow = await readFile(new URL("artillery.yml", CLIENTS), "utf8");
  const named = [...flow.matchAll(/function: (\w+)/g)].map(([, name]) => name);
  assert.deepEqual(named, ["follow", "say"], "the steps of artillery.yml");

  const figures = new Figures();
  const events = { emit: (kind, name, value = 1) => figures.add(kind === "error" ? "errors" : name, value) };
  const users = [];
  for (let n = 0; n < 3; n += 1) {
    const context = { vars: { size: 128 } };
    await new Promise((resolve, reject) => {
      context.ws = new Socket(url, "impulse.v1", { headers: { Authorization: `Bearer ${token}` } });
      // In the very turn of `open`, as Artillery does.
      context.ws.on("open", () => follow(context, events).then(resolve, reject));
    });
    users.push(context);
  }
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(users.map((context) => say(context, events)));
  }
  await until(() => (figures.sum.get("impulse.deliveries") ?? 0) >= 36);
  assert.equal(figures.sum.get("impulse.deliveries"), 36, "12 messages for 3 users");
  assert.equal(figures.count.get("impulse.delivery_ms"), 36);
  assert.equal(figures.count.get("impulse.commit_ms"), 12);
  for (const name of ["lost", "doubled", "refused"]) assert.equal(figures.sum.get(`impulse.${name}`), 0, name);

  const [user] = users;
  user.vars.user.room = "999999";
  await say(user, events);
  assert.equal(figures.sum.get("impulse.refused"), 1, "what the server refuses is counted");
  assert.equal(figures.sum.get("errors"), undefined);
  for (const { ws } of users) ws.close();
});

/** k6.js with k6's modules played by us, and each of its scenarios as a function that starts one user. */
async function k6(environment) {
  const figures = new Figures();
  const checks = [];
  class Metric {
    constructor(name) {
      this.name = name;
    }
    add(value) {
      figures.add(this.name, value);
    }
  }
  const sockets = [];
  const modules = {
    check: (value, conditions) =>
      Object.entries(conditions).every(
        ([name, holds]) => checks.push({ name, holds: Boolean(holds(value)) }) && checks.at(-1).holds,
      ),
    crypto: { randomBytes },
    encoding: { b64encode: (bytes, kind) => (assert.equal(kind, "rawurl"), bytes.toString("base64url")) },
    exec: { vu: { idInTest: 1 } },
    Counter: Metric,
    Trend: Metric,
    console: { error() {} },
    WebSocket: class extends Socket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    },
  };
  const source = await readFile(new URL("k6.js", CLIENTS), "utf8");
  const imported = [...source.matchAll(/^import (?:\{ (.+?) \}|(\w+)) from "k6/gm)].flatMap(
    ([, names, name]) => names?.split(", ") ?? [name],
  );
  assert.deepEqual(
    imported.filter((name) => !(name in modules)),
    [],
    "a module of k6 that is not played here",
  );
  const script = source
    .replace(/^import .*$/gm, "")
    .replace("export const options", "const options")
    .replace("export default function", "const user = function");
  const instance = (more) =>
    new Function("__ENV", ...Object.keys(modules), `${script}; return { options, user };`)(
      { ...environment, ...more },
      ...Object.values(modules),
    );
  const { scenarios, thresholds } = instance({}).options;
  const start = (name) => {
    for (let vu = 0; vu < scenarios[name].vus; vu += 1) instance(scenarios[name].env).user();
  };
  return { figures, checks, scenarios, thresholds, start, sockets };
}

test("k6's readers hear all that its writers say", async () => {
  const run = await k6({ IMPULSE_TOKEN: token, URL: url, READERS: "3", WRITERS: "1", RATE: "20", SECONDS: "1" });
  const passed = (name) => run.checks.filter((check) => check.name === name && check.holds).length;
  assert.equal(run.scenarios.writers.startTime, "3s");
  run.start("readers");
  await until(() => passed("subscribed") === 3);
  run.start("writers");
  await until(() => run.sockets.length === 4 && run.sockets.every((socket) => socket.line?.destroyed));

  assert.deepEqual(
    run.checks.filter((check) => !check.holds),
    [],
  );
  assert.equal(passed("subscribed"), 4);
  const said = run.figures.sum.get("impulse_messages");
  assert.ok(said > 0);
  const unanswered = run.figures.sum.get("impulse_unanswered");
  assert.equal(passed("message acknowledged") + unanswered, said);
  assert.equal(run.figures.count.get("impulse_commit_ms"), said - unanswered);
  assert.ok(run.figures.sum.get("impulse_deliveries") > 0);
  assert.equal(run.figures.count.get("impulse_delivery_ms"), run.figures.sum.get("impulse_deliveries"));
  assert.equal(run.figures.sum.get("impulse_lost"), 0);
  assert.equal(run.figures.sum.get("impulse_doubled"), 0);
  const measured = new Set([...run.figures.sum.keys(), "checks"]);
  assert.deepEqual(
    Object.keys(run.thresholds).filter((name) => !measured.has(name)),
    [],
    "a threshold of nothing",
  );
});

test("k6 notices a stranger's token", async () => {
  const run = await k6({ IMPULSE_TOKEN: "nobodys", URL: url, READERS: "1", SECONDS: "1" });
  run.start("readers");
  await until(() => run.checks.length > 0);
  assert.deepEqual(run.checks, [{ name: "the connection holds", holds: false }]);
});

/** Runs the Python example with the `websockets` beside this file; what it prints, by name. */
async function python(...args) {
  const script = new URL("python_websockets.py", CLIENTS).pathname;
  const env = {
    ...process.env,
    PYTHONPATH: new URL(".", import.meta.url).pathname,
    PYTHONDONTWRITEBYTECODE: "1",
    IMPULSE_TOKEN: token,
  };
  const { stdout } = await promisify(execFile)("python3", [script, "--url", url, ...args], {
    env,
    timeout: PATIENCE_MS,
  });
  return new Map(
    stdout
      .split("\n")
      .map((line) => line.split(/ {2,}/))
      .map(([name, value]) => [name, value]),
  );
}

test("the Python example keeps exact books", async () => {
  const table = await python("--connections", "4", "--writers", "2", "--rate", "20", "--seconds", "1", "--size", "200");
  assert.equal(table.get("connections"), "4");
  assert.equal(table.get("messages"), "20");
  assert.equal(table.get("acknowledged"), "20");
  assert.equal(table.get("deliveries"), "80", "20 messages for 4 members");
  for (const name of ["lost", "doubled", "out of order"]) assert.equal(table.get(name), "0", name);
});

test("the Python example says why it may not come in", async () => {
  const refused = (pattern) => (error) => error.code === 1 && pattern.test(error.stderr);
  await assert.rejects(python("--token", "nobodys"), refused(/error: server rejected WebSocket connection: HTTP 401/));
  await assert.rejects(
    python("--room", "999999"),
    refused(/error: The user of this token is not a member of room 999999/),
  );
});
