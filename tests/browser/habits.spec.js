import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer, texts } from "./support.js";

let server, browser, ada, page, field;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  ada = await person(browser, server.url, "ada");
  await person(browser, server.url, "barbara");
  ({ page } = ada);
  field = page.locator(".composer textarea");
  await page.reload();
  await openRoom(page, "General");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("Enter sends, Shift+Enter is a new line", async () => {
  await field.fill("first");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("second");
  assert.equal(await field.inputValue(), "first\nsecond");
  await page.keyboard.press("Enter");
  assert.equal(await field.inputValue(), "");
  await eventually(async () => assert.deepEqual(await texts(page), ["first\nsecond"]));
});

test("Enter during composition belongs to the input method", async () => {
  await field.fill("にほん");
  await field.evaluate((node) =>
    node.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }),
    ),
  );
  assert.equal(await field.inputValue(), "にほん");
  await field.fill("");
});

test("Up in an empty composer edits my last message, Esc gives it back", async () => {
  await say(page, "my last words");
  await message(page, "my last words").waitFor();
  await eventually(async () => assert.equal(await page.locator(".message-pending").count(), 0));
  await page.keyboard.press("ArrowUp");
  assert.equal(await field.inputValue(), "my last words");
  await page.keyboard.press("Escape");
  assert.equal(await field.inputValue(), "");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.type(", for now");
  await page.keyboard.press("Enter");
  await message(page, "my last words, for now").locator(".edited").waitFor();
});

test("a draft belongs to its room and survives a reload", async () => {
  await field.fill("half a thought");
  await openRoom(page, "Random");
  assert.equal(await field.inputValue(), "");
  await page.locator(".room-item", { hasText: "General" }).locator(".room-item-draft").waitFor();
  await page.reload();
  await openRoom(page, "General");
  assert.equal(await field.inputValue(), "half a thought");
  await field.fill("");
});

test("typing a message draws nothing but its field", async () => {
  await page.evaluate(() => {
    globalThis.drawn = 0;
    const outside = ({ target }) => !(target.nodeType === 1 ? target : target.parentElement)?.closest(".composer");
    new MutationObserver((changes) => {
      globalThis.drawn += changes.filter(outside).length;
    }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
  });
  const drawn = () => page.evaluate(() => globalThis.drawn);
  // Something else may be drawn meanwhile, so it is tried again; a draft that draws would do so every time.
  await eventually(async () => {
    await page.waitForTimeout(600);
    const before = await drawn();
    await field.pressSequentially("half a thought ", { delay: 30 });
    await page.waitForTimeout(600);
    assert.equal(await drawn(), before);
  });
  const before = await drawn();
  await page.keyboard.press("Enter");
  await eventually(async () => assert.ok((await drawn()) > before, "what is sent is drawn"));
});

test("Tab completes names and emoji", async () => {
  await field.focus();
  await page.keyboard.type("hello @bar");
  await page.locator(".suggestions [role=option]", { hasText: "barbara" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await field.inputValue(), "hello @barbara ");
  // The table of emoji may still be on its way: Tab waits for it.
  await page.keyboard.type(":rocke");
  await page.keyboard.press("Tab");
  await eventually(async () => assert.equal(await field.inputValue(), "hello @barbara 🚀 "));
  await page.keyboard.press("Enter");
  await message(page, "hello").locator(".mention", { hasText: "@barbara" }).waitFor();
});

test("Esc closes the suggestions before anything else", async () => {
  await page.keyboard.type("@bar");
  await page.locator(".suggestions [role=option]").first().waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".suggestions").isVisible(), false);
  assert.equal(await field.inputValue(), "@bar");
  await field.fill("");
});

test("Ctrl+B and Ctrl+I mark the selection", async () => {
  await field.fill("bold");
  await field.selectText();
  await page.keyboard.press("Control+b");
  assert.equal(await field.inputValue(), "**bold**");
  await page.keyboard.press("Control+b");
  assert.equal(await field.inputValue(), "bold");
  await page.keyboard.press("Control+i");
  assert.equal(await field.inputValue(), "_bold_");
  await page.keyboard.press("Enter");
  await page.locator(".bubble em", { hasText: "bold" }).waitFor();
});

test("Ctrl+K finds a room by a few letters", async () => {
  await page.keyboard.press("Control+k");
  await page.keyboard.type("ran");
  await page.keyboard.press("Enter");
  await page.locator(".room-head h1", { hasText: "Random" }).waitFor();
  await eventually(async () => assert.equal(await page.locator("dialog").count(), 0));
});

test("Alt with the arrows walks the rooms", async () => {
  await page.keyboard.press("Alt+ArrowUp");
  await page.locator(".room-head h1", { hasText: "Help" }).waitFor();
  await page.keyboard.press("Alt+ArrowUp");
  await page.locator(".room-head h1", { hasText: "General" }).waitFor();
  await page.keyboard.press("Alt+ArrowDown");
  await page.locator(".room-head h1", { hasText: "Help" }).waitFor();
});

test("Ctrl+/ shows the keys, Esc closes them", async () => {
  await page.keyboard.press("Control+/");
  await page.locator("dialog", { hasText: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await eventually(async () => assert.equal(await page.locator("dialog").count(), 0));
});

test("typing anywhere finds the composer", async () => {
  await page.locator(".scroller").focus();
  await page.keyboard.type("hey");
  assert.equal(await field.inputValue(), "hey");
  await field.fill("");
});

test("the messages can be walked and used by keyboard alone", async () => {
  await openRoom(page, "General");
  const last = page.locator(".message").last();
  await last.waitFor();
  await last.focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator(".menu").waitFor();
  await page.keyboard.press("Escape");
  await eventually(async () => assert.equal(await page.locator(".menu").count(), 0));
});

test("the language and the theme change at once and stay", async () => {
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator("[data-section=language]").click();
  await page.locator("dialog label", { hasText: "Русский" }).click();
  await page.locator("dialog h2", { hasText: "Настройки" }).waitFor();
  await page.locator("[data-section=appearance]").click();
  await page.locator("dialog label", { hasText: "Тёмная" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  await page.locator(".section-head h2", { hasText: "Комнаты" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "ru");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

test("on touch Enter is a new line and the button sends", async () => {
  const phone = await person(browser, server.url, "phil", {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  await phone.page.locator(".room-item", { hasText: "General" }).tap();
  const area = phone.page.locator(".composer textarea");
  await area.tap();
  await phone.page.keyboard.type("one");
  await phone.page.keyboard.press("Enter");
  await phone.page.keyboard.type("two");
  assert.equal(await area.inputValue(), "one\ntwo");
  await phone.page.locator(".send").tap();
  await message(phone.page, "one\ntwo").waitFor();
  await phone.page.locator(".room-back").tap();
  await phone.page.locator(".sidebar").waitFor();
  assertCalm(phone);
});

test("nothing complained all the while", () => assertCalm(ada));
