/** Encrypted direct chats of people in a real browser, at a real server. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { assertAccessible, PLACES } from "./axe.js";
import { assertNowhere, dumpOf, listen } from "./canary.js";
import { openDirect, security } from "./keys.js";
import {
  act,
  enterAccount,
  message,
  openBrowser,
  openRoom,
  PASSWORD,
  person,
  say,
  setUpAdmin,
  startLine,
  startServer,
  texts,
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

beforeEach(() => line.mend());

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

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
  // Whoever writes before the keys are open loses nothing.
  await ada.page.reload();
  await ada.page.locator(".composer textarea").waitFor();
  await say(ada.page, "canary seven, at once");
  await ada.page.keyboard.type("canary eight, too");
  await ada.page.keyboard.press("Enter");
  await message(bob.page, "canary eight").waitFor();
  assert.equal(await bob.page.locator(".message", { hasText: /canary (seven|eight)/ }).count(), 2);
  const beyond = await ada.page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  assert.equal(beyond, 0, "the page is as high as the window, so no focus can move it");
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

test("two hours without a line, over new keys: everything arrives once and in its order", async () => {
  const carla = await person(browser, line.url, "carla");
  await openDirect(ada.page, "carla");
  await say(ada.page, "see you on the train");
  await openRoom(carla.page, "ada");
  await message(carla.page, "see you on the train").waitFor();
  for (const text of ["to be mended", "not meant to be"]) {
    await say(carla.page, text);
    await message(ada.page, text).waitFor();
  }
  line.cut();
  const said = ["one, in the tunnel", "two, in the tunnel", "три, в туннеле: ¿qué tal?"];
  for (const text of said) await say(carla.page, text);
  await act(carla.page, "to be mended", "Edit");
  await carla.page.locator(".composer textarea").fill("mended in the tunnel");
  await carla.page.keyboard.press("Enter");
  // The edit waits with them, and shows a clock, too.
  await message(carla.page, "mended in the tunnel").locator('[aria-label="Sending…"]').waitFor();
  await act(carla.page, "not meant to be", "Delete");
  await carla.page.locator("dialog .button-danger").click();
  await carla.page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 2 * 3_600_000;
  });
  // Meanwhile ada gives herself and every chat new keys, and writes under them.
  await (await security(ada.page)).locator("button", { hasText: "Shut others out" }).click();
  await ada.page.fill("#rotate-password", PASSWORD);
  await ada.page.locator("#rotate-change").uncheck();
  await ada.page.locator("dialog button[type=submit]", { hasText: "Shut others out" }).click();
  await ada.page.getByText("You have new keys, and other browsers are signed out.").waitFor();
  await ada.page.locator("#rotate-password").waitFor({ state: "detached" });
  await ada.page.keyboard.press("Escape");
  await say(ada.page, "under the new key");
  line.mend();
  for (const text of [...said, "mended in the tunnel"]) await message(ada.page, text).waitFor();
  await message(carla.page, "under the new key").waitFor();
  await carla.page.locator(".message-pending").waitFor({ state: "detached" });
  const shown = (await texts(ada.page)).join("\n");
  const places = said.map((text) => shown.indexOf(text));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  for (const text of said) assert.equal(shown.split(text).length, 2, `${text} stands there once`);
  await message(ada.page, "not meant to be").waitFor({ state: "detached" });
  await carla.context.close();
});

test("storage that is cleared under an open chat loses nothing that was written in it", async () => {
  const dina = await person(browser, line.url, "dina", PLACES.desk);
  const { page } = dina;
  await openDirect(page, "ada");
  await say(page, "still here");
  await openRoom(ada.page, "dina");
  await message(ada.page, "still here").waitFor();
  line.cut();
  await say(page, "written before it was cleared");
  await page.locator(".message-pending").waitFor();
  await page.waitForTimeout(300);
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
  });
  await say(page, "written afterwards");
  const warning = page.locator(".keys-card", { hasText: "This window keeps nothing. Leave it open" });
  await warning.waitFor();
  await assertAccessible(page, "nothing is kept", { isOffline: true });
  line.mend();
  for (const text of ["written before it was cleared", "written afterwards"]) {
    await message(ada.page, text).waitFor();
    assert.equal(await message(ada.page, text).count(), 1);
  }
  await warning.waitFor({ state: "detached" });
  await say(ada.page, "read on");
  await message(page, "read on").waitFor();
  await page.reload();
  await page.locator(".room-item", { hasText: "ada" }).click();
  // What was put off above the messages is still offered in the place of the field.
  await page.locator(".keys-card button", { hasText: "Not now" }).click();
  await page.locator(".composer-closed button", { hasText: "Enter password" }).click();
  await page.fill("#unlock-password", PASSWORD);
  await page.keyboard.press("Enter");
  await message(page, "written afterwards").waitFor();
  await message(page, "read on").waitFor();
  await dina.context.close();
});

/** How WebKit, private windows and a full disk keep things. */
const STORAGES = {
  wrapped: () => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (value, key) {
      return put.call(this, value instanceof CryptoKey && value.algorithm.name === "X25519" ? null : value, key);
    };
  },
  forbidden: () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
  },
  full: () => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (value, key) {
      const isFull = sessionStorage.getItem("full") === "yes";
      if (isFull && this.name !== "keys") throw new DOMException("Quota exceeded.", "QuotaExceededError");
      return put.call(this, value, key);
    };
  },
};

