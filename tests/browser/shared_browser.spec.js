/** Several people use one browser after each other: nobody finds what another one has written and not sent. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import {
  assertCalm,
  assertCalmButForTheLine,
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  startLine,
  startServer,
  visitor,
} from "./support.js";

let server, line, browser, ada;
let count = 0;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  line = await startLine(server.url);
});

beforeEach(async () => {
  ada = await person(browser, line.url, `ada${(count += 1)}`);
  await openRoom(ada.page, "General");
});

afterEach(async () => {
  line.mend();
  await ada.context.close();
});

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

/** Everything of people that is kept in this browser. */
function written(page) {
  return page.evaluate(() =>
    Object.entries({ ...localStorage })
      .filter(([key]) => /draft|outbox|account|recent/.test(key))
      .map(([key]) => key),
  );
}

async function draft(page, text) {
  await page.locator(".composer textarea").fill(text);
  await eventually(async () =>
    assert.ok(
      (await written(page)).some((key) => key.includes("draft")),
      "the draft is kept",
    ),
  );
}

/** Ends every session of the account but one of its own, as its owner would from another browser. */
async function revokeFromElsewhere(name) {
  const other = await visitor(browser);
  await other.page.goto(`${server.url}/login`);
  await enterAccount(other.page, name);
  await other.page.locator(".room-item").first().waitFor();
  const status = await other.page.evaluate(async () => (await fetch("/api/sessions", { method: "DELETE" })).status);
  assert.equal(status, 204);
  await other.context.close();
}

test("a session that is ended elsewhere leaves nothing in the browser, in no tab", async () => {
  const second = await ada.context.newPage();
  await second.goto(`${line.url}/`);
  await openRoom(second, "Random");
  await draft(ada.page, "a secret in the first tab");
  await draft(second, "a secret in the second tab");
  await revokeFromElsewhere(ada.name);
  for (const page of [ada.page, second]) {
    await page.locator("#username").waitFor();
    await eventually(async () => assert.deepEqual(await written(page), []));
    await page.locator(".entry-head", { hasText: "The session has ended. Sign in again." }).waitFor();
  }
  assert.equal(await ada.page.evaluate(() => JSON.stringify(localStorage).includes("secret")), false);
});

test("a session that has ended while the browser was closed leaves nothing once the page is opened", async () => {
  await draft(ada.page, "typed before the browser was closed");
  await ada.page.goto("about:blank");
  await revokeFromElsewhere(ada.name);
  await ada.page.goto(`${line.url}/`);
  await ada.page.locator("#username").waitFor();
  await eventually(async () => assert.deepEqual(await written(ada.page), []));
});

test("without a session the page forgets what an earlier one has left", async () => {
  const { page, context } = await visitor(browser);
  await page.goto(`${line.url}/login`);
  await page.evaluate(() => {
    localStorage.setItem("impulse.draft.77.1", '"a secret"');
    localStorage.setItem("impulse.outbox.77.mid.0", '{"msg":{"t":"a secret"}}');
    localStorage.setItem("impulse.theme", "dark");
  });
  await page.reload();
  await page.locator("#username").waitFor();
  assert.deepEqual(await written(page), []);
  assert.equal(
    await page.evaluate(() => localStorage.getItem("impulse.theme")),
    "dark",
    "a choice of the browser stays",
  );
  await context.close();
});

test("what waits to be sent is kept while the session lives, and goes with it", async () => {
  const { page } = ada;
  line.cut();
  await say(page, "written without a line");
  await eventually(async () => assert.ok((await written(page)).some((key) => key.includes("outbox"))));
  await revokeFromElsewhere(ada.name);
  assert.ok(
    (await written(page)).some((key) => key.includes("outbox")),
    "nothing is known of the end yet",
  );
  line.mend();
  await page.locator("#username").waitFor();
  await eventually(async () => assert.deepEqual(await written(page), []));
  assertCalmButForTheLine({ problems: ada.problems.filter((problem) => !/401/.test(problem)) });
});

