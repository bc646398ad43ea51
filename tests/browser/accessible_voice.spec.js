/** What a screen reader is told: each message once, small changes in a few words, no history, nothing of one's own. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { act, assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer } from "./support.js";

let server, browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Collects everything that live regions of the page say from now on. @param {import("playwright-core").Page} page */
function listen(page) {
  return page.evaluate(() => {
    globalThis.heard = [];
    const live = (/** @type {Node | null} */ node) =>
      (node instanceof Element ? node : node?.parentElement)?.closest("[aria-live], [role=status], [role=alert]");
    new MutationObserver((changes) => {
      for (const { addedNodes, target } of changes)
        for (const node of addedNodes) {
          const region = live(target);
          if (region && region.getAttribute("aria-live") !== "off" && node.textContent?.trim())
            globalThis.heard.push(node.textContent.trim());
        }
    }).observe(document.body, { childList: true, subtree: true });
  });
}

/** @param {import("playwright-core").Page} page @returns {Promise<string[]>} */
const heard = (page) => page.evaluate(() => globalThis.heard.filter((text) => !text.includes("typing")));

/** @param {import("playwright-core").Page} page @param {string[]} wanted */
function hears(page, wanted) {
  return eventually(async () => assert.deepEqual(await heard(page), wanted));
}

test("a message is said once with author and text, a change in a few words, and nothing of one's own", async () => {
  const [eva, finn] = await Promise.all([person(browser, server.url, "eva"), person(browser, server.url, "finn")]);
  await openRoom(eva.page, "Random");
  await openRoom(finn.page, "Random");
  await say(finn.page, "before");
  await message(eva.page, "before").waitFor();
  await eva.page.reload();
  await message(eva.page, "before").waitFor();
  await listen(eva.page);
  await say(eva.page, "my own");
  await say(finn.page, "Hello **all**");
  await hears(eva.page, ["finn: Hello all"]);
  await act(finn.page, "Hello all", "Edit");
  await finn.page.locator(".composer textarea").fill("Hello both");
  await finn.page.keyboard.press("Enter");
  await hears(eva.page, ["finn: Hello all", "finn edited a message"]);
  await message(finn.page, "my own").locator(".bubble").hover();
  await finn.page.locator(".tools [aria-label='React 👍']").click();
  const said = ["finn: Hello all", "finn edited a message", "finn reacted with 👍"];
  await hears(eva.page, said);
  await message(eva.page, "Hello both").locator(".bubble").hover();
  await eva.page.locator(".tools [aria-label='React 👍']").click();
  await message(finn.page, "Hello both").locator(".reaction").waitFor();
  assert.deepEqual(await heard(eva.page), said, "my own reaction is not read back");
  assertCalm(eva, finn);
  await eva.context.close();
  await finn.context.close();
});

test("a flood is a sum, and history that is loaded is silent", async () => {
  const [gil, hana] = await Promise.all([person(browser, server.url, "gil"), person(browser, server.url, "hana")]);
  await openRoom(gil.page, "Help");
  await openRoom(hana.page, "Help");
  await listen(gil.page);
  for (let number = 1; number <= 12; number += 1) await say(hana.page, `line ${number}`);
  await message(gil.page, "line 12").waitFor();
  const count = async () => {
    let sum = 0;
    for (const text of await heard(gil.page)) {
      const [, many] = /^(\d+) new messages$/.exec(text) ?? [];
      sum += many ? Number(many) : text.split("\n").length;
    }
    return sum;
  };
  await eventually(async () => assert.equal(await count(), 12));
  assert.ok(
    (await heard(gil.page)).some((text) => /^\d+ new messages$/.test(text)),
    "not every one by itself",
  );
  await openRoom(gil.page, "Random");
  const before = await heard(gil.page);
  await openRoom(gil.page, "Help");
  await message(gil.page, "line 12").waitFor();
  await say(hana.page, "the end");
  await hears(gil.page, [...before, "hana: the end"]);
  await gil.context.close();
  await hana.context.close();
});

test("the tree of the page: a log of named articles, rooms with what is unread, one polite place", async () => {
  const [ida, jan] = await Promise.all([person(browser, server.url, "ida"), person(browser, server.url, "jan")]);
  await openRoom(ida.page, "General");
  await openRoom(jan.page, "Random");
  await say(jan.page, "anybody here?");
  await openRoom(jan.page, "General");
  await say(jan.page, "hello ida");
  await message(ida.page, "hello ida").waitFor();
  await ida.page.locator(".room-item", { hasText: "Random" }).locator(".badge").waitFor();
  const devtools = await ida.context.newCDPSession(ida.page);
  const { nodes } = await devtools.send("Accessibility.getFullAXTree");
  const named = (/** @type {string} */ role) =>
    nodes.filter((node) => !node.ignored && node.role?.value === role).map((node) => node.name?.value ?? "");
  assert.equal(named("log").length, 1);
  assert.ok(
    named("article").some((name) => /^jan/.test(name) || name.includes("jan")),
    String(named("article")),
  );
  assert.ok(
    named("link").some((name) => /^Random.*unread/.test(name)),
    String(named("link")),
  );
  assert.equal(named("main").length, 1);
  const log = nodes.find((node) => node.role?.value === "log");
  const live = log?.properties?.find(({ name }) => name === "live")?.value.value;
  assert.ok(live === undefined || live === "off", "the log itself does not speak");
  await ida.context.close();
  await jan.context.close();
});

test("forced colours show what is open, unread, focused and pressed", async () => {
  const options = { forcedColors: "active" };
  const [kim, lea] = await Promise.all([
    person(browser, server.url, "kim", options),
    person(browser, server.url, "lea"),
  ]);
  await openRoom(kim.page, "General");
  await openRoom(lea.page, "Random");
  await say(lea.page, "unread");
  await say(kim.page, "mine");
  const [open, unread, read] = ["General", "Random", "Help"].map((name) =>
    kim.page.locator(".room-item", { hasText: name }),
  );
  await unread.locator(".badge").waitFor();
  const style = (/** @type {import("playwright-core").Locator} */ locator, /** @type {string} */ property) =>
    locator.evaluate((node, name) => getComputedStyle(node).getPropertyValue(name), property);
  const system = (/** @type {string} */ colour) =>
    kim.page.evaluate((name) => {
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.cssText = `forced-color-adjust: none; color: ${name}`;
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    }, colour);
  assert.equal(await style(open, "background-color"), await system("Highlight"));
  assert.notEqual(await style(read, "background-color"), await system("Highlight"));
  assert.equal(await style(unread, "border-inline-start-width"), "4px");
  assert.equal(await style(unread.locator(".badge"), "background-color"), await system("Mark"));
  await message(kim.page, "mine").locator(".bubble").hover();
  await kim.page.locator(".tools [aria-label='React 👍']").click();
  const chip = kim.page.locator(".reaction[aria-pressed=true]");
  await eventually(async () => assert.equal(await style(chip, "background-color"), await system("Highlight")));
  await kim.page.locator(".composer textarea").focus();
  await kim.page.keyboard.press("Shift+Tab");
  await kim.page.keyboard.press("Shift+Tab");
  const focused = kim.page.locator(":focus");
  assert.equal(await style(focused, "outline-style"), "solid");
  assert.equal(await style(focused, "outline-color"), await system("Highlight"));
  await kim.context.close();
  await lea.context.close();
});
