import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  act,
  assertCalm,
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  startServer,
  texts,
  visitor,
} from "./support.js";

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

test("what one says the other sees, in order and once", async () => {
  for (const text of ["good morning", "one", "two", "three"]) await say(ada.page, text);
  await say(bob.page, "and good morning to you");
  for (const { page } of [ada, bob]) {
    await eventually(async () => {
      const seen = await texts(page);
      assert.deepEqual(seen.slice(0, 4), ["good morning", "one", "two", "three"]);
      assert.equal(seen.filter((text) => text === "and good morning to you").length, 1);
    });
  }
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
  assertCalm(ada, bob);
});

test("somebody who writes is seen writing", async () => {
  await bob.page.locator(".composer textarea").pressSequentially("let me think");
  await ada.page.locator(".typing", { hasText: "bob is typing" }).waitFor();
  await bob.page.locator(".composer textarea").fill("");
});

test("an edit reaches everybody and says that it is one", async () => {
  await say(ada.page, "teh quick fox");
  await message(bob.page, "teh quick fox").waitFor();
  await act(ada.page, "teh quick fox", "Edit");
  await say(ada.page, "the quick fox");
  await message(bob.page, "the quick fox").locator(".edited").waitFor();
  assert.equal(await message(bob.page, "teh quick fox").count(), 0);
});

test("a reaction is counted, and taken back by the same click", async () => {
  await say(ada.page, "shall we ship it?");
  await message(bob.page, "shall we ship it?").locator(".bubble").hover();
  await bob.page.locator(".tools .icon-button").first().click();
  const chip = message(ada.page, "shall we ship it?").locator(".reaction");
  await chip.waitFor();
  assert.equal(await chip.innerText().then((text) => text.replace(/\s/g, "")), "👍1");
  await chip.click();
  await eventually(async () =>
    assert.match(await message(bob.page, "shall we ship it?").locator(".reaction").innerText(), /2/),
  );
  await message(bob.page, "shall we ship it?").locator(".reaction").click();
  await eventually(async () => assert.match(await chip.innerText(), /1/));
  await chip.click();
  await eventually(async () =>
    assert.equal(await message(bob.page, "shall we ship it?").locator(".reaction").count(), 0),
  );
});

test("a reply shows what it answers and leads there", async () => {
  await act(bob.page, "shall we ship it?", "Reply");
  await say(bob.page, "yes, today");
  const quote = message(ada.page, "yes, today").locator(".quote");
  await quote.waitFor();
  assert.match(await quote.innerText(), /ada[\s\S]*shall we ship it\?/);
  await quote.click();
  await ada.page.locator(".message-flash", { hasText: "shall we ship it?" }).waitFor();
});

test("a deletion asks once and can be undone; then it is gone for everybody", async () => {
  await say(ada.page, "a slip of the tongue");
  await message(bob.page, "a slip of the tongue").waitFor();
  await act(ada.page, "a slip of the tongue", "Delete");
  await ada.page.locator("dialog .button-danger").click();
  await ada.page.locator(".toast button", { hasText: "Undo" }).click();
  await message(ada.page, "a slip of the tongue").waitFor();
  await act(ada.page, "a slip of the tongue", "Delete");
  await ada.page.locator("dialog .button-danger").click();
  await eventually(async () => assert.equal(await message(bob.page, "a slip of the tongue").count(), 0));
  await message(bob.page, "Message deleted").waitFor();
});

test("one cannot change what another wrote", async () => {
  await message(bob.page, "good morning").first().locator(".bubble").hover();
  await bob.page.locator(".tools [aria-label='More actions']").click();
  assert.equal(await bob.page.locator(".menu-item", { hasText: "Edit" }).count(), 0);
  assert.equal(await bob.page.locator(".menu-item", { hasText: "Delete" }).count(), 0);
  await bob.page.keyboard.press("Escape");
});

test("unread messages are counted in the list, the title and the icon, until they are read", async () => {
  await openRoom(bob.page, "Random");
  await say(ada.page, "one for later");
  await say(ada.page, "and another");
  const badge = bob.page.locator(".room-item", { hasText: "General" }).locator(".badge");
  await eventually(async () => assert.equal(await badge.innerText(), "2"));
  assert.match(await bob.page.title(), /^\(2\)/);
  assert.equal(await bob.page.locator("#favicon").getAttribute("href"), "/icons/favicon-unread.svg");
  await openRoom(bob.page, "General");
  await eventually(async () => assert.equal(await badge.count(), 0));
  assert.doesNotMatch(await bob.page.title(), /^\(/);
});

test("after a reload everything is there", async () => {
  const seen = await texts(ada.page);
  for (const { page } of [ada, bob]) {
    await page.reload();
    await eventually(async () => assert.deepEqual(await texts(page), seen));
  }
  assertCalm(ada, bob);
});

test("a room is made, found, joined and left", async () => {
  await ada.page.locator("[aria-label='New room']").click();
  await ada.page.fill("#room-name", "Tea club");
  await ada.page.fill("#room-topic", "Leaves and water");
  await ada.page.locator("dialog button[type=submit]").click();
  await ada.page.locator(".room-head h1", { hasText: "Tea club" }).waitFor();
  await say(ada.page, "the kettle is on");
  await bob.page.locator("[aria-label='Browse rooms']").click();
  await bob.page.locator("[aria-label='Join: Tea club']").click();
  await message(bob.page, "the kettle is on").waitFor();
  await bob.page.locator(".members-button").click();
  await bob.page.locator("dialog", { hasText: "2 members" }).waitFor();
  await bob.page.locator(".tab", { hasText: "For me" }).click();
  await bob.page.locator("dialog button", { hasText: "Leave room" }).click();
  await bob.page.locator("dialog .button-danger").click();
  await eventually(async () => assert.equal(await bob.page.locator(".room-item", { hasText: "Tea club" }).count(), 0));
  assertCalm(ada, bob);
});

test("a link to an open room lets a newcomer in, after signing up", async () => {
  await openRoom(ada.page, "Tea club");
  const guest = await visitor(browser);
  await guest.page.goto(ada.page.url());
  await guest.page.locator(".entry-switch button").click();
  await enterAccount(guest.page, "grace");
  await guest.page.locator(".room-empty button", { hasText: "Join" }).click();
  await message(guest.page, "the kettle is on").waitFor();
  assertCalm(guest);
  await guest.context.close();
});

test("a direct message reaches the other, who had no such room", async () => {
  await ada.page.locator("[aria-label='New direct message']").click();
  await ada.page.locator("dialog input").fill("bob");
  await ada.page.locator("dialog [role=option]", { hasText: "bob" }).click();
  await ada.page.locator("dialog button", { hasText: "Open conversation" }).click();
  await ada.page.locator(".room-head h1", { hasText: "bob" }).waitFor();
  await say(ada.page, "just between us");
  await openRoom(bob.page, "ada");
  await message(bob.page, "just between us").waitFor();
  assertCalm(ada, bob);
});

test("a mention is announced on the desktop while nobody looks, and chat is not", async () => {
  await bob.context.grantPermissions(["notifications"], { origin: server.url });
  await bob.page.evaluate(() => {
    window.announced = [];
    window.Notification = class {
      static permission = "granted";
      constructor(title, options) {
        window.announced.push(`${title}: ${options.body}`);
      }
    };
    document.hasFocus = () => false;
  });
  await openRoom(ada.page, "Help");
  await say(ada.page, "nothing special");
  await say(ada.page, "@bob are you there?");
  await eventually(async () => assert.equal((await bob.page.evaluate(() => window.announced)).length, 1));
  assertCalm(ada, bob);
});
