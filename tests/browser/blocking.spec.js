/** Blocking somebody, hiding a chat, and people of one name, as people see it. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { assertAccessible, PLACES } from "./axe.js";
import { assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer, texts } from "./support.js";

/** Where pictures for people go, if wanted. */
const SHOTS = process.env.IMPULSE_SHOTS;
const PHONE = { ...PLACES.phone, hasTouch: true, isMobile: true };
const REFUSED = /Failed to load resource/;

let server, browser, ada, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, bob] = [await person(browser, server.url, "ada", PLACES.desk), await person(browser, server.url, "bob")];
  for (const { page } of [ada, bob]) await openRoom(page, "General");
  await say(bob.page, "good morning all");
  await message(ada.page, "good morning all").waitFor();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A call as a script of the page would make it. */
function call({ page }, method, path, body) {
  return page.evaluate(
    ([method, path, body]) =>
      fetch(path, {
        method,
        ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
      }).then(async (answer) => ({ status: answer.status, body: await answer.json().catch(() => null) })),
    [method, path, body],
  );
}

async function shot({ page }, name) {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(350);
    await page.screenshot({ path: `${SHOTS}/${name}-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: null });
}

async function closeDialogs({ page }) {
  while (await page.locator("dialog[open]").count()) await page.keyboard.press("Escape");
}

const inList = ({ page }, name) => page.locator(".room-item", { hasText: name });

test("from the card: a question, a note, and the chat of the two is to be read only", async () => {
  await ada.page.locator(".message-author", { hasText: "bob" }).first().click();
  await ada.page.locator(".dialog-card button", { hasText: "Message" }).click();
  await ada.page.locator(".room-head h1", { hasText: "bob" }).waitFor();
  await inList(bob, "ada").click();
  await say(bob.page, "hello you");
  await message(ada.page, "hello you").waitFor();

  await ada.page.locator(".message-author", { hasText: "bob" }).first().click();
  await shot(ada, "card");
  await ada.page.locator(".dialog-card button", { hasText: "Block" }).click();
  const question = ada.page.locator("dialog", { hasText: "Block bob?" });
  await question.locator("button", { hasText: "Block" }).waitFor();
  await shot(ada, "question");
  await ada.page.keyboard.press("Enter");
  await ada.page.locator(".toast", { hasText: "bob is blocked." }).waitFor();
  const card = ada.page.locator(".dialog-card");
  await card.locator(".card-blocked").waitFor();
  await eventually(async () =>
    assert.ok(await card.evaluate((node) => node.contains(document.activeElement)), "the focus stays in the card"),
  );
  assert.equal(await card.locator("button", { hasText: "Message" }).count(), 0);
  await assertAccessible(ada.page, "the card of somebody blocked");
  await closeDialogs(ada);
  assert.ok(
    await ada.page.evaluate(() => document.activeElement !== document.body),
    "nor is it lost when the card closes",
  );
  await ada.page.locator(".composer-closed", { hasText: "You have blocked this person." }).waitFor();
  await ada.page.locator(".room-head .room-mark", { hasText: "Blocked" }).waitFor();
  await shot(ada, "chat");
  await message(ada.page, "hello you").waitFor();

  await say(bob.page, "are you there?");
  await bob.page.locator(".message-failed", { hasText: "are you there?" }).waitFor();
  assert.ok(!(await bob.page.locator("body").innerText()).toLowerCase().includes("block"), "nothing tells him");
  await bob.page.locator(".message-failed button", { hasText: "Discard" }).click();
});

test("in a shared room his messages are covered until they are asked for, and his mentions do not call", async () => {
  await openRoom(ada.page, "General");
  const covered = ada.page.locator(".message", { hasText: "Message of a blocked person." });
  await covered.first().waitFor();
  assert.ok(!(await texts(ada.page)).some((text) => text.includes("good morning all")));
  await shot(ada, "covered");
  await assertAccessible(ada.page, "covered messages");
  await covered.first().locator("button", { hasText: "Show" }).click();
  await message(ada.page, "good morning all").waitFor();
  await eventually(async () =>
    assert.ok(
      await ada.page.evaluate(() => document.activeElement?.matches(".message")),
      "the focus stays on the message",
    ),
  );

  await openRoom(ada.page, "Random");
  await openRoom(bob.page, "General");
  await say(bob.page, "@ada look here");
  const item = inList(ada, "General");
  await item.locator(".badge").waitFor();
  assert.equal(await item.locator(".badge-mention").count(), 0);
  await openRoom(ada.page, "General");
  assert.equal(await ada.page.locator(".message-mentioned").count(), 0);
});

test("another device knows it at once; the settings list it and take it back, with the keyboard alone", async () => {
  const phone = await person(browser, server.url, "carol", PHONE);
  await call(phone, "PUT", `/api/blocks/${(await call(phone, "GET", "/api/users?q=bob")).body.users[0].uid}`);
  await phone.page.locator(".me [aria-label='Settings']").tap();
  await phone.page.locator("[data-section=privacy]").tap();
  await phone.page.locator(".access", { hasText: "bob" }).waitFor();
  await shot(phone, "settings-phone");
  await assertAccessible(phone.page, "privacy on a phone");
  assertCalm(phone);
  await phone.context.close();

  const second = await ada.context.newPage();
  let isHeldUp = false;
  await second.routeWebSocket(/./, (socket) => {
    const line = socket.connectToServer();
    line.onMessage((frame) => void (isHeldUp && /"op":\s*"blocks"/.test(String(frame)) ? null : socket.send(frame)));
  });
  await second.goto(server.url);
  await second.locator(".room-item", { hasText: "bob" }).click();
  await second.locator(".composer-closed", { hasText: "You have blocked" }).waitFor();

  await ada.page.locator(".me [aria-label='Settings']").focus();
  await ada.page.keyboard.press("Enter");
  await ada.page.locator("[data-section=privacy]").focus();
  await ada.page.keyboard.press("Enter");
  const button = ada.page.locator("button[aria-label='Unblock: bob']");
  await button.waitFor();
  await shot(ada, "settings");
  await assertAccessible(ada.page, "privacy");
  await button.focus();
  await ada.page.keyboard.press("Enter");
  await ada.page.locator(".results-empty", { hasText: "You have blocked nobody." }).waitFor();
  await second.locator(".composer textarea").waitFor();
  // And the way back of the way back.
  await ada.page.locator(".toast button", { hasText: "Undo" }).click();
  await ada.page.locator(".access", { hasText: "bob" }).waitFor();
  // The answer of the call alone shows the field and leads the focus to it.
  isHeldUp = true;
  await second.locator(".composer-closed button", { hasText: "Unblock" }).click();
  await second.locator(".composer textarea").waitFor();
  await eventually(async () => assert.ok(await second.evaluate(() => document.activeElement?.matches("textarea"))));
  await closeDialogs(ada);
  await second.close();
});

test("a chat is hidden from its menu and comes back with the next message", async () => {
  await inList(ada, "bob").click({ button: "right" });
  await ada.page.locator(".dialog-menu .menu-item", { hasText: "Block" }).waitFor();
  await shot(ada, "menu");
  await ada.page.locator(".menu-item", { hasText: "Hide chat" }).click();
  await ada.page.locator(".toast", { hasText: "hidden until somebody writes" }).waitFor();
  await inList(ada, "bob").waitFor({ state: "detached" });
  await ada.page.locator(".toast button", { hasText: "Undo" }).click();
  await inList(ada, "bob").waitFor();
  await inList(ada, "bob").click();
  await ada.page.locator(".room-head h1", { hasText: "bob" }).waitFor();
  await ada.page.locator(".members-button").click();
  await ada.page.locator("[role=tab]", { hasText: "For me" }).click();
  await ada.page.locator("dialog button", { hasText: "Block" }).waitFor();
  await shot(ada, "details");
  await ada.page.locator("dialog button", { hasText: "Hide chat" }).click();
  await inList(ada, "bob").waitFor({ state: "detached" });
  await ada.page.reload();
  await ada.page.locator(".room-item", { hasText: "General" }).waitFor();
  assert.equal(await inList(ada, "bob").count(), 0);
  await inList(bob, "ada").click();
  await say(bob.page, "back again");
  await inList(ada, "bob").locator(".badge").waitFor();
});

test("two people of one name are told apart by their user names, everywhere", async () => {
  const twin = await person(browser, server.url, "zoe");
  for (const someone of [bob, twin])
    assert.equal((await call(someone, "PATCH", "/api/me", { display_name: "Sam" })).status, 200);
  await openRoom(ada.page, "General");
  await openRoom(twin.page, "General");
  await say(twin.page, "@ada, it is me");
  await ada.page.locator(".message-author", { hasText: "Sam (@zoe)" }).waitFor();
  await ada.page.locator(".message-author", { hasText: "Sam (@bob)" }).first().waitFor();
  await inList(ada, "Sam (@bob)").waitFor();
  await twin.page.locator(".composer textarea").pressSequentially("hm");
  await ada.page.locator("[class*=typing]", { hasText: "Sam (@zoe)" }).first().waitFor();
  await ada.page.locator(".composer textarea").pressSequentially("@sam");
  await eventually(async () => assert.equal(await ada.page.locator(".option small", { hasText: "@zoe" }).count(), 1));
  await shot(ada, "names");
  await ada.page.keyboard.press("Escape");
  await ada.page.locator(".composer textarea").fill("");
  await call(twin, "PATCH", "/api/me", { display_name: "Zoe" });
  await inList(ada, "Sam").filter({ hasNotText: "@bob" }).waitFor();
  await ada.page.locator(".message-author", { hasText: /^Zoe$/ }).first().waitFor();
  ada.problems.splice(0, ada.problems.length, ...ada.problems.filter((problem) => !REFUSED.test(problem)));
  assertCalm(ada, bob, twin);
});
