/** What was written and could not be sent at once: by several tabs, overtaken, refused, or with a full storage. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import {
  act,
  assertCalmButForTheLine,
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  setUpAdmin,
  startLine,
  startServer,
  texts,
  visitor,
} from "./support.js";

const ROOM = "Greenhouse";
let server, line, browser, root, ada, phone, room;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  line = await startLine(server.url);
  [root, ada] = await Promise.all([setUpAdmin(browser, server), person(browser, line.url, "ada")]);
  phone = await visitor(browser);
  await phone.page.goto(`${server.url}/login`);
  await enterAccount(phone.page, "ada");
  room = (await ask(root.page, "POST", "/api/rooms", { name: ROOM, kind: "open" })).id;
  await ask(ada.page, "POST", `/api/rooms/${room}/members`, { uid: await uidOf(ada.page) });
  for (const { page } of [root, ada, phone]) await openRoom(page, ROOM);
});

afterEach(() => line.mend());

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

/** A call as the person of the page. */
function ask(page, method, path, body) {
  return page.evaluate(
    async ([how, where, what]) => {
      const answer = await fetch(where, {
        method: how,
        headers: { "content-type": "application/json" },
        ...(what ? { body: JSON.stringify(what) } : {}),
      });
      if (!answer.ok) throw new Error(`${where}: ${answer.status}`);
      return answer.status === 204 ? null : answer.json();
    },
    [method, path, body],
  );
}

const uidOf = async (page) => (await ask(page, "GET", "/api/me")).uid;
const changeRoom = (change) => ask(root.page, "PATCH", `/api/rooms/${room}`, change);

/** The network is back and the browser says so. */
async function mend(...pages) {
  line.mend();
  for (const page of pages) await page.evaluate(() => void dispatchEvent(new Event("online")));
}

/** Edits one's last message. */
async function edit(page, next) {
  await page.locator(".composer textarea").focus();
  await page.keyboard.press("ArrowUp");
  await page.locator(".composer textarea").fill(next);
  await page.keyboard.press("Enter");
}

test("what two tabs wrote without a line is sent in the order of writing, and each shows the other's", async () => {
  const second = await ada.context.newPage();
  await second.goto(ada.page.url());
  await second.locator(".composer textarea").waitFor();
  line.cut();
  await say(ada.page, "tab one, 1");
  await message(second, "tab one, 1").waitFor();
  await say(second, "tab two, 2");
  await message(ada.page, "tab two, 2").waitFor();
  await say(ada.page, "tab one, 3");
  const order = ["tab one, 1", "tab two, 2", "tab one, 3"];
  await eventually(async () =>
    assert.deepEqual(await second.locator(".message-pending .bubble").allInnerTexts(), order),
  );
  await mend(second, ada.page);
  await eventually(async () => assert.deepEqual(await texts(root.page), order));
  for (const page of [ada.page, second]) {
    await eventually(async () => assert.equal(await page.locator(".message-pending").count(), 0));
    assert.deepEqual(await texts(page), order);
  }
  await second.close();
});

test("a tab that is frozen in its turn does not hold up the others", async () => {
  const second = await ada.context.newPage();
  await second.goto(ada.page.url());
  await second.locator(".composer textarea").waitFor();
  await second.evaluate(
    (uid) => {
      void navigator.locks.request(`impulse.outbox.${uid}.`, () => new Promise(() => {}));
    },
    await uidOf(second),
  );
  await say(ada.page, "past the frozen tab");
  await message(root.page, "past the frozen tab").waitFor({ timeout: 15_000 });
  await second.close();
});

test("an edit that was overtaken leaves the newer text, and offers what was typed", async () => {
  await say(ada.page, "first words");
  await message(phone.page, "first words").waitFor();
  line.cut();
  await edit(ada.page, "words of the desk");
  await edit(phone.page, "words of the phone");
  await message(root.page, "words of the phone").waitFor();
  await mend(ada.page);
  await message(ada.page, "words of the phone").waitFor();
  const aside = ada.page.locator(".set-aside-row", { hasText: "words of the desk" });
  await aside.waitFor();
  await eventually(async () => assert.equal(await message(ada.page, "first words").count(), 0));
  await aside.locator("button", { hasText: "Use my text" }).click();
  assert.equal(await ada.page.locator(".composer textarea").inputValue(), "words of the desk");
  await ada.page.keyboard.press("Enter");
  await message(root.page, "words of the desk").waitFor();
  assert.equal(await message(root.page, "words of the phone").count(), 0);
  await aside.waitFor({ state: "detached" });
});

test("an edit of a message that was deleted meanwhile leaves it deleted, and offers what was typed", async () => {
  await say(ada.page, "soon gone");
  await message(phone.page, "soon gone").waitFor();
  line.cut();
  await edit(ada.page, "never to be gone");
  await act(phone.page, "soon gone", "Delete");
  await phone.page.locator("dialog .button-danger").click();
  await message(root.page, "soon gone").waitFor({ state: "detached", timeout: 15_000 });
  await mend(ada.page);
  const aside = ada.page.locator(".set-aside-row", { hasText: "never to be gone" });
  await aside.waitFor();
  await eventually(async () => assert.equal((await texts(ada.page)).includes("never to be gone"), false));
  await ada.page.reload();
  await aside.locator("button", { hasText: "Use my text" }).click();
  await eventually(async () =>
    assert.equal(await ada.page.locator(".composer textarea").inputValue(), "never to be gone"),
  );
  await ada.page.locator(".composer textarea").fill("");
});