test("signing out in one tab signs out the others and leaves nothing", async () => {
  const second = await ada.context.newPage();
  await second.goto(`${line.url}/`);
  await openRoom(second, "Random");
  await draft(second, "a secret in the other tab");
  await ada.page.evaluate(async () => {
    await fetch("/api/auth/logout", { method: "POST" });
  });
  for (const page of [ada.page, second]) {
    await page.locator("#username").waitFor();
    await eventually(async () => assert.deepEqual(await written(page), []));
  }
});

/** From now on the browser has the cookie of another person, and nobody has told the tab that is open. */
async function signInUnseen(name) {
  const other = await person(browser, server.url, name);
  const cookies = await other.context.cookies();
  await other.context.close();
  await ada.context.addCookies(cookies.map((cookie) => ({ ...cookie, domain: "127.0.0.1" })));
}

/** The page belongs to somebody else by now, and says so. */
async function assertTakenOver({ page }, name) {
  await page.locator(".me-name", { hasText: name }).waitFor();
  await page.locator(".toast", { hasText: `Somebody else signed in in this browser` }).waitFor();
  assert.ok(!(await written(page)).some((key) => key.includes("outbox")));
}

test("a tab that slept while another person signed in sends nothing as that person, and says so", async () => {
  const name = `sid${count}`;
  line.cut();
  await say(ada.page, "written by ada");
  await signInUnseen(name);
  line.mend();
  await ada.page.evaluate(() => void dispatchEvent(new Event("online")));
  await assertTakenOver(ada, name);
  await openRoom(ada.page, "General");
  await say(ada.page, "written by the other");
  await message(ada.page, "written by the other").waitFor();
  assert.equal(await message(ada.page, "written by ada").count(), 0);
});

test("a call of a tab that does not know of another person's sign-in changes nothing of theirs", async () => {
  const name = `tim${count}`;
  await signInUnseen(name);
  await ada.page.locator(".me-status").click();
  await ada.page.locator("dialog input[type=text], dialog input:not([type])").first().fill("Ada is away");
  await ada.page.locator("dialog button[type=submit], dialog .button-primary").first().click();
  await assertTakenOver(ada, name);
  const { status } = await ada.page.evaluate(async () => (await fetch("/api/me")).json());
  assert.equal(status.text, "");
});

test("an emptied storage is no sign-out, and neither is one that the browser forbids", async () => {
  await ada.page.evaluate(() => localStorage.clear());
  await ada.page.reload();
  await ada.page.locator(".me-name", { hasText: ada.name }).waitFor();
  await ada.page.addInitScript(() => {
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("forbidden", "SecurityError");
      },
    });
  });
  await ada.page.reload();
  await openRoom(ada.page, "General");
  await say(ada.page, `without a storage ${count}`);
  await message(ada.page, `without a storage ${count}`).waitFor();
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
  assertCalm(ada);
});

test("who signs out without a line stays out, and the server hears of it when the line is back", async () => {
  const { page } = ada;
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator(".dialog button", { hasText: "Sign out" }).waitFor();
  line.cut();
  await page.locator(".dialog button", { hasText: "Sign out" }).click();
  await page.locator("dialog .button-danger, dialog .button-primary").filter({ hasText: "Sign out" }).click();
  await page.locator("#username").waitFor();
  line.mend();
  await page.reload();
  await page.locator("#username").waitFor();
  assert.equal(await page.evaluate(async () => (await fetch("/api/me")).status), 401);
});

test("blocked cookies are named on the sign-in page", async () => {
  const blocked = await visitor(browser);
  await blocked.page.route("**/api/me", (route) =>
    route.fulfill({ status: 401, json: { error: { code: "unauthorized", message: "Please sign in." } } }),
  );
  await blocked.page.goto(`${line.url}/login`);
  await enterAccount(blocked.page, ada.name);
  await blocked.page.locator("text=This browser blocks cookies for this page").waitFor();
  await blocked.page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "cookieEnabled", { get: () => false });
  });
  await blocked.page.reload();
  await enterAccount(blocked.page, ada.name);
  await blocked.page.locator("text=This browser blocks cookies for this page").waitFor();
  await blocked.context.close();
});

