/** A person's keys in a real browser: made, brought by the password, lost and found again, changed and shut off. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import { isReady, openDirect, security, signInAt, ticketFor } from "./keys.js";
import {
  assertCalm,
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  PASSWORD,
  person,
  say,
  setUpAdmin,
  startServer,
  visitor,
} from "./support.js";

const NEXT = "violet anchor stair 3";
let server, browser, root;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  root = await setUpAdmin(browser, server);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Somebody who registers and keeps the code. */
async function keeper(name, options = {}) {
  const someone = await visitor(browser, { code: "kept", ...options });
  await someone.page.goto(`${server.url}/register`);
  await enterAccount(someone.page, name);
  await someone.page.locator(".dialog-code").waitFor();
  return someone;
}

async function keepCode(page) {
  const code = await page.locator(".code-groups").textContent();
  await page.fill("#code-typed", code.slice(-9).toLowerCase());
  await page.keyboard.press("Enter");
  await page.locator(".dialog-code").waitFor({ state: "detached" });
  return code;
}

const signIn = (name, password, options) => signInAt(browser, server.url, name, password, options);

test("registering shows a recovery code once, which counts when part of it was typed", async () => {
  for (const [place, options] of Object.entries(PLACES)) {
    const { page, problems } = await keeper(`code-${place}`, options);
    await assertFits(page, `code on ${place}`);
    await assertAccessible(page, `code on ${place}`);
    await page.fill("#code-typed", "1111-2222");
    await page.keyboard.press("Enter");
    await page.getByText("These are not the last two groups of the code.").waitFor();
    await keepCode(page);
    await page.getByText("Your recovery code counts now.").waitFor();
    if (place === "desk") {
      const settings = await security(page);
      await settings.getByText("You have one. A new one takes its place.").waitFor();
      await settings.getByText("No program on this page can copy them.").waitFor();
      await assertAccessible(page, "security");
    }
    assertCalm({ problems });
    await page.context().close();
  }
});

test("on paper there is the code and nothing of the page", async () => {
  const { page } = await keeper("printer");
  await page.emulateMedia({ media: "print" });
  assert.ok(await page.locator(".code-groups").isVisible());
  assert.ok(!(await page.locator("#code-typed").isVisible()));
  assert.ok(!(await page.locator(".composer").isVisible()));
  await page.context().close();
});

test("signing out takes the keys along, and a new browser needs the password alone", async () => {
  const mira = await person(browser, server.url, "mira");
  await isReady(mira.page);
  const databases = () => mira.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
  // One of her keys, and one of files that are not sent yet.
  assert.equal((await databases()).length, 2);
  await mira.page.reload();
  await isReady(mira.page);
  await mira.page.locator("[aria-label='Settings']").first().click();
  await mira.page.locator(".settings-more button", { hasText: "Sign out" }).click();
  await mira.page.locator("dialog .button-primary", { hasText: "Sign out" }).click();
  await mira.page.locator("#username").waitFor();
  await eventually(async () => assert.deepEqual(await databases(), []));
  const again = await signIn("mira");
  await isReady(again.page);
  const kept = await again.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!/trust|bundle|share/.test(kept), kept);
  // What was under way as the session ended is refused, which the browser logs.
  assertCalm({ problems: mira.problems.filter((problem) => !/status of 401/.test(problem)) }, again);
});

test("a browser whose storage was cleared asks for the password, above the messages and in a dialog", async () => {
  const { page, problems, context } = await person(browser, server.url, "clara", PLACES.desk);
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
  });
  await page.reload();
  const strip = page.locator(".keys-card", { hasText: "Enter your password to open your encrypted chats" });
  await strip.waitFor();
  await assertAccessible(page, "strip");
  await strip.locator("button", { hasText: "Enter password" }).click();
  await page.locator("#unlock-password").waitFor();
  await assertAccessible(page, "unlock");
  await page.fill("#unlock-password", "not my password");
  await page.keyboard.press("Enter");
  await page.getByText("That is not your current password.").waitFor();
  problems.length = 0;
  await page.fill("#unlock-password", PASSWORD);
  await page.keyboard.press("Enter");
  await strip.waitFor({ state: "detached" });
  await isReady(page);
  assertCalm({ problems });
  await context.close();
});

