/** What a start asks for, what is loaded later or cannot be, and addresses with nothing behind them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, openBrowser, openRoom, person, startServer, visitor } from "./support.js";

let server, browser, ada;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  ada = await person(browser, server.url, "ada");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Everything a page asks the server for from now on. @param {import("playwright-core").Page} page */
function watchRequests(page) {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  return asked;
}

test("a room is shown by two files of the client, and a second time by none", async () => {
  const { context } = ada;
  const page = await context.newPage();
  const asked = watchRequests(page);
  await page.goto(server.url);
  await openRoom(page, "General");
  const files = asked.filter((path) => /\.(?:js|css)$/.test(path)).slice(0, 2);
  assert.deepEqual(files.map((path) => path.replace(/^\/v\/[0-9a-f]{16}\//, "")).sort(), ["app.js", "css/app.css"]);
  await page.reload();
  await page.locator(".composer textarea").waitFor();
  const sizes = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => /\/v\/.*app\.(?:js|css)$/.test(name))
      .map((entry) => /** @type {PerformanceResourceTiming} */ (entry).transferSize),
  );
  assert.deepEqual(sizes, [0, 0]);
  await page.close();
});

test("only the chosen language is loaded", async () => {
  const reader = await visitor(browser, { locale: "ru-RU" });
  const asked = watchRequests(reader.page);
  await reader.page.goto(`${server.url}/login`);
  await reader.page.locator("button[type=submit]", { hasText: "Войти" }).waitFor();
  const locales = asked.filter((path) => path.includes("/locales/")).map((path) => path.split("/").at(-1));
  assert.ok(locales.length && locales.every((name) => name.endsWith("ru.js")), String(locales));
  assertCalm(reader);
  await reader.context.close();
});

test("a part that cannot be loaded says so, and is there when it is tried again", async () => {
  const { context } = ada;
  const page = await context.newPage();
  let isCut = true;
  await page.route(/\/v\/\w+\/(?:ui|calls)\//, (route) => (isCut ? route.abort() : route.continue()));
  await page.goto(server.url);
  await openRoom(page, "General");
  await page.locator(".me [aria-label='Settings']").click();
  const note = page.locator(".toast", { hasText: "could not be loaded" });
  await note.waitFor();
  isCut = false;
  await note.locator("button").click();
  await page.locator("dialog[open]").waitFor();
  await page.close();
});

test("an address with nothing behind it shows a page in the reader's language, and leads home", async () => {
  const { context } = await visitor(browser, { locale: "es-ES" });
  const page = await context.newPage();
  const answer = await page.goto(`${server.url}/nowhere/at/all`);
  assert.equal(answer?.status(), 404);
  assert.equal(await page.locator("h1").innerText(), "Aquí no hay nada");
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.notEqual(background, "rgba(0, 0, 0, 0)");
  await page.locator("a").click();
  await page.locator("#username").waitFor();
  await context.close();
  const json = await fetch(`${server.url}/nowhere/at/all`);
  assert.equal((await json.json()).error.code, "not_found");
});

test("every address that the page itself can show is there after a reload", async () => {
  for (const path of ["/", "/login", "/register", "/setup", "/invite", "/reset", "/room/1", "/admin", "/admin/users"]) {
    const answer = await fetch(server.url + path, { headers: { accept: "text/html" } });
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("cache-control"), "no-cache");
  }
});

test("a page learns that the server has another build, and loads it once nobody looks", async () => {
  const { context } = ada;
  const page = await context.newPage();
  await page.routeWebSocket(/\/ws/, (socket) => {
    const far = socket.connectToServer();
    far.onMessage((text) => socket.send(String(text).replace(/"build":"\w+"/, '"build":"0123456789abcdef"')));
  });
  await page.goto(server.url);
  await openRoom(page, "General");
  await page.locator(".toast", { hasText: "A new version is here." }).waitFor();
  const loaded = page.waitForEvent("load");
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await loaded;
  // Once only: it is the server that differs from itself.
  await openRoom(page, "General");
  await eventually(async () => assert.equal(await page.locator(".toast").count(), 0));
  await page.close();
});
