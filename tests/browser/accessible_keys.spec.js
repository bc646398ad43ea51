/** The keyboard alone: one Tab stop each for rooms and messages, arrows inside, the focus that comes back. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer } from "./support.js";

let server, browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What has the focus, in a word. @param {import("playwright-core").Page} page */
function focused(page) {
  return page.evaluate(() => {
    const node = document.activeElement;
    if (node?.matches(".message")) return node.querySelector(".bubble")?.textContent ?? "message";
    return node?.getAttribute("aria-label") ?? node?.querySelector(".room-item-name")?.textContent ?? node?.textContent;
  });
}

/** @param {import("playwright-core").Page} page @param {...string} keys */
async function press(page, ...keys) {
  for (const key of keys) await page.keyboard.press(key);
}

/** A room with these messages, all sent. @param {string} name @param {string[]} texts */
async function personWith(name, texts) {
  const someone = await person(browser, server.url, name);
  await openRoom(someone.page, "General");
  for (const text of texts) {
    await say(someone.page, text);
    await message(someone.page, text).last().waitFor();
  }
  await eventually(async () => assert.equal(await someone.page.locator(".message-pending").count(), 0));
  return someone;
}

test("rooms are one Tab stop, messages are one, and arrows, Home and End move inside", async () => {
  const anna = await personWith("anna", ["first https://example.org", "second", "third"]);
  const { page } = anna;
  await page.locator(".composer textarea").focus();
  await press(page, "Shift+Tab", "Shift+Tab");
  assert.equal(await focused(page), "third");
  await press(page, "ArrowUp", "ArrowUp");
  assert.match(await focused(page), /^first/);
  await press(page, "End");
  assert.equal(await focused(page), "third");
  await press(page, "Home");
  assert.match(await focused(page), /^first/);
  await press(page, "ArrowRight");
  assert.match(await focused(page), /example\.org/);
  await press(page, "Escape");
  assert.match(await focused(page), /^first/);
  await press(page, "Tab", "Tab");
  assert.match(await focused(page), /Message to General/, "from the messages to the field");
  await press(page, "Shift+Tab", "Shift+Tab");
  assert.match(await focused(page), /^first/, "and back to where one was");
  await page.locator(".jump").focus();
  await press(page, "Tab");
  assert.equal(await focused(page), "General");
  await press(page, "ArrowDown");
  assert.equal(await focused(page), "Help");
  await press(page, "r");
  assert.equal(await focused(page), "Random");
  await press(page, "Tab");
  assert.ok(!(await page.evaluate(() => document.activeElement?.closest(".room-lists"))), "one stop");
  await press(page, "Shift+Tab", "Enter");
  await page.locator(".room-head h1", { hasText: /General|Random/ }).waitFor();
  assertCalm(anna);
  await anna.context.close();
});

test("skip links lead to the rooms, the messages and the field", async () => {
  const ben = await personWith("ben", ["here"]);
  const { page } = ben;
  for (const [name, where] of [
    ["Skip to the rooms", ".room-item"],
    ["Skip to the messages", ".message"],
    ["Skip to the field to write in", ".composer textarea"],
  ]) {
    const link = page.locator(".skip", { hasText: name });
    await link.focus();
    await press(page, "Enter");
    assert.ok(await page.locator(`${where}:focus`).count(), name);
  }
  await ben.context.close();
});

test("the menu of a message opens by key; the focus returns after it, an edit, a deletion and its undo", async () => {
  const carla = await personWith("carla", ["to be kept", "to be deleted"]);
  const { page } = carla;
  await page.locator(".composer textarea").focus();
  await press(page, "Shift+Tab", "Shift+Tab");
  for (const key of ["Enter", "ContextMenu", "Shift+F10"]) {
    await press(page, key);
    await page.locator(".dialog-menu").waitFor();
    await press(page, "Escape");
    await page.locator(".dialog-menu").waitFor({ state: "detached" });
    assert.equal(await focused(page), "to be deleted", key);
  }
  for (const [key, text] of [
    ["Enter", "to be deleted, soon"],
    ["Escape", "to be deleted, soon"],
  ]) {
    await press(page, "Enter");
    await page.locator(".menu-item", { hasText: "Edit" }).press("Enter");
    await page.locator(".composer textarea:focus").waitFor();
    await page.locator(".composer textarea").fill(text);
    await press(page, key);
    await message(page, text).waitFor();
    await eventually(async () => assert.match((await focused(page)) ?? "", /^to be deleted/, key));
  }
  await press(page, "Enter");
  await page.locator(".menu-item", { hasText: "Delete" }).press("Enter");
  await page.locator("dialog .button-danger").press("Enter");
  const undo = page.locator(".toast button", { hasText: "Undo" });
  await undo.waitFor();
  assert.equal(await focused(page), "Message deleted");
  await undo.press("Enter");
  await message(page, "to be deleted").waitFor();
  assert.match((await focused(page)) ?? "", /^to be deleted/);
  assertCalm(carla);
  await carla.context.close();
});

test("a reaction pressed by key keeps the focus in its message, though the message is drawn anew", async () => {
  const dora = await personWith("dora", ["react to me"]);
  const { page } = dora;
  await page.locator(".composer textarea").focus();
  await press(page, "Shift+Tab", "Shift+Tab", "Enter");
  await page.locator(".menu-quick button").first().press("Enter");
  const chip = page.locator(".reaction");
  await chip.waitFor();
  await eventually(async () => assert.equal(await focused(page), "react to me"));
  await chip.focus();
  // What somebody else does draws the message anew, too: the key still presses what had the focus.
  const emil = await person(browser, server.url, "emil");
  await openRoom(emil.page, "General");
  await emil.page.locator(".composer textarea").focus();
  await press(emil.page, "Shift+Tab", "Shift+Tab", "Enter");
  await emil.page.locator(".menu-quick button").nth(1).press("Enter");
  await page.locator(".reaction").nth(1).waitFor();
  assert.ok(await chip.first().evaluate((node) => node === document.activeElement), "the focus stays on the reaction");
  await emil.context.close();
  await press(page, "Enter");
  await page.locator(".reaction[aria-pressed=true]").waitFor({ state: "detached" });
  await eventually(async () => assert.equal(await focused(page), "react to me"));
  assertCalm(dora);
  await dora.context.close();
});