test("a password that is changed in one of two browsers leaves the keys of both as they are", async () => {
  const one = await person(browser, server.url, "dora");
  const two = await signIn("dora");
  await isReady(two.page);
  const notice = one.page.locator(".keys-card", { hasText: "New sign-in: Chrome on Linux" });
  await notice.waitFor();
  await notice.locator("button", { hasText: "That was me" }).click();
  await notice.waitFor({ state: "detached" });
  await one.page.locator("[aria-label='Settings']").first().click();
  await one.page.locator("[data-section=password]").click();
  await one.page.fill("#old-password", PASSWORD);
  await one.page.fill("#new-password", NEXT);
  await one.page.fill("#new-password-again", NEXT);
  await one.page.locator("#sign-out-others").uncheck();
  await one.page.locator("button[type=submit]", { hasText: "Change password" }).click();
  await one.page.getByText("Your password is changed.").waitFor();
  await two.page.reload();
  await isReady(two.page);
  const three = await signIn("dora", NEXT);
  await isReady(three.page);
  assertCalm(one, two, three);
});

test("a forgotten password: the code, typed on the page for signing in", async () => {
  const emma = await keeper("emma");
  const code = await keepCode(emma.page);
  const page = (await visitor(browser, PLACES.phone)).page;
  await page.goto(`${server.url}/login`);
  await enterAccount(page, "emma", "forgotten, sorry");
  await page.locator("button", { hasText: "Use your recovery code" }).click();
  await page.locator("#recovery-code").waitFor();
  await assertAccessible(page, "recover");
  await page.fill(
    "#recovery-code",
    code.toLowerCase().replace(/.$/, (sign) => (sign === "2" ? "3" : "2")),
  );
  await page.fill("#password", NEXT);
  await page.locator("button[type=submit]").click();
  await page.getByText("There is a typing error in this code.").waitFor();
  await page.fill("#recovery-code", code.toLowerCase().replace(/-/g, " "));
  await page.locator("button[type=submit]").click();
  await page.locator(".room-item").first().waitFor({ state: "attached" });
  const again = await signIn("emma", NEXT);
  await isReady(again.page);
  assertCalm(again);
});

test("a ticket in a browser without keys locks them; the code opens them again, or one starts fresh", async () => {
  const fred = await keeper("fred");
  const code = await keepCode(fred.page);
  await fred.context.close();
  for (const way of ["code", "fresh"]) {
    const other = await visitor(browser, PLACES.desk);
    const { page } = other;
    await page.goto(`${server.url}/reset#${await ticketFor(root, "fred")}`);
    await page.fill("#password", way === "code" ? NEXT : PASSWORD);
    await page.locator("button[type=submit]").click();
    const strip = page.locator(".keys-card", { hasText: "Your encrypted chats are locked" });
    await strip.locator("button", { hasText: "Choose" }).click();
    await assertAccessible(page, "locked");
    if (way === "code") {
      await page.fill("#recovery-code", code);
      await page.locator("dialog button[type=submit]").click();
    } else {
      await page.locator("input[value=fresh]").check();
      await page.locator("dialog button[type=submit]").click();
      await page.locator("dialog .button-danger", { hasText: "Start fresh" }).last().click();
    }
    await strip.waitFor({ state: "detached" });
    await isReady(page);
    assertCalm(other);
    await other.context.close();
  }
});

test("a ticket that is opened where one is signed in lets the keys go on", async () => {
  const gina = await person(browser, server.url, "gina");
  await isReady(gina.page);
  await gina.page.goto(`${server.url}/reset#${await ticketFor(root, "gina")}`);
  await gina.page.fill("#password", NEXT);
  await gina.page.locator("button[type=submit]").click();
  await gina.page.locator(".room-item").first().waitFor({ state: "attached" });
  await isReady(gina.page);
  const again = await signIn("gina", NEXT);
  await isReady(again.page);
  assertCalm(gina, again);
});

