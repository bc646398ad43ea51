/** Words as they are written: short names, emoji, mentions, undo, and what is pasted, dropped and composed. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer } from "./support.js";

let server, browser, ada, li, page, field;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, li] = await Promise.all([person(browser, server.url, "ada"), person(browser, server.url, "李明")]);
  ({ page } = ada);
  field = page.locator(".composer textarea");
  // Files are attached here and never sent.
  await page.route(/\/api\/files/, (route) =>
    route.fulfill({ status: 201, json: { id: "f".repeat(22), offset: 0, complete: true, name: "x", size: 1 } }),
  );
  await page.reload();
  await openRoom(page, "General");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const value = (expected) => eventually(async () => assert.equal(await field.inputValue(), expected));
const options = () => page.locator(".suggestions [role=option]");
const isFocused = () => field.evaluate((node) => document.activeElement === node);

/** Lets an input method end its composition with Enter. Safari sends the key after the end, Chrome before it. */
const compose = (target, engine) =>
  target.evaluate((node, engine) => {
    node.focus();
    const composition = (type) => node.dispatchEvent(new CompositionEvent(type, { bubbles: true, data: "日本" }));
    const key = (isComposing) => {
      const event = new KeyboardEvent("keydown", { key: "Enter", isComposing, bubbles: true, cancelable: true });
      Object.defineProperty(event, "keyCode", { value: 229 });
      node.dispatchEvent(event);
    };
    composition("compositionstart");
    if (engine === "chrome") key(true);
    composition("compositionend");
    if (engine === "safari") key(false);
  }, engine);

test("short names become emoji as whole words, and never in code, times and addresses", async () => {
  for (const [typed, shown] of [
    ["so :tada: at 12:100:30", "so 🎉 at 12:100:30"],
    ["run `docker -p 80:100:tcp` :+1:", "run docker -p 80:100:tcp 👍"],
    ["https://example.com/a:key:b is foo:lock:bar", "https://example.com/a:key:b is foo:lock:bar"],
  ]) {
    await say(page, typed);
    await eventually(async () =>
      assert.equal(
        await page
          .locator(".message .bubble")
          .last()
          .innerText()
          .then((text) => text.trim()),
        shown,
      ),
    );
  }
});

test("what the composer writes is taken back by Ctrl+Z, step by step", async () => {
  await field.click();
  await page.keyboard.type("bold @李");
  await options().first().waitFor();
  await page.keyboard.press("Tab");
  await value("bold @李明 ");
  await page.keyboard.press("Control+z");
  await value("bold @李");
  await page.keyboard.press("Escape");
  await field.evaluate((node) => node.setSelectionRange(0, 4));
  await page.keyboard.press("Control+b");
  await value("**bold** @李");
  await page.keyboard.press("Control+z");
  await value("bold @李");
  await page.locator(".composer [aria-label='Insert an emoji']").click();
  await page.locator(".emoji-key", { hasText: "🔥" }).click();
  await eventually(async () => assert.match(await field.inputValue(), /🔥/));
  await page.keyboard.press("Control+z");
  await value("bold @李");
  await field.fill("");
});

test("a mention in a script without spaces is told and shown alike", async () => {
  await say(page, "交给@李明处理, not `@李明` or mail@李明.org");
  const mentions = message(page, "交给").locator(".mention");
  await eventually(async () => assert.deepEqual(await mentions.allInnerTexts(), ["@李明"]));
  await openRoom(li.page, "General");
  await message(li.page, "交给").locator(".mention-self").waitFor();
});

test("everybody is offered by the whole word, says whom it calls, and calls them", async () => {
  await field.click();
  await page.keyboard.type("look @all");
  await options().filter({ hasText: "Everybody in this room, 2 people" }).waitFor();
  await page.keyboard.press("Tab");
  await value("look @all ");
  await page.keyboard.press("Enter");
  await message(li.page, "look @all").locator(".mention-self").waitFor();
  await say(page, "here is nobody: @here");
  await message(li.page, "here is nobody").waitFor();
  assert.equal(await message(li.page, "here is nobody").locator(".mention").count(), 0);
  await message(page, "here is nobody").waitFor();
});

test("an edit calls whom its new text names, and nobody else", async () => {
  await say(page, "nobody yet");
  await message(page, "nobody yet").waitFor();
  await eventually(async () => assert.equal(await page.locator(".message-pending").count(), 0));
  await page.keyboard.press("ArrowUp");
  await value("nobody yet");
  await page.keyboard.type(", now @李明");
  await options().first().waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await message(li.page, "nobody yet, now").locator(".mention-self").waitFor();
});

test("Tab stays in an unfinished word until Esc lets it go", async () => {
  await field.fill("");
  await page.keyboard.type("@zz");
  for (let n = 0; n < 3; n += 1) await page.keyboard.press("Tab");
  assert.equal(await isFocused(), true);
  assert.equal(await field.inputValue(), "@zz");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.equal(await isFocused(), false);
  await field.fill("");
});

