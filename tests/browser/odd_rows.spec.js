/** Rows that no calendar can show: from before there was a bound, or written into the tables by hand. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertCalm, eventually, openBrowser, person, setUpAdmin, startServer } from "./support.js";

const TOO_LATE = "8640000000000001";
/** What the server makes of it: the end of the year 9999. */
const LATEST = "253402300799999";

let server, browser, root, ada;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  root = await setUpAdmin(browser, server, "root");
  ada = await person(browser, server.url, "ada");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Runs statements in the private database of the server. @param {string} statements */
function sql(statements) {
  const versions = "/usr/lib/postgresql";
  const installed = existsSync(versions)
    ? readdirSync(versions).map((version) => path.join(versions, version, "bin/psql"))
    : [];
  const psql = installed.find((each) => existsSync(each)) ?? "psql";
  execFileSync(psql, [
    "-h",
    path.join(server.dataDir, "run"),
    "-U",
    "impulse",
    "-d",
    "postgres",
    "-v",
    "ON_ERROR_STOP=1",
    "-qc",
    statements,
  ]);
}

test("an entry of the log with such a time is a row like the others", async () => {
  sql(`INSERT INTO accounts.audit
    SELECT n, at, 1, 'root', 'member.silence', 'user', '2', 'ada', detail, sha256('') FROM (VALUES
    (1001, ${TOO_LATE}, '{"until":${TOO_LATE}}'), (1002, -1, '{"until":9223372036854775807}'),
    (1003, 0, 'no json'), (1004, 0, '[1]'),
    (1005, 1795432417000, '{"until":1e300}'), (1006, 1795432417000, '{"room_name":"General"}'))
    AS odd (n, at, detail)`);
  await root.page.goto(`${server.url}/admin/audit`);
  const rows = root.page.locator(".table tbody tr");
  await rows.filter({ hasText: "#1,006" }).waitFor();
  assert.equal(await rows.filter({ hasText: "Silenced a member" }).count(), 6);
  assert.match(await rows.filter({ hasText: "#1,001" }).innerText(), /Until: –/);
  assertCalm(root);
});

test("a row that cannot be drawn says so and leaves the others alone", async () => {
  await root.page.route("**/api/admin/audit?*", async (route) => {
    const answer = await route.fetch();
    const page = await answer.json();
    page.entries[1].hash = null;
    page.entries[2].at = Number(TOO_LATE);
    page.entries[3].actor = null;
    await route.fulfill({ response: answer, json: page });
  });
  await root.page.goto(`${server.url}/admin/audit`);
  const rows = root.page.locator(".table tbody tr");
  await rows.filter({ hasText: "#1,006" }).waitFor();
  assert.equal(await rows.filter({ hasText: "This entry cannot be shown." }).count(), 2);
  assert.equal(await rows.filter({ hasText: "Silenced a member" }).count(), 4);
  await root.page.unroute("**/api/admin/audit?*");
  assertCalm(root);
});

test("a card opens whatever its status says of its end", async () => {
  const uid = "2";
  sql(
    `UPDATE accounts.users SET status_state = 'dnd', status_text = 'away for long', status_until = ${TOO_LATE}
      WHERE id = ${uid}`,
  );
  await ada.context.close();
  // That she is away is told once a second, with what the server makes of her status: the page below must not hear it.
  await eventually(async () =>
    assert.equal(
      (await root.page.evaluate((id) => fetch(`/api/users/${id}`).then((answer) => answer.json()), uid)).status.state,
      "offline",
    ),
  );
  await root.page.waitForTimeout(1_500);
  // As a server would answer that does not say what it can be: here, and in every list of people.
  await root.page.route("**/api/**", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replaceAll(LATEST, TOO_LATE) });
  });
  await root.page.goto(`${server.url}/`);
  await root.page.locator(".room-item").first().waitFor();
  await root.page.evaluate((id) => {
    document.body.append(Object.assign(document.createElement("button"), { id: "face", textContent: "ada" }));
    document.getElementById("face").dataset.person = id;
  }, uid);
  await root.page.locator("#face").click({ force: true });
  const card = root.page.locator("dialog[open] .card");
  await card.getByText("away for long").waitFor();
  assert.match(await card.innerText(), /@ada/);
  assert.match(await card.innerText(), /–/);
  assertCalm(root);
});
