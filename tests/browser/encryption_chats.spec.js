/** Encrypted direct chats of people in a real browser, at a real server. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertNowhere, dumpOf, listen } from "./canary.js";
import {
  PASSWORD,
  act,
  enterAccount,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  setUpAdmin,
  startLine,
  startServer,
  visitor,
} from "./support.js";

let server;
let line;
let browser;
let heard;
let ada;
let bob;

before(async () => {
  server = await startServer({ env: { IMPULSE_LOG: "trace" } });
  line = await startLine(server.url);
  browser = await openBrowser();
  heard = listen(browser);
  ada = await setUpAdmin(browser, server, "ada");
  bob = await person(browser, line.url, "bob");
});

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

/** @param {import("playwright-core").Page} page @param {string} name */
async function openDirect(page, name) {
  await page.locator("[aria-label='New direct message']").click();
  await page.locator("dialog input").fill(name);
  await page.locator("dialog [role=option]", { hasText: name }).click();
  await page.locator("dialog button", { hasText: "Open conversation" }).click();
  await page.locator(".room-head h1", { hasText: name }).waitFor();
  await page.locator(".composer textarea").waitFor();
}

/** @param {import("playwright-core").Page} page */
const roomOf = (page) => new URL(page.url()).pathname.split("/").at(-1);

/**
 * Everything that this browser keeps, as far as it is text or bytes.
 *
 * @param {import("playwright-core").Page} page
 */
function keptBy(page) {
  return page.evaluate(async () => {
    const dump = (value) =>
      JSON.stringify(value, (_, each) => {
        if (each instanceof Uint8Array) return String.fromCharCode(...each);
        if (each instanceof CryptoKey) return "key";
        return each instanceof Map || each instanceof Set ? [...each] : each;
      });
    const all = [dump({ ...localStorage }), dump({ ...sessionStorage })];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((resolve) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
      });
      for (const store of database.objectStoreNames) {
        const request = database.transaction(store).objectStore(store).getAll();
        const rows = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
        all.push(dump(rows));
      }
      database.close();
    }
    return all.join("\n");
  });
}

test("two people write both ways, edit, delete, react and reply; the server has none of it", async () => {
  await openDirect(ada.page, "bob");
  await say(ada.page, "canary one, just between us");
  await openRoom(bob.page, "ada");
  await message(bob.page, "canary one").waitFor();
  await say(bob.page, "@ada this is canary two");
  await message(ada.page, "canary two").waitFor();
  const id = roomOf(ada.page);
  const told = await ada.page.evaluate((room) => fetch(`/api/rooms/${room}`).then((answer) => answer.json()), id);
  assert.equal(told.e2ee, true);
  assert.equal(told.name, "");
  await act(ada.page, "canary one", "Edit");
  await ada.page.locator(".composer textarea").fill("canary one, mended");
  await ada.page.keyboard.press("Enter");
  await message(bob.page, "canary one, mended").waitFor();
  await message(ada.page, "canary two").locator(".bubble").hover();
  await ada.page.locator(".tools .icon-button").first().click();
  await message(bob.page, "canary two").locator(".reaction").waitFor();
  await act(bob.page, "canary one, mended", "Reply");
  await say(bob.page, "an answer");
  assert.match(await message(ada.page, "an answer").locator(".quote").innerText(), /canary one, mended/);
  await say(ada.page, "canary six, soon gone");
  await message(bob.page, "canary six").waitFor();
  await act(ada.page, "canary six", "Delete");
  await ada.page.locator("dialog .button-danger").click();
  await message(bob.page, "canary six").waitFor({ state: "detached" });
});

test("what is unread is counted, and a mention calls, in a browser that has another room open", async () => {
  await openRoom(bob.page, "general");
  await say(ada.page, "@bob look here, please");
  const item = bob.page.locator(".room-item", { hasText: "ada" });
  await item.locator(".badge-mention").waitFor();
  await openRoom(bob.page, "ada");
  await message(bob.page, "look here, please").waitFor();
  await item.locator(".badge-mention").waitFor({ state: "detached" });
});

test("a third browser reads everything by the password alone", async () => {
  const third = await visitor(browser);
  await third.page.goto(`${server.url}/`);
  await enterAccount(third.page, "ada");
  await third.page.locator(".room-item").first().waitFor({ state: "attached" });
  await openRoom(third.page, "bob");
  await message(third.page, "canary one, mended").first().waitFor();
  await message(third.page, "canary two").waitFor();
  await third.context.close();
});

test("what was written without a line arrives once, and lies nowhere in clear", async () => {
  line.cut();
  await say(bob.page, "canary three, offline");
  await bob.page.locator(".message", { hasText: "canary three" }).waitFor();
  await bob.page.locator(".composer textarea").fill("canary four, a draft");
  await bob.page.waitForTimeout(1500);
  const kept = await keptBy(bob.page);
  assert.ok(kept.length > 500);
  assert.ok(!kept.includes("canary"));
  await say(ada.page, "canary five, meanwhile");
  line.mend();
  await message(ada.page, "canary three").waitFor();
  await message(bob.page, "canary five").waitFor();
  assert.equal(await message(ada.page, "canary three").count(), 1);
  await bob.page.reload();
  await openRoom(bob.page, "ada");
  await message(bob.page, "canary five").waitFor();
  assert.equal(await bob.page.locator(".composer textarea").inputValue(), "canary four, a draft");
  for (const { page, problems } of [ada, bob]) {
    assert.deepEqual(
      problems.filter((each) => !/WebSocket|ERR_|Failed to load/.test(each)),
      [],
    );
    assert.ok(!/decrypt/i.test(await page.locator("body").innerText()));
  }
});

test("no password, key, text or draft is in a database, the log, what is sent, or what browsers keep", async () => {
  const [dump, ofAda, ofBob] = await Promise.all([dumpOf(server.dataDir), keptBy(ada.page), keptBy(bob.page)]);
  const [log, trace] = [server.said, heard.trace()];
  assert.ok(dump.includes('"lh"'), "messages are in the database");
  assert.ok(log.includes("TRACE") && log.includes("preparing query"), "the log says much");
  assert.ok(trace.includes('"env"') && trace.includes("/api/keys") && trace.includes("bundle"));
  assert.ok(heard.secrets.size > 20, "pages have told their secrets");
  const words = ["canary", PASSWORD, "just between us", "a draft"].map((word) => Buffer.from(word));
  const secrets = Array.from(heard.secrets, (hex) => Buffer.from(hex, "hex"));
  assertNowhere([...words, ...secrets], { dump, log, trace, "browser of ada": ofAda, "browser of bob": ofBob });
});
