/** Texts that are made to be dear, to run over their neighbours or to turn them round: everybody's page goes on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertFits } from "./axe.js";
import { assertCalm, eventually, openBrowser, openRoom, person, startServer } from "./support.js";

/** A message as large as there may be one. */
const LONG = 32_000;
/** Elements of one message, and of the page around all of them. */
const ELEMENTS_MAX = 300;
const AROUND_MAX = 2_000;
/** A click is answered by then, on a machine that does other things besides. */
const ANSWER_MS = 5_000;
/** Messages of a flood. */
const FLOOD = 3_000;
const MARKS = "\u0301\u0316\u0334".repeat(170);

let server, browser, ada, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, bob] = await Promise.all([person(browser, server.url, "ada"), person(browser, server.url, "bob")]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A call of the HTTP interface, as the page would make it. */
function call({ page }, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, {
        method,
        headers: { "content-type": "application/json" },
        body: body && JSON.stringify(body),
      });
      return { ...(await answer.json().catch(() => ({}))), answered: answer.status };
    },
    [method, path, body],
  );
}

/** Messages by a socket of their own, as a program would send them; resolves once all are kept. */
function send({ page }, room, messages) {
  return page.evaluate(
    ([room, messages]) =>
      new Promise((resolve, reject) => {
        const mids = [];
        const socket = new WebSocket(`ws://${location.host}/ws`, ["impulse.v1"]);
        socket.onclose = () => reject(new Error("closed"));
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          if (frame.op === "err") reject(new Error(frame.message));
          if (frame.op === "hello" || frame.op === "ok") {
            const msg = messages.shift();
            if (!msg) return resolve(mids);
            const mid = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
              .replace(/\+/g, "-")
              .replace(/\//g, "_")
              .replace(/=+$/, "");
            mids.push(mid);
            socket.send(JSON.stringify({ op: "msg.send", id: "1", room, msg: { mid, rev: 0, kind: "msg", ...msg } }));
          }
        };
      }),
    [room, messages],
  );
}

const repeated = (token) => token.repeat(Math.ceil(LONG / token.length)).slice(0, LONG);

async function roomWith(name, texts) {
  const { id } = await call(ada, "POST", "/api/rooms", {
    name,
    kind: "open",
    members: [(await call(bob, "GET", "/api/me")).id],
  });
  await send(
    ada,
    id,
    texts.map((t) => ({ t })),
  );
  return id;
}

/** The page shows the messages, answers a press, and has not grown beyond its bound. */
async function assertAnswers({ page }, name, messages) {
  const began = Date.now();
  await openRoom(page, name);
  let isUp = false;
  await eventually(async () => {
    // A page of history ends at so many bytes, too, and a room opens at the first unread: the rest comes when it is
    // looked for, on both sides.
    isUp = !isUp;
    await page.locator(".scroller").evaluate((node, isUp) => {
      node.scrollTop = isUp ? 0 : node.scrollHeight;
    }, isUp);
    assert.equal(await page.locator(".message .bubble").count(), messages);
  });
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(elements < messages * ELEMENTS_MAX + AROUND_MAX, `${elements} elements in the page`);
  const opened = Date.now() - began;
  const pressed = Date.now();
  await page.locator("[aria-label='Settings']").click();
  await page.locator("dialog[open]").waitFor();
  const answered = Date.now() - pressed;
  assert.ok(answered < ANSWER_MS, `a click took ${answered} ms, after ${opened} ms until the room was there`);
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
}

test("twenty messages of 32,000 backticks, and the page answers", async () => {
  await roomWith(
    "Backticks",
    Array.from({ length: 20 }, () => repeated("`")),
  );
  await assertAnswers(bob, "Backticks", 20);
  assert.equal(await bob.page.locator(".bubble pre").count(), 0);
});

test("the dearest texts there are, and the page answers", async () => {
  const tokens = [
    "```a```",
    "`a`",
    "**a *b* c** ",
    "> a\nb\n",
    "http://a ",
    "http://[",
    "@ada ",
    "\n",
    "a\n",
    "a\u0301",
    "\u202ea ",
    "👩\u200d👧",
    "W",
    "\t",
    "ﷺ",
  ];
  const texts = tokens.map((token) => {
    let text = repeated(token);
    // Bytes count, not characters; a pair is not cut in two.
    while (new TextEncoder().encode(text).length > LONG) text = [...text].slice(0, [...text].length / 2).join("");
    return `${text}.`;
  });
  await roomWith("Dear texts", texts);
  await assertAnswers(bob, "Dear texts", texts.length);
  assertCalm(bob);
});

test("what turns the direction of writing ends with its message, and marks stay in it", async () => {
  await roomWith("Directions", ["before", `\u202e\u2067turned ${MARKS}`, "after"]);
  await openRoom(bob.page, "Directions");
  const turned = bob.page.locator(".message", { hasText: "turned" });
  await turned.waitFor();
  const [around, inside] = await Promise.all([
    bob.page.locator(".message .bubble").evaluateAll((all) => all.map((node) => getComputedStyle(node).unicodeBidi)),
    turned.locator(".bubble").evaluate((node) => getComputedStyle(node).overflowY),
  ]);
  assert.ok(
    around.every((value) => /isolate|plaintext/.test(value)),
    String(around),
  );
  assert.equal(inside, "clip");
});

