/** Who people are to each other: names, faces, status, cards. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
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
  startServer,
  visitor,
} from "./support.js";

let server, browser, ada, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, bob] = [await person(browser, server.url, "ada"), await person(browser, server.url, "bob")];
  for (const { page } of [ada, bob]) await openRoom(page, "General");
  await say(ada.page, "@bob, good morning");
  await message(bob.page, "good morning").waitFor();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {{ page: import("playwright-core").Page }} someone @param {string} section */
async function openSettings({ page }, section) {
  // What a test that failed has left open is not the next one's fault.
  await closeDialogs({ page });
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator(`[data-section=${section}]`).click();
}

/** @param {{ page: import("playwright-core").Page }} someone */
async function closeDialogs({ page }) {
  while (await page.locator("dialog[open]").count()) await page.keyboard.press("Escape");
}

/** A picture of one colour, made by the browser. */
function picture(page, { width = 640, height = 400, type = "image/png" } = {}) {
  return page
    .evaluate(
      async ({ width, height, type }) => {
        const canvas = new OffscreenCanvas(width, height);
        const paint = canvas.getContext("2d");
        paint.fillStyle = "rgb(200, 40, 120)";
        paint.fillRect(0, 0, width, height);
        return [...new Uint8Array(await (await canvas.convertToBlob({ type })).arrayBuffer())];
      },
      { width, height, type },
    )
    .then((bytes) => Buffer.from(bytes));
}

test("a display name and some words about oneself reach the others at once", async () => {
  await openSettings(ada, "profile");
  await ada.page.fill("#display-name", "Ada Lovelace");
  await ada.page.fill("#bio", "Counts what cannot be counted.\nمرحبا");
  await ada.page.locator(".settings-form button[type=submit]").click();
  await ada.page.locator(".toast", { hasText: "Saved" }).waitFor();
  await closeDialogs(ada);
  await ada.page.locator(".me-name strong", { hasText: "Ada Lovelace" }).waitFor();
  await bob.page.locator(".message-author", { hasText: "Ada Lovelace" }).waitFor();
});

test("a name opens the card: who it is, and Esc gives the focus back", async () => {
  const author = bob.page.locator(".message-author", { hasText: "Ada Lovelace" }).first();
  await author.focus();
  await bob.page.keyboard.press("Enter");
  const card = bob.page.locator(".dialog-card");
  await card.locator("h2", { hasText: "Ada Lovelace" }).waitFor();
  await card.locator(".card-user", { hasText: "@ada" }).waitFor();
  await card.locator(".card-bio", { hasText: "Counts what cannot be counted." }).waitFor();
  await card.locator(".card-presence", { hasText: "Online" }).waitFor();
  await bob.page.keyboard.press("Escape");
  await card.waitFor({ state: "detached" });
  await eventually(async () => assert.equal(await author.evaluate((node) => node === document.activeElement), true));
});

test("faces, mentions and members open it, too", async () => {
  await bob.page.locator(".message > .avatar").first().click();
  await bob.page.locator(".dialog-card h2", { hasText: "Ada Lovelace" }).waitFor();
  await closeDialogs(bob);
  const mention = ada.page.locator(".mention", { hasText: "@bob" });
  await mention.focus();
  await ada.page.keyboard.press("Enter");
  await ada.page.locator(".dialog-card h2", { hasText: "bob" }).waitFor();
  await closeDialogs(ada);
});

test("the card leads to the direct room, and copies the name", async () => {
  await bob.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await bob.page.locator(".message-author", { hasText: "Ada Lovelace" }).first().click();
  await bob.page.locator(".dialog-card button", { hasText: "Copy @name" }).click();
  await eventually(async () => assert.equal(await bob.page.evaluate(() => navigator.clipboard.readText()), "@ada"));
  await bob.page.locator(".dialog-card button", { hasText: "Message" }).click();
  await bob.page.locator(".room-head h1", { hasText: "Ada Lovelace" }).waitFor();
  await openRoom(bob.page, "General");
});