test("keys that cannot be kept as they are, or not at all, still open the chat, and the page says so", async () => {
  for (const [how, says] of [
    ["wrapped", "so it is kept encrypted"],
    ["forbidden", "This browser keeps nothing"],
  ]) {
    const { page, context } = await visitor(browser, PLACES.phone);
    await page.addInitScript(STORAGES[how]);
    await page.goto(`${line.url}/register`);
    await enterAccount(page, `eva-${how}`);
    await page.locator(".room-item").first().waitFor();
    await openDirect(page, "ada");
    await say(page, `hello, ${how}`);
    await openRoom(ada.page, `eva-${how}`);
    await message(ada.page, `hello, ${how}`).waitFor();
    if (how === "forbidden") {
      line.cut();
      await say(page, "only in this window");
      const warning = page.locator(".keys-card", { hasText: "This window keeps nothing" });
      await warning.waitFor();
      await assertAccessible(page, "forbidden storage", { isOffline: true });
      assert.ok(await asksBeforeItCloses(page));
      line.mend();
      await message(ada.page, "only in this window").waitFor();
      await warning.waitFor({ state: "detached" });
      assert.ok(!(await asksBeforeItCloses(page)));
    }
    await page.goto(`${line.url}/`);
    await (await security(page)).getByText(how === "wrapped" ? says : "Your keys are not in this browser.").waitFor();
    await page.goto(page.url());
    await page.locator(".room-item", { hasText: "ada" }).click();
    if (how === "forbidden") {
      await page.locator(".keys-card button", { hasText: "Enter password" }).click();
      await page.fill("#unlock-password", PASSWORD);
      await page.keyboard.press("Enter");
    }
    await message(page, `hello, ${how}`).waitFor();
    await context.close();
  }
});

test("a full disk stops nothing, and what is not sent yet is said to be in this window alone", async () => {
  const { page, context } = await visitor(browser);
  await page.addInitScript(STORAGES.full);
  await page.goto(`${line.url}/register`);
  await enterAccount(page, "fina");
  await page.locator(".room-item").first().waitFor();
  await openDirect(page, "ada");
  await page.evaluate(() => sessionStorage.setItem("full", "yes"));
  await say(page, "on a full disk");
  await openRoom(ada.page, "fina");
  await message(ada.page, "on a full disk").waitFor();
  line.cut();
  await say(page, "not kept");
  await page.locator(".keys-card", { hasText: "This window keeps nothing" }).waitFor();
  line.mend();
  await message(ada.page, "not kept").waitFor();
  assert.equal(await message(ada.page, "not kept").count(), 1);
  await context.close();
});

/** @param {import("playwright-core").Page} page */
function asksBeforeItCloses(page) {
  return page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
}
