/** The people of the tests of files and of search: ada at a desk, on a line that can be cut, and bob with a phone. */
import { after, afterEach } from "node:test";
import { PLACES } from "./axe.js";
import { openBrowser, openRoom, person, startLine, startServer } from "./support.js";

/** @type {Record<string, any>} */
const parts = {};
/** @type {Promise<Record<string, any>> | undefined} */
let made;

/** Made when it is first asked for. */
export function world() {
  return (made ??= make());
}

async function make() {
  parts.server = await startServer();
  parts.browser = await openBrowser();
  parts.line = await startLine(parts.server.url);
  const desk = { ...PLACES.desk, viewport: { width: 1400, height: 800 } };
  [parts.ada, parts.bob] = await Promise.all([
    person(parts.browser, parts.line.url, "ada", desk),
    person(parts.browser, parts.server.url, "bob", { ...PLACES.phone, hasTouch: true, isMobile: true }),
  ]);
  // Not before their calls: the other one's profile is known by then.
  await Promise.all([parts.ada, parts.bob].map(({ page }) => page.reload().then(() => openRoom(page, "General"))));
  return parts;
}

afterEach(() => parts.line?.mend());

after(async () => {
  await made?.catch(() => {});
  await parts.browser?.close();
  await parts.line?.stop();
  await parts.server?.stop();
});