test("who had no room open sees the new name in the first one opened", async () => {
  const phone = await person(browser, server.url, "phil", {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const call = (name) =>
    ada.page.evaluate(
      (name) =>
        fetch("/api/me", {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ display_name: name }),
        }).then((answer) => answer.ok),
      name,
    );
  assert.equal(await call("Countess Ada"), true);
  await bob.page.locator(".message-author", { hasText: "Countess Ada" }).waitFor();
  await phone.page.locator(".room-item", { hasText: "General" }).tap();
  await phone.page.locator(".message-author", { hasText: "Countess Ada" }).waitFor();
  assert.equal(await call("Ada Lovelace"), true);
  await phone.page.locator(".message-author", { hasText: "Ada Lovelace" }).waitFor();
  assertCalm(phone);
  await phone.context.close();
});

test("a picture is shown everywhere, by another browser too, and can be taken away", async () => {
  await openSettings(ada, "profile");
  const sent = ada.page.waitForResponse((answer) => answer.url().endsWith("/api/me/avatar"));
  await ada.page.setInputFiles("#picture-file", {
    name: "me.png",
    mimeType: "image/png",
    buffer: await picture(ada.page),
  });
  const answer = await sent;
  assert.equal(answer.status(), 200);
  const { avatar } = await answer.json();
  await ada.page.locator(`.picture-face img[src="${avatar["384"]}"]`).waitFor();
  await closeDialogs(ada);
  await ada.page.locator(`.me img[src="${avatar["96"]}"]`).waitFor();
  const face = bob.page.locator(`.message .avatar img[src="${avatar["96"]}"]`).first();
  await face.waitFor();
  assert.deepEqual(
    await face.evaluate(async (image) => {
      await image.decode();
      return [image.naturalWidth, image.naturalHeight];
    }),
    [96, 96],
    "the server made it square",
  );
  await bob.page.locator(".room-item", { hasText: "Ada Lovelace" }).locator("img").waitFor();

  await openSettings(ada, "profile");
  await ada.page.locator(".picture-buttons button", { hasText: "Remove" }).click();
  await ada.page.locator(".picture-face img").waitFor({ state: "detached" });
  await bob.page.locator(".message .avatar img").first().waitFor({ state: "detached" });
  await closeDialogs(ada);
});

test("a picture can be pasted", async () => {
  await openSettings(ada, "profile");
  const bytes = [...(await picture(ada.page, { type: "image/webp" }))];
  const sent = ada.page.waitForResponse((answer) => answer.url().endsWith("/api/me/avatar"));
  await ada.page.evaluate((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], "pasted.webp", { type: "image/webp" }));
    document
      .querySelector(".settings-body")
      .dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
  }, bytes);
  assert.equal((await sent).status(), 200);
  await ada.page.locator(".picture-face img").waitFor();
  await closeDialogs(ada);
});

test("what is no picture, or too large, is refused with a reason and changes nothing", async () => {
  await openSettings(bob, "profile");
  const refusal = bob.page.locator(".picture .field-error");
  await bob.page.setInputFiles("#picture-file", {
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("hello"),
  });
  await refusal.filter({ hasText: "no picture that can be used" }).waitFor();
  await bob.page.setInputFiles("#picture-file", {
    name: "huge.png",
    mimeType: "image/png",
    buffer: Buffer.alloc(5 * 1024 * 1024 + 1),
  });
  await refusal.filter({ hasText: "too large" }).waitFor();
  // This one only the server can see through.
  await bob.page.setInputFiles("#picture-file", {
    name: "liar.png",
    mimeType: "image/png",
    buffer: Buffer.from("not a picture at all"),
  });
  await refusal.filter({ hasText: "no picture that can be used" }).waitFor();
  await eventually(async () => assert.equal(await bob.page.locator(".picture-face img").count(), 0));
  await closeDialogs(bob);
  assert.deepEqual(
    bob.problems.splice(0).filter((problem) => !/Failed to load resource.*(400|413|415)/.test(problem)),
    [],
  );
});