test("a sign-in that was not mine ends there alone, with new keys, and the change is told elsewhere", async () => {
  const hugo = await person(browser, server.url, "hugo", PLACES.desk);
  const phone = await signIn("hugo", PASSWORD, PLACES.phone);
  await hugo.page.locator(".keys-card button", { hasText: "That was me" }).click();
  const thief = await signIn("hugo");
  await hugo.page.locator(".keys-card button", { hasText: "That was not me" }).click();
  await hugo.page.getByText("Chrome on Linux is signed out and you get new keys").waitFor();
  await assertAccessible(hugo.page, "not me");
  await hugo.page.fill("#rotate-password", PASSWORD);
  await hugo.page.fill("#rotate-next", NEXT);
  await hugo.page.locator("dialog button[type=submit]").click();
  await hugo.page.getByText("You have new keys, and that browser is signed out.").waitFor();
  await thief.page.locator("#username").waitFor();
  await isReady(hugo.page);
  // The other one of mine is told who has changed what, and asks for the password once.
  const changed = phone.page.locator(".keys-card", { hasText: /Your password or keys were changed: Chrome on Linux/ });
  await changed.locator("button", { hasText: "That was not me" }).click();
  await phone.page.getByText("signs out all other browsers").waitFor();
  await assertAccessible(phone.page, "a change that was not mine");
  await phone.page.fill("#rotate-password", PASSWORD);
  await phone.page.locator("#rotate-change").uncheck();
  await phone.page.locator("dialog button[type=submit]").click();
  await phone.page.getByText("ask an administrator for a link and open it in this browser").waitFor();
  await phone.page.keyboard.press("Escape");
  await changed.locator("button", { hasText: "That was me" }).click();
  await changed.waitFor({ state: "detached" });
  await phone.page.locator(".keys-card button", { hasText: "Enter password" }).click();
  await phone.page.fill("#unlock-password", NEXT);
  await phone.page.keyboard.press("Enter");
  await isReady(phone.page);
  await isReady((await signIn("hugo", NEXT)).page);
});

test("two people see the same safety number, and say so on each other's card", async () => {
  const ines = await person(browser, server.url, "ines", PLACES.desk);
  const jana = await person(browser, server.url, "jana");
  const numbers = [];
  for (const [one, other] of [
    [ines, jana],
    [jana, ines],
  ]) {
    await openRoom(other.page, "General");
    await say(other.page, `here is ${other.name}`);
    await openRoom(one.page, "General");
    const { page } = one;
    const name = page.locator(".message-author", { hasText: other.name }).last();
    await name.click();
    await page.locator(".card-keys", { hasText: "Not verified" }).locator("button").click();
    numbers.push(await page.locator(".safety-number").textContent());
    if (one === ines) await assertAccessible(page, "compare");
    await page.locator("dialog button", { hasText: "Mark as verified" }).click();
    await page.locator(".dialog-safety").waitFor({ state: "detached" });
    await name.click();
    await page.locator(".card-keys [data-verified]").waitFor();
    await page.keyboard.press("Escape");
  }
  assert.equal(numbers[0], numbers[1]);
  assert.match(numbers[0], /^(\d{5} ){11}\d{5}$/);
  assertCalm(ines, jana);
});

test("a browser without the algorithms signs in, has the plain rooms, and says why", async () => {
  const { page, problems } = await visitor(browser);
  await page.addInitScript(() => {
    const { generateKey, importKey } = crypto.subtle;
    const refuse = (algorithm) => /25519/.test(algorithm?.name ?? algorithm);
    const not = () => Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
    SubtleCrypto.prototype.generateKey = function (algorithm, ...rest) {
      return refuse(algorithm) ? not() : generateKey.call(this, algorithm, ...rest);
    };
    SubtleCrypto.prototype.importKey = function (format, data, algorithm, ...rest) {
      return refuse(algorithm) ? not() : importKey.call(this, format, data, algorithm, ...rest);
    };
  });
  await page.goto(`${server.url}/register`);
  await enterAccount(page, "karl");
  await page.locator(".room-item").first().waitFor({ state: "attached" });
  await (await security(page)).getByText("This browser cannot do what encrypted chats need.").waitFor();
  assert.equal(await page.locator(".dialog-code").count(), 0);
  assertCalm({ problems });
});