test("what a room does not take any more is taken back with a word, and a message says why in its row", async () => {
  await say(root.page, "look at this");
  await message(ada.page, "look at this").waitFor();
  line.cut();
  await message(ada.page, "look at this").locator(".bubble").hover();
  await ada.page.locator(".tools [aria-label='React']").click();
  await ada.page.locator(".emoji-grid button, [data-emoji]").first().click();
  await message(ada.page, "look at this").locator(".reaction").waitFor();
  await say(ada.page, "too late");
  await changeRoom({ read_only: true });
  await mend(ada.page);
  await ada.page.locator(".toast", { hasText: "Your reaction was taken back" }).waitFor();
  await eventually(async () => assert.equal(await message(ada.page, "look at this").locator(".reaction").count(), 0));
  await ada.page.locator(".message-failed", { hasText: "Not sent: You are not allowed to do that." }).waitFor();
  await ada.page.locator(".message-failed button", { hasText: "Discard" }).click();
  await changeRoom({ read_only: false });
});

test("with a full storage a refused message is sent once, and is there until it is thrown away", async () => {
  const frames = [];
  ada.page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      if (String(payload).includes("with a full storage")) frames.push(payload);
    }),
  );
  await ada.page.locator(".composer textarea").waitFor();
  line.cut();
  await ada.page.evaluate(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  });
  await say(ada.page, "with a full storage");
  await changeRoom({ read_only: true });
  await mend(ada.page);
  await ada.page.locator(".message-failed", { hasText: "with a full storage" }).waitFor();
  await ada.page.waitForTimeout(1000);
  assert.equal(frames.length, 1);
  await changeRoom({ read_only: false });
  await ada.page.locator(".message-failed button", { hasText: "Retry" }).click();
  await message(root.page, "with a full storage").waitFor();
  assert.equal(frames.length, 2);
  await ada.page.reload();
});

test("half a character, and more than a command holds, do not hold up what comes after", async () => {
  await ada.page.locator(".composer textarea").waitFor();
  await ada.page.evaluate(() => {
    const uid = JSON.parse(localStorage.getItem("impulse.account") ?? "").uid;
    const room = location.pathname.split("/").at(-1);
    const entries = { aaaaaaaaaaaaaaaaaaaaaA: "half \ud83d here", bbbbbbbbbbbbbbbbbbbbbA: "\u0001".repeat(15_000) };
    Object.entries(entries).forEach(([mid, t], order) => {
      const entry = { room, at: Date.now(), order, msg: { mid, rev: 0, kind: "msg", t } };
      localStorage.setItem(`impulse.outbox.${uid}.${mid}.0`, JSON.stringify(entry));
    });
  });
  await ada.page.reload();
  await say(ada.page, "after the bad ones");
  await message(root.page, "after the bad ones").waitFor();
  await ada.page.locator(".message-failed", { hasText: "It is too long for one message." }).waitFor();
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
  assert.equal(await ada.page.locator(".message-failed").count(), 2);
  for (const last of [1, 0]) {
    await ada.page.locator(".message-failed button", { hasText: "Discard" }).last().click();
    await eventually(async () => assert.equal(await ada.page.locator(".message-failed").count(), last));
  }
});

test("a mute ends by the server's clock, on a device that is two hours ahead, and on one that is behind", async () => {
  for (const hours of [2, -2]) {
    const { page } = ada;
    const late = await ada.context.newPage();
    await late.addInitScript((ms) => {
      const now = Date.now;
      Date.now = () => now() + ms;
    }, hours * 3_600_000);
    await late.goto(page.url());
    await late.locator(".composer textarea").waitFor();
    const until = Date.now() + 3000;
    await ask(root.page, "PATCH", `/api/rooms/${room}/members/${await uidOf(page)}`, { silenced_until: until });
    await late.locator(".composer-closed:not([hidden])").waitFor();
    await late.locator(".composer textarea").waitFor();
    const over = Date.now() - until;
    assert.ok(over > -200 && over < 3000, `${hours} h: opened ${over} ms after the end`);
    await late.close();
  }
});

test("a text for a room that one is not in any more is shown, and can be copied", async () => {
  line.cut();
  await say(ada.page, "for the lost room");
  await changeRoom({ kind: "closed" });
  await ask(root.page, "DELETE", `/api/rooms/${room}/members/${await uidOf(phone.page)}`);
  await mend(ada.page);
  const aside = ada.page.locator(".set-aside-row", { hasText: "for the lost room" });
  await aside.locator("button", { hasText: "Copy text" }).waitFor();
  await aside.locator("button", { hasText: "Discard" }).click();
  await aside.waitFor({ state: "detached" });
  // The room is closed for her: browsers write such answers down by themselves.
  const problems = ada.problems.filter((problem) => !/40[34]/.test(problem));
  assertCalmButForTheLine({ problems }, root, phone);
});
