import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, message, openBrowser, openRoom, person, say, startServer, texts } from "./support.js";

/** Whatever of these becomes markup would call `alert` or load something, and either is noticed. */
const HOSTILE = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "\"><iframe srcdoc='<script>parent.alert(1)</script>'>",
  "[x](javascript:alert(1)) javascript:alert(1)",
  'https://example.org/"onmouseover="alert(1)',
  "**<b onclick=alert(1)>bold</b>**",
  "`<style>*{display:none}</style>`",
  "```\n</code></pre><script>alert(1)</script>\n```",
  "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
  "\u202Egnp.exe\u202C \u0000-free",
].map((text) => text.replaceAll("\u0000", ""));

let server, browser, ada, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, bob] = await Promise.all([person(browser, server.url, "ada"), person(browser, server.url, "bob")]);
  for (const { page } of [ada, bob]) await openRoom(page, "General");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("hostile messages are text and nothing else", async () => {
  for (const text of HOSTILE) await say(ada.page, text);
  for (const { page } of [ada, bob]) {
    await eventually(async () => assert.equal((await texts(page)).length, HOSTILE.length));
    assert.equal(
      await page
        .locator(".log")
        .locator("script, img, iframe, style, object, embed, [onclick], [onerror], [onload]")
        .count(),
      0,
    );
    const links = await page.locator(".bubble a").evaluateAll((all) => all.map((link) => link.protocol));
    assert.ok(
      links.every((protocol) => protocol === "https:"),
      String(links),
    );
  }
  assertCalm(ada, bob);
});

test("hostile names of people and rooms are text and nothing else", async () => {
  const name = "<img src=x onerror=alert(1)>";
  await ada.page.locator("[aria-label='Settings']").click();
  await ada.page.fill("#display-name", name);
  await ada.page.locator("dialog form button[type=submit]").click();
  await ada.page.locator(".toast", { hasText: "Saved." }).waitFor();
  await ada.page.keyboard.press("Escape");
  await ada.page.locator("[aria-label='New room']").click();
  await ada.page.fill("#room-name", "<svg onload=alert(1)>");
  await ada.page.locator("dialog button[type=submit]").click();
  await ada.page.locator(".room-head h1", { hasText: "<svg onload" }).waitFor();
  await bob.page.reload();
  await bob.page.locator(".message-author", { hasText: name }).first().waitFor();
  await bob.page.keyboard.type("@ad");
  await bob.page.locator(".suggestions", { hasText: name }).waitFor();
  assert.equal(await bob.page.locator("img").count(), 0);
  assertCalm(ada, bob);
});

test("the page forbids scripts that are not its own", async () => {
  const answer = await bob.page.request.get(server.url);
  const policy = answer.headers()["content-security-policy"];
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy?.includes(rule), rule);
  }
  assert.doesNotMatch(policy, /unsafe/);
  const ran = await bob.page.evaluate(() => {
    try {
      document.body.insertAdjacentHTML("beforeend", "<b>never</b>");
      return true;
    } catch {
      return false;
    }
  });
  assert.equal(ran, false);
});