test("another list of keys stops encrypted chats, and is followed by the password alone", async () => {
  const lena = await person(browser, server.url, "lena", PLACES.desk);
  const moritz = await person(browser, server.url, "moritz");
  const { page } = lena;
  await openDirect(page, "moritz");
  await say(page, "before the fork");
  await openRoom(moritz.page, "lena");
  await message(moritz.page, "before the fork").waitFor();
  // This browser has followed another list than everybody else.
  await page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name);
    const request = indexedDB.open(names.find((name) => !name.startsWith("impulse-files")));
    await new Promise((resolve) => (request.onsuccess = resolve));
    const store = request.result.transaction("dir", "readwrite").objectStore("dir");
    const reading = store.get(["rows", 0]);
    await new Promise((resolve) => (reading.onsuccess = resolve));
    const rows = reading.result;
    rows[rows.length - 1] ^= 1;
    rows[rows.length - 88] ^= 1;
    const writing = store.put(rows, ["rows", 0]);
    await new Promise((resolve) => (writing.onsuccess = resolve));
    request.result.close();
  });
  await (await person(browser, server.url, "newcomer")).context.close();
  await page.reload();
  const banner = page.locator(".keys-alarm", { hasText: "This server shows another list of keys than before" });
  await banner.waitFor();
  await page.locator(".composer-closed").waitFor();
  for (const place of Object.values(PLACES)) {
    await page.setViewportSize(place.viewport);
    await page.emulateMedia({ colorScheme: place.colorScheme });
    await assertFits(page, "fork");
    await assertAccessible(page, "fork");
  }
  const saving = page.waitForEvent("download");
  await banner.locator("button", { hasText: "Save as evidence" }).click();
  assert.match(await readFile(await (await saving).path(), "utf8"), /"theirs"/);
  await page.setViewportSize(PLACES.desk.viewport);
  await (await security(page)).locator("button", { hasText: "Forget this server's list" }).click();
  await assertAccessible(page, "forget the list");
  await page.fill("#security-password", PASSWORD);
  await page.keyboard.press("Enter");
  await banner.waitFor({ state: "detached" });
  // Escape would close the question for the password only, if that is still there.
  await page.locator("#security-password").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.locator(".composer-closed").waitFor({ state: "hidden" });
  await say(page, "after the fork");
  await message(moritz.page, "after the fork").waitFor();
});

test("keys of mine that are not mine, or were reset elsewhere, fill the screen", async () => {
  const nele = await person(browser, server.url, "nele", PLACES.phone);
  await nele.page.goto(`${server.url}/`);
  const other = await visitor(browser, PLACES.desk);
  await other.page.route("**/api/dir/entries?*", (route) => route.fulfill({ json: { entries: [] } }));
  await other.page.goto(`${server.url}/login`);
  await enterAccount(other.page, "nele");
  const alarm = (page, text) => page.locator(".dialog-alarm", { hasText: text });
  await alarm(other.page, "The server shows keys for your account that are not yours").waitFor();
  await assertAccessible(other.page, "keys that are not mine");
  await assertFits(other.page, "keys that are not mine");
  await other.page.locator("button", { hasText: "Go on to the rooms" }).click();
  await other.context.close();
  const fresh = await visitor(browser);
  await fresh.page.goto(`${server.url}/reset#${await ticketFor(root, "nele")}`);
  await fresh.page.fill("#password", NEXT);
  await fresh.page.locator("button[type=submit]").click();
  await fresh.page.locator(".keys-card button", { hasText: "Choose" }).click();
  // A browser that is still signed in goes on, and is told what was done.
  await nele.page.locator(".keys-card", { hasText: "Your password was set anew by a link" }).waitFor();
  await fresh.page.locator("input[value=fresh]").check();
  await fresh.page.locator("dialog button[type=submit]").click();
  await fresh.page.locator("dialog .button-danger", { hasText: "Start fresh" }).last().click();
  await alarm(nele.page, "Your keys were reset").waitFor();
  await assertAccessible(nele.page, "my keys were reset");
  await assertFits(nele.page, "my keys were reset");
  await nele.page.locator(".dialog-alarm button", { hasText: "Enter password" }).click();
  await nele.page.fill("#unlock-password", NEXT);
  await nele.page.keyboard.press("Enter");
  await isReady(nele.page);
});