test("a draft is not lost by a reload right after the last key, and is the same in all tabs", async () => {
  const { page, context } = ada;
  const field = (tab) => tab.locator(".composer textarea");
  // The browser of the tests says of all its pages that they have the focus.
  const leave = (tab) => field(tab).evaluate((node) => node.blur());
  const second = await context.newPage();
  await second.goto(page.url());
  await field(second).waitFor();
  await leave(second);
  await field(page).pressSequentially("typed at the last moment");
  await page.reload();
  await field(page).waitFor();
  assert.equal(await field(page).inputValue(), "typed at the last moment");
  await eventually(async () => assert.equal(await field(second).inputValue(), "typed at the last moment"));
  await leave(page);
  await field(second).fill("typed in the second tab");
  await eventually(async () => assert.equal(await field(page).inputValue(), "typed in the second tab"));
  await say(second, "typed in the second tab");
  await eventually(async () => assert.equal(await field(page).inputValue(), ""));
  await field(page).pressSequentially("here, too");
  await leave(second);
  await eventually(async () => assert.equal(await field(second).inputValue(), "here, too"));
  await field(second).press("End");
  await field(second).press("!");
  await field(page).press("?");
  assert.equal(await field(page).inputValue(), "here, too?", "what is being typed is not overwritten");
});

test("who signs out here is not told that the session has ended", async () => {
  await ada.page.locator(".me [aria-label='Settings']").click();
  await ada.page.locator(".dialog button", { hasText: "Sign out" }).click();
  await ada.page.locator("dialog .button-danger, dialog .button-primary").filter({ hasText: "Sign out" }).click();
  await ada.page.locator("#username").waitFor();
  await ada.page.waitForTimeout(1000);
  assert.match(await ada.page.locator(".entry-head").innerText(), /Group chat that keeps up with you/);
});

test("another account in one tab takes over the other tabs, without what was written in them", async () => {
  const bob = await person(browser, server.url, `bob${count}`);
  await bob.context.close();
  const second = await ada.context.newPage();
  await second.goto(`${line.url}/`);
  await openRoom(second, "Random");
  await draft(second, "only for my own eyes");
  // The first tab takes the place of the session, as a sign-in of another person does.
  await ada.page.goto("about:blank");
  await ada.context.clearCookies();
  await ada.page.goto(`${line.url}/robots.txt`);
  await ada.page.evaluate(() => localStorage.removeItem("impulse.account"));
  await second.locator("#username").waitFor();
  await ada.page.goto(`${line.url}/login`);
  await enterAccount(ada.page, bob.name);
  await ada.page.locator(".room-item").first().waitFor();
  assert.ok(!(await written(ada.page)).some((key) => key.includes("draft")));
  await second.reload();
  await openRoom(second, "Random");
  assert.equal(await second.locator(".composer textarea").inputValue(), "");
  assert.equal(await second.locator(".me-name").innerText(), await ada.page.locator(".me-name").innerText());
});

test("a tab whose cookie is another person's by now shows that person, and none of the drafts", async () => {
  const bob = await person(browser, server.url, `rob${count}`);
  const cookies = await bob.context.cookies();
  await bob.context.close();
  await draft(ada.page, "only for my own eyes");
  await ada.context.addCookies(cookies.map((cookie) => ({ ...cookie, domain: "127.0.0.1" })));
  await ada.page.reload();
  await ada.page.locator(".me-name", { hasText: bob.name }).waitFor();
  await openRoom(ada.page, "General");
  assert.equal(await ada.page.locator(".composer textarea").inputValue(), "");
  assert.ok(!(await written(ada.page)).some((key) => key.includes("draft")));
});