test("a message without anything to see is not sent, and that is said", async () => {
  for (const text of ["\u200b", "\u2800\u3164", "\u00ad\u2060\u202e\ufe0f"]) {
    await field.fill(text);
    await page.locator(".composer-over", { hasText: "nothing to see" }).waitFor();
    assert.equal(await page.locator(".composer .send").isDisabled(), true);
  }
  await field.fill("x".repeat(7900));
  await page.locator(".composer-count", { hasText: "100 characters left" }).waitFor();
  await field.fill("");
});

for (const engine of ["chrome", "safari"])
  test(`Enter that ends a composition as in ${engine} does nothing else, in any field`, async () => {
    await field.fill("日本");
    await compose(field, engine);
    assert.equal(await field.inputValue(), "日本");
    await field.fill("");
    const path = await page.evaluate(() => location.pathname);
    await page.keyboard.press("Control+k");
    const search = page.locator("dialog input");
    await search.fill("Random");
    await compose(search, engine);
    assert.equal(await page.locator("dialog[open]").count(), 1);
    assert.equal(await page.evaluate(() => location.pathname), path);
    await page.keyboard.press("Escape");
    await page.locator(".composer [aria-label='Insert an emoji']").click();
    await compose(page.locator("dialog input"), engine);
    assert.equal(await page.locator("dialog[open]").count(), 1);
    await page.keyboard.press("Escape");
    assert.equal(await field.inputValue(), "");
  });

test("what is pasted anywhere goes into the composer, and files are attached", async () => {
  const paste = (kind) =>
    page.evaluate((kind) => {
      const clipboardData = new DataTransfer();
      if (kind === "text") clipboardData.setData("text/plain", "from elsewhere");
      else clipboardData.items.add(new File(["x"], "x.txt"));
      document.activeElement?.blur();
      const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }, kind);
  await paste("text");
  await value("from elsewhere");
  assert.equal(await isFocused(), true);
  await page.keyboard.press("Control+z");
  await value("");
  await paste("file");
  await page.locator(".attachment", { hasText: "x.txt" }).waitFor();
  await value("");
  await page.locator(".attachment-remove").click();
  await page.locator(".attachment").waitFor({ state: "detached" });
});

test("nothing that is dropped leads away from the page", async () => {
  const drop = (kind, selector) =>
    page.evaluate(
      ([kind, selector]) => {
        const dataTransfer = new DataTransfer();
        if (kind === "file") dataTransfer.items.add(new File(["<h1>"], "x.html", { type: "text/html" }));
        else dataTransfer.setData("text/uri-list", "https://example.com/");
        return ["dragover", "drop"].map((type) => {
          const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
          document.querySelector(selector)?.dispatchEvent(event);
          return event.defaultPrevented;
        });
      },
      [kind, selector],
    );
  assert.deepEqual(await drop("file", ".log"), [true, true]);
  assert.deepEqual(await drop("file", ".composer textarea"), [true, true]);
  assert.equal(await page.locator(".attachment", { hasText: "x.html" }).count(), 2);
  await page.locator(".attachment-remove").first().press("Enter");
  await page.locator(".attachment-remove").press("Enter");
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator("dialog[open]").waitFor();
  assert.deepEqual(await drop("file", "dialog"), [true, true]);
  await page.locator(".toast", { hasText: "Nothing can be sent here now." }).waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(await drop("link", ".sidebar"), [true, true]);
  assert.deepEqual(await drop("link", ".composer textarea"), [false, false], "a link is text for a field");
});

test("the picker finds by words, knows groups and tones, and keeps both and what was used", async () => {
  const open = () => page.locator(".composer [aria-label='Insert an emoji']").click();
  await field.fill("");
  await open();
  await page.locator("dialog input").fill("launch");
  await page.locator(".emoji-key", { hasText: "🚀" }).waitFor();
  await page.locator("dialog input").fill("rocket");
  await eventually(async () => assert.equal(await page.locator(".emoji-key").first().innerText(), "🚀"));
  await page.keyboard.press("Enter");
  await value("🚀");
  await open();
  await page.locator("[role=tab][aria-label='Flags']").click();
  await page.locator(".emoji-key", { hasText: "🏁" }).waitFor();
  await page.locator("[role=tab][aria-label='People']").click();
  await page.locator("[role=radio]").nth(3).click();
  await page.locator(".emoji-key", { hasText: "👋🏽" }).first().click();
  await value("🚀👋🏽");
  await page.reload();
  await field.waitFor();
  await open();
  const first = page.locator(".emoji-key");
  await eventually(async () => assert.deepEqual((await first.allInnerTexts()).slice(0, 2), ["👋🏽", "🚀"]));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await value("🚀👋🏽🚀");
  await field.fill("");
});

test("the font for emoji is fetched with the first one, where the system has none", async () => {
  const fonts = await page.evaluate(async () => {
    await document.fonts.ready;
    return [...document.fonts].filter((font) => font.family.includes("Pictures")).map((font) => font.status);
  });
  assert.equal(fonts.length, 2);
  assert.ok(fonts.includes("loaded"), fonts.join());
});

test("nothing complained all the while", () => assertCalm(ada, li));