test("a status is seen by the others with its emoji, words and end, and cleared again", async () => {
  await ada.page.locator(".me-status").click();
  const dialog = ada.page.locator(".dialog-status");
  await dialog.locator(".choice", { hasText: "Do not disturb" }).click();
  await dialog.locator(".idea", { hasText: "In a meeting" }).click();
  await dialog.locator("#status-words").fill("In a long meeting");
  await dialog.locator("#status-end").selectOption("4h");
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "detached" });
  await ada.page.locator(".me-name small", { hasText: "📅 In a long meeting" }).waitFor();
  await bob.page.locator(".message-head .mood", { hasText: "📅" }).first().waitFor();
  await bob.page.locator(".message-author", { hasText: "Ada" }).first().click();
  const card = bob.page.locator(".dialog-card");
  await card.locator(".card-presence", { hasText: "Do not disturb" }).waitFor();
  await card.locator(".card-status", { hasText: "In a long meeting" }).waitFor();
  await card.locator(".card-status small", { hasText: "until" }).waitFor();
  await closeDialogs(bob);

  await ada.page.reload();
  await ada.page.locator(".me-name small", { hasText: "📅 In a long meeting" }).waitFor();
  await ada.page.locator(".me-status").click();
  assert.equal(await dialog.locator("input[value=dnd]").isChecked(), true, "it outlives the page");
  await dialog.locator(".choice", { hasText: "Online" }).click();
  await dialog.locator("button", { hasText: "Clear status" }).click();
  await dialog.waitFor({ state: "detached" });
  await bob.page.locator(".message-head .mood").first().waitFor({ state: "detached" });
});

test("a status cannot end in the past", async () => {
  await bob.page.locator(".me-status").click();
  const dialog = bob.page.locator(".dialog-status");
  await dialog.locator("#status-words").fill("too late");
  await dialog.locator("#status-end").selectOption("custom");
  await dialog.locator("input[type=datetime-local]").fill("2020-01-01T10:00");
  await dialog.locator("button[type=submit]").click();
  await dialog.locator(".field-error", { hasText: "still to come" }).waitFor();
  await closeDialogs(bob);
});

test("ten minutes without a touch are away, the next touch is back", async () => {
  const carl = await visitor(browser);
  await carl.page.clock.install();
  await carl.page.goto(`${server.url}/register`);
  await enterAccount(carl.page, "carl");
  await openRoom(carl.page, "General");
  await say(carl.page, "I will be quiet now");
  await message(bob.page, "I will be quiet now").waitFor();
  await bob.page.locator(".message-author", { hasText: "carl" }).first().click();
  const seen = bob.page.locator(".dialog-card .card-presence");
  await seen.filter({ hasText: "Online" }).waitFor();
  await carl.page.clock.fastForward(10 * 60_000 + 1000);
  await seen.filter({ hasText: "Away" }).waitFor();
  await carl.page.mouse.move(300, 300);
  await seen.filter({ hasText: "Online" }).waitFor();
  await closeDialogs(bob);
  await carl.context.close();
});

test("the language chosen in one browser is used in the next", async () => {
  await openSettings(bob, "language");
  await bob.page.locator("dialog label", { hasText: "Español" }).click();
  await bob.page.locator("dialog h2", { hasText: "Ajustes" }).waitFor();
  await eventually(async () =>
    assert.equal(
      await bob.page.evaluate(() =>
        fetch("/api/me")
          .then((answer) => answer.json())
          .then((me) => me.locale),
      ),
      "es",
    ),
  );
  const elsewhere = await visitor(browser);
  await elsewhere.page.goto(server.url);
  await enterAccount(elsewhere.page, "bob", PASSWORD);
  await elsewhere.page.locator(".section-head h2", { hasText: "Salas" }).waitFor();
  assert.equal(await elsewhere.page.evaluate(() => document.documentElement.lang), "es");
  assertCalm(elsewhere);
  await elsewhere.context.close();
});

test("nothing complained all the while", () => assertCalm(ada, bob));