test("hundreds of kinds of reactions are counted, not shown", async () => {
  const { id } = await call(ada, "POST", "/api/rooms", {
    name: "Reactions",
    kind: "open",
    members: [(await call(bob, "GET", "/api/me")).id],
  });
  const [mid] = await send(ada, id, [{ t: "react to this" }]);
  const reactions = (from) =>
    Array.from({ length: 20 }, (_, n) => ({ kind: "react", ref: mid, e: String.fromCodePoint(0x1f600 + from + n) }));
  const others = await Promise.all(["c", "d"].map((name) => person(browser, server.url, `${name}arla`)));
  for (const someone of others)
    await call(someone, "POST", `/api/rooms/${id}/members`, { uid: (await call(someone, "GET", "/api/me")).id });
  for (const [index, someone] of [ada, bob, ...others].entries()) await send(someone, id, reactions(index * 20));
  const names = others[0];
  await openRoom(names.page, "Reactions");
  // The first forty, and my own twenty.
  await eventually(async () => assert.equal(await names.page.locator(".reaction").count(), 60));
  assert.match(await names.page.locator(".reactions-more").innerText(), /20 more/);
  for (const someone of others) await someone.context.close();
});

test("names and topics full of marks break nothing around them", async () => {
  const wide = "W".repeat(60);
  const heavy = (most) => `Q${MARKS.slice(0, most - 1)}`;
  for (const name of [heavy(64), wide]) {
    const named = await call(ada, "PATCH", "/api/me", { display_name: name });
    // A server may refuse such a name: then there is nothing to be shown.
    assert.ok([200, 400].includes(named.answered), JSON.stringify(named));
    const members = [(await call(bob, "GET", "/api/me")).id];
    const made = await call(ada, "POST", "/api/rooms", { name, topic: heavy(500), kind: "open", members });
    const id = made.id ?? (await call(ada, "POST", "/api/rooms", { name: "A plain name", kind: "open", members })).id;
    await send(ada, id, [{ t: heavy(400) }]);
    await bob.page.goto(`${server.url}/room/${id}`);
    await bob.page.locator(".message .bubble").waitFor();
    for (const selector of [
      ".room-item-name",
      ".room-head h1 > span",
      ".room-head p",
      ".message-author",
      ".beginning h2",
      ".message .bubble",
    ]) {
      const found = await bob.page
        .locator(selector)
        .first()
        .evaluate((node) => ({
          overflow: getComputedStyle(node).overflowY,
          height: node.getBoundingClientRect().height,
        }));
      assert.match(found.overflow, /clip|hidden|auto/, selector);
      assert.ok(found.height < 300, `${selector} is ${found.height} px high`);
    }
    await assertFits(bob.page, "a room with a hostile name");
    await bob.page.keyboard.press("Control+k");
    await bob.page.locator("dialog .results").waitFor();
    await assertFits(bob.page, "the switcher");
    await bob.page.keyboard.press("Escape");
  }
  assertCalm(ada, bob);
});

test("thousands of short messages at once, and the page answers meanwhile", async () => {
  await call(ada, "POST", "/api/rooms", {
    name: "Flood",
    kind: "open",
    members: [(await call(bob, "GET", "/api/me")).id],
  });
  const rooms = await call(ada, "GET", "/api/rooms");
  const { id } = rooms.rooms.find((room) => room.name === "Flood");
  await openRoom(bob.page, "Flood");
  const flood = ada.page.evaluate(
    ([room, most]) =>
      new Promise((resolve, reject) => {
        let answered = 0;
        const socket = new WebSocket(`ws://${location.host}/ws`, ["impulse.v1"]);
        socket.onclose = () => reject(new Error("closed"));
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          if (frame.op === "hello") {
            for (let n = 0; n < most; n += 1) {
              const mid = `${String(n).padStart(21, "A")}A`;
              socket.send(
                JSON.stringify({ op: "msg.send", id: "1", room, msg: { mid, rev: 0, kind: "msg", t: `flood ${n}` } }),
              );
            }
          } else if (frame.op === "ok" && (answered += 1) === most) resolve(answered);
        };
      }),
    [id, FLOOD],
  );
  await bob.page.locator(".message", { hasText: "flood" }).first().waitFor();
  const waits = [];
  for (let n = 0; n < 5; n += 1) {
    const pressed = Date.now();
    await bob.page.locator(".composer textarea").fill(`typed meanwhile ${n}`);
    waits.push(Date.now() - pressed);
  }
  assert.ok(Math.max(...waits) < ANSWER_MS, `typing took ${waits} ms`);
  assert.equal(await flood, FLOOD);
  await bob.page.locator(".message", { hasText: `flood ${FLOOD - 1}` }).waitFor();
});
