import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer } from "./support.js";

const HISTORY = 260;

let server, browser, ada, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, bob] = await Promise.all([person(browser, server.url, "ada"), person(browser, server.url, "bob")]);
  for (const { page } of [ada, bob]) await openRoom(page, "General");
  for (let n = 1; n <= HISTORY; n += 1) await say(ada.page, `line ${n}.`);
  await message(ada.page, `line ${HISTORY}.`).waitFor();
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const below = (page) =>
  page.locator(".scroller").evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight);

for (const motion of ["no-preference", "reduce"])
  test(`older messages come without moving what is read, and the page stays small: motion ${motion}`, async () => {
    const { page } = ada;
    await page.emulateMedia({ reducedMotion: motion });
    await page.reload();
    await message(page, `line ${HISTORY}.`).waitFor();
    for (let round = 0; round < 60 && (await message(page, "line 1.").count()) === 0; round += 1) {
      const moved = await page.locator(".scroller").evaluate(async (scroller) => {
        scroller.scrollTop -= 1500;
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const top = scroller.getBoundingClientRect().top;
        const row = [...scroller.querySelectorAll(".message .bubble")].find(
          (each) => each.getBoundingClientRect().bottom > top + 50,
        );
        const was = row?.getBoundingClientRect().top ?? 0;
        await new Promise((resolve) => setTimeout(resolve, 250));
        return row?.isConnected ? Math.abs(row.getBoundingClientRect().top - was) : 0;
      });
      assert.ok(moved < 3, `what was read moved by ${moved} px`);
    }
    await message(page, "line 1.").first().waitFor();
    assert.ok((await page.locator(".message").count()) <= 240);
    await page.emulateMedia({ reducedMotion: null });
  });

test("Esc goes back to the present", async () => {
  await ada.page.locator(".composer textarea").focus();
  await ada.page.keyboard.press("Escape");
  await message(ada.page, `line ${HISTORY}.`).waitFor();
  await eventually(async () => assert.ok((await below(ada.page)) < 5));
});

test("at the bottom the list follows; further up it stays and counts", async () => {
  const { page } = bob;
  await eventually(async () => assert.ok((await below(page)) < 5));
  await say(ada.page, "you see this at once");
  await message(page, "you see this at once").waitFor();
  await eventually(async () => assert.ok((await below(page)) < 5));
  await page.locator(".scroller").evaluate((node) => {
    // A browser that is busy tells of a scroll late, as if it did not tell of this one.
    addEventListener("scroll", (event) => event.stopImmediatePropagation(), { capture: true, once: true });
    node.scrollTop -= 900;
  });
  await page.waitForTimeout(200);
  const at = await page.locator(".scroller").evaluate((node) => node.scrollTop);
  await say(ada.page, "news one");
  await say(ada.page, "news two");
  await page.locator(".pill", { hasText: "2 new messages" }).waitFor();
  assert.ok(Math.abs((await page.locator(".scroller").evaluate((node) => node.scrollTop)) - at) < 3);
  await page.locator(".pill").click();
  await message(page, "news two").waitFor();
  await eventually(async () => assert.equal(await page.locator(".pill").isVisible(), false));
});

test("a room opens at the first unread message and keeps its mark until it is left", async () => {
  const { page } = bob;
  await openRoom(page, "Random");
  for (let n = 1; n <= 30; n += 1) await say(ada.page, `unread ${n}.`);
  await eventually(async () =>
    assert.equal(await page.locator(".room-item", { hasText: "General" }).locator(".badge").innerText(), "30"),
  );
  await openRoom(page, "General");
  await page.locator(".divider").waitFor();
  const first = await page.locator(".divider + .message").innerText();
  assert.match(first, /unread 1\./);
  await eventually(async () => assert.ok(await message(page, "unread 1.").first().isVisible()));
  await page.keyboard.press("Escape");
  await eventually(async () =>
    assert.equal(await page.locator(".room-item", { hasText: "General" }).locator(".badge").count(), 0),
  );
  assert.equal(await page.locator(".divider").count(), 1);
  await openRoom(page, "Random");
  await openRoom(page, "General");
  await message(page, "unread 30.").waitFor();
  assert.equal(await page.locator(".divider").count(), 0);
});

test("a link to a message opens there, however old", async () => {
  const mid = await ada.page.evaluate(async () => {
    const room = location.pathname.split("/")[2];
    const page = await fetch(`/api/rooms/${room}/messages?before=40&limit=1`).then((answer) => answer.json());
    return page.messages[0].msg.mid;
  });
  await bob.page.goto(`${server.url}${new URL(ada.page.url()).pathname}#${mid}`);
  await bob.page.reload();
  await bob.page.locator(`.message-flash[data-mid="${mid}"]`).waitFor();
});

test("nothing is wider than a small phone", async () => {
  await say(ada.page, "https://example.org/" + "long".repeat(60));
  await say(ada.page, "```\n" + "wide ".repeat(60) + "\n```");
  await ada.page.setViewportSize({ width: 320, height: 568 });
  await ada.page.waitForTimeout(200);
  for (const selector of ["html", ".room", ".scroller"]) {
    const over = await ada.page.locator(selector).evaluate((node) => node.scrollWidth - node.clientWidth);
    assert.ok(over <= 0, `${selector} is ${over} px too wide`);
  }
  assertCalm(ada, bob);
});
