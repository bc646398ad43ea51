/** The main roads in Firefox and in WebKit; the other person in the room uses Chromium. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import {
  eventually,
  message,
  openBrowser,
  openRoom,
  PASSWORD,
  person,
  say,
  startLine,
  startServer,
} from "../browser/support.js";
import { CONTROL, ENTER, UP } from "./driver.js";
import { openFirefox } from "./firefox.js";
import { openWebKit } from "./webkit.js";

const COMPOSER = ".composer textarea";
const BUBBLE = ".message .bubble";
/** Where a picture of the page goes that a road has failed on. */
const PICTURES = process.env.IMPULSE_PICTURES;
let chromium;

before(async () => {
  chromium = await openBrowser();
});

after(async () => {
  await chromium?.close();
});

for (const [name, open] of Object.entries({ Firefox: openFirefox, WebKit: openWebKit })) {
  test(`the main roads in ${name}`, async (roads) => {
    const server = await startServer();
    const line = await startLine(server.url);
    let page = await open();
    /** @type {Awaited<ReturnType<typeof person>> | undefined} */
    let other;
    const road = (/** @type {string} */ title, /** @type {() => Promise<void>} */ walk) =>
      roads.test(title, async () => {
        try {
          await walk();
        } catch (error) {
          if (PICTURES) await writeFile(`${PICTURES}/${name} ${title}.png`, await page.screenshot());
          throw error;
        }
      });
    try {
      await road("setup: the first account, and its way into the rooms", async () => {
        await page.open(line.url + new URL(server.setup).pathname + new URL(server.setup).hash);
        await newAccount(page, "root");
        await page.click(".button-primary", "Go to the rooms");
        await page.see(".room-item", "General");
      });
      await road("sign out, register, sign in", async () => {
        await signOut(page);
        await page.open(`${line.url}/register`);
        await newAccount(page, "mira");
        await page.see(".room-item", "General");
        await signOut(page);
        await account(page, "root");
        await page.see(".room-item", "General");
      });
      await road("talk: what one writes the other reads", async () => {
        other = await person(chromium, server.url, "otto");
        await openRoom(other.page, "Random");
        await page.click(".room-item", "Random");
        await page.see(".room-head h1", "Random");
        await page.write(COMPOSER, `Hello from ${name}: **bold**, 👍 and https://example.org${ENTER}`);
        await message(other.page, `Hello from ${name}: bold`).waitFor();
        await say(other.page, "Hello from Chromium");
        await page.see(BUBBLE, "Hello from Chromium");
      });
      await road("edit: arrow-up brings the last message back", async () => {
        await page.write(COMPOSER, `A mistaek${ENTER}`);
        await page.see(".message:not(.message-pending) .bubble", "A mistaek");
        await page.type(COMPOSER, UP);
        await eventually(async () =>
          assert.equal(await page.run(`return document.querySelector("${COMPOSER}").value`), "A mistaek"),
        );
        await page.write(COMPOSER, `A mistake${ENTER}`);
        await message(other.page, "A mistake").locator(".edited").waitFor();
      });
      await road("reload: everything is still there", async () => {
        await page.reload();
        await page.see(BUBBLE, "Hello from Chromium");
        await page.see(BUBBLE, "A mistake");
      });
      await road("a cut line: what is written meanwhile arrives once", async () => {
        line.cut();
        await page.write(COMPOSER, `Written in a tunnel${ENTER}`);
        await page.see(".message-pending .bubble", "Written in a tunnel");
        await page.see(".banner");
        line.mend();
        await message(other.page, "Written in a tunnel").waitFor();
        await page.gone(".message-pending");
        assert.equal(await message(other.page, "Written in a tunnel").count(), 1);
        await say(other.page, "Out of the tunnel");
        await page.see(BUBBLE, "Out of the tunnel");
      });
      await road("switcher: a few letters and Enter", async () => {
        await page.press(CONTROL, "k");
        await page.type("dialog[open] input", `hel`);
        await page.see("dialog[open] [role=option]", "Help");
        await page.type("dialog[open] input", ENTER);
        await page.see(".room-head h1", "Help");
      });
      await road("an encrypted chat: what one writes the other reads, and the server does not", async () => {
        await signOut(page);
        await page.open(`${line.url}/register`);
        await newAccount(page, "nora");
        await page.click("[aria-label='New direct message']");
        await page.write("dialog[open] input", "otto");
        await page.click("dialog[open] [role=option]", "otto");
        await page.click("dialog[open] button", "Open conversation");
        await page.see(".room-head h1", "otto");
        await page.write(COMPOSER, `Between us, by ${name}${ENTER}`);
        await openRoom(other.page, "nora");
        await message(other.page, `Between us, by ${name}`).waitFor();
        await say(other.page, "Between us, by Chromium");
        await page.see(BUBBLE, "Between us, by Chromium");
        const room = new URL(other.page.url()).pathname.split("/").at(-1);
        const history = await other.page.evaluate(
          (id) => fetch(`/api/rooms/${id}/messages`).then((answer) => answer.text()),
          room,
        );
        assert.match(history, /"env"/);
        assert.doesNotMatch(history, /Between us/);
      });
      await road("a new profile: the password alone opens what was encrypted", async () => {
        const next = await open();
        await page.stop();
        page = next;
        await page.open(`${line.url}/login`);
        await account(page, "nora");
        await page.click(".room-item", "otto");
        await page.see(BUBBLE, `Between us, by ${name}`);
        await page.see(BUBBLE, "Between us, by Chromium");
        await page.write(COMPOSER, `From a new profile${ENTER}`);
        await message(other.page, "From a new profile").waitFor();
      });
    } finally {
      await page.stop();
      await other?.context.close();
      await line.stop();
      await server.stop();
    }
  });
}

/** @param {import("./driver.js").Page} page @param {string} name */
async function account(page, name) {
  await page.write("#username", name);
  await page.write("#password", PASSWORD);
  await page.click("button[type=submit]");
}

/** Whoever is new is offered a recovery code: not now. @param {import("./driver.js").Page} page @param {string} name */
async function newAccount(page, name) {
  await account(page, name);
  await page.click(".code-later");
}

/** @param {import("./driver.js").Page} page */
async function signOut(page) {
  await page.click(".me [aria-label='Settings']");
  await page.click("dialog[open] button", "Sign out");
  await page.click("dialog[open] .button-primary", "Sign out");
  await page.see("#username");
}
