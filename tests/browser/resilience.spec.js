import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertCalm,
  assertCalmButForTheLine,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  startLine,
  startServer,
  texts,
} from "./support.js";

let server, line, browser, ada, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  line = await startLine(server.url);
  [ada, bob] = await Promise.all([person(browser, line.url, "ada"), person(browser, server.url, "bob")]);
  for (const { page } of [ada, bob]) await openRoom(page, "General");
});

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

test("what was said while the line was cut arrives once, in both directions", async () => {
  await say(ada.page, "before");
  await message(bob.page, "before").waitFor();
  line.cut();
  for (const n of [1, 2, 3]) await say(ada.page, `ada offline ${n}`);
  for (const n of [1, 2, 3]) await say(bob.page, `bob meanwhile ${n}`);
  assert.equal(await ada.page.locator(".message-pending").count(), 3);
  await ada.page.locator(".banner:not([hidden])").waitFor({ timeout: 9000 });
  line.mend();
  // "Try now", unless the client has found the line by itself meanwhile.
  await ada.page
    .locator(".banner button")
    .click({ timeout: 2_000 })
    .catch(() => {});
  const said = ["before", ...[1, 2, 3].flatMap((n) => [`ada offline ${n}`, `bob meanwhile ${n}`])].sort();
  for (const { page } of [ada, bob]) await eventually(async () => assert.deepEqual((await texts(page)).sort(), said));
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
  await eventually(async () => assert.equal(await ada.page.locator(".banner").isVisible(), false));
  assert.deepEqual(await texts(ada.page), await texts(bob.page));
  assertCalmButForTheLine(ada);
  assertCalm(bob);
});

/** The browser notices something about its network. */
const notice = ({ page }, event) => page.evaluate((name) => void dispatchEvent(new Event(name)), event);

/** How long something takes, in milliseconds. */
async function spanOf(act) {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

test("after a change of the network a message leaves within about two seconds, once", async () => {
  line.changeNetwork();
  await notice(ada, "online");
  const span = await spanOf(async () => {
    await say(ada.page, "from the other network");
    await message(bob.page, "from the other network").waitFor();
  });
  assert.ok(span < 3000, `${span} ms`);
  assert.equal(await ada.page.locator(".banner").isVisible(), false, "too short for a word about it");
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
  assert.equal((await texts(bob.page)).filter((text) => text === "from the other network").length, 1);
});

test("a line that falls silent is doubted after five seconds, and what was written goes by itself", async () => {
  line.changeNetwork();
  const banner = ada.page.locator(".banner:not([hidden])");
  const span = await spanOf(async () => {
    await say(ada.page, "into the silence");
    await banner.waitFor();
  });
  assert.ok(span > 4500 && span < 7000, `${span} ms`);
  await message(bob.page, "into the silence").waitFor();
  await banner.waitFor({ state: "detached", timeout: 1000 }).catch(() => banner.waitFor({ state: "hidden" }));
  assert.equal((await texts(bob.page)).filter((text) => text === "into the silence").length, 1);
});

test("without a network the banner comes after five seconds; nobody's presence is known; Try now works", async () => {
  const { page } = ada;
  await page.goto(page.url());
  await message(page, "into the silence").waitFor();
  assert.equal(await page.locator(".me .presence").getAttribute("data-state"), "online");
  line.fallSilent();
  const span = await spanOf(async () => {
    await notice(ada, "offline");
    await page.locator(".banner:not([hidden])").waitFor();
  });
  assert.ok(span > 4500 && span < 7000, `${span} ms`);
  assert.equal(await page.locator(".me .presence").getAttribute("data-state"), "offline");
  assert.deepEqual(await page.locator(".presence[data-state=online]").count(), 0);
  await say(page, "written without a network");
  line.mend();
  const back = await spanOf(async () => {
    await page.locator(".banner button").click();
    await message(bob.page, "written without a network").waitFor();
  });
  assert.ok(back < 2000, `${back} ms`);
  await page.locator(".banner").waitFor({ state: "hidden" });
});

test("an attempt to connect that hangs is given up when the network is back", async () => {
  line.fallSilent();
  await notice(ada, "online");
  await ada.page.waitForTimeout(2000);
  line.mend();
  const span = await spanOf(async () => {
    await notice(ada, "online");
    await say(ada.page, "after the tunnel");
    await message(bob.page, "after the tunnel").waitFor();
  });
  assert.ok(span < 2000, `${span} ms`);
});

test("what waits to be sent survives a reload and arrives once", async () => {
  const { page } = ada;
  line.mute();
  await page.reload();
  await message(page, "before").waitFor();
  await say(page, "written in a tunnel");
  await page.locator(".message-pending", { hasText: "written in a tunnel" }).waitFor();
  await page.reload();
  await page.locator(".message-pending", { hasText: "written in a tunnel" }).waitFor();
  line.mend();
  await message(bob.page, "written in a tunnel").waitFor();
  await eventually(async () => assert.equal(await page.locator(".message-pending").count(), 0));
  await page.reload();
  await message(page, "written in a tunnel").waitFor();
  for (const each of [page, bob.page])
    assert.equal((await texts(each)).filter((text) => text === "written in a tunnel").length, 1);
});

test("eighty messages sent in a moment arrive in the order they were written, at the usual limits", async () => {
  const limited = await startServer({ scale: "1" });
  try {
    const [eve, dan] = await Promise.all([person(browser, limited.url, "eve"), person(browser, limited.url, "dan")]);
    for (const { page } of [eve, dan]) await openRoom(page, "General");
    const written = Array.from({ length: 80 }, (_, n) => `burst ${n}`);
    await eve.page.evaluate((all) => {
      const field = /** @type {HTMLTextAreaElement} */ (document.querySelector(".composer textarea"));
      for (const text of all) {
        field.value = text;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
      }
    }, written);
    await eventually(async () => assert.equal((await texts(dan.page)).length, written.length));
    assert.deepEqual(await texts(dan.page), written);
    assertCalm(eve, dan);
  } finally {
    await limited.stop();
  }
});

test("a restarted server is found again without a reload", async () => {
  const { port } = new URL(server.url);
  await server.stop({ keep: true });
  await say(bob.page, "said to nobody");
  server = await startServer({ dataDir: server.dataDir, port: Number(port) });
  await message(ada.page, "said to nobody").waitFor({ timeout: 30_000 });
  await eventually(async () => assert.equal(await bob.page.locator(".message-pending").count(), 0));
  assert.equal((await texts(ada.page)).filter((text) => text === "said to nobody").length, 1);
  assertCalmButForTheLine(ada, bob);
});
