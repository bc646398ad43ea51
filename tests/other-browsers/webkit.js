/** WebKitGTK, the engine of Safari without Apple's parts, in its small browser on a screen that nobody sees. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { eventually } from "../browser/support.js";
import { COMMANDS, Page } from "./driver.js";

const BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const CAPABILITIES = { "webkitgtk:browserOptions": { binary: BROWSER, args: ["--automation"] } };
/** Root has no sandbox to give, and a machine without a graphics card draws by itself. */
const ENVIRONMENT = {
  WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
  WEBKIT_DISABLE_DMABUF_RENDERER: "1",
  WEBKIT_DISABLE_COMPOSITING_MODE: "1",
  LIBGL_ALWAYS_SOFTWARE: "1",
  LANG: "en_GB.UTF-8",
};

/** @returns {Promise<Page>} */
export async function openWebKit() {
  const port = await freePort();
  // Xvfb writes the number of the screen it has found free.
  const screen = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1300x900x24"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const display = await new Promise((resolve) =>
    screen.stdout.once("data", (data) => resolve(`:${String(data).trim()}`)),
  );
  const driver = spawn("dbus-run-session", ["--", "WebKitWebDriver", `--port=${port}`], {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, ...ENVIRONMENT, DISPLAY: display },
  });
  const server = `http://127.0.0.1:${port}`;
  const ended = new Promise((resolve) => driver.once("exit", resolve));
  let session = "";
  const stop = async () => {
    if (session) await call("DELETE", session).catch(() => {});
    // The whole group: the bus, the driver and what it has started.
    if (driver.pid) process.kill(-driver.pid);
    await ended;
    screen.kill();
  };
  try {
    await eventually(() => call("GET", `${server}/status`));
    const opened = await call("POST", `${server}/session`, { capabilities: { alwaysMatch: CAPABILITIES } });
    session = `${server}/session/${opened.sessionId}`;
    return new Page({
      stop,
      send(name, parameters = {}) {
        const [method, place] = COMMANDS[name];
        const { id, ...rest } = /** @type {{ id?: string }} */ (parameters);
        return call(method, session + place.replace("{id}", id ?? ""), method === "POST" ? rest : undefined);
      },
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} url
 * @param {object} [body]
 */
async function call(method, url, body) {
  const answer = await fetch(url, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${value?.error}: ${value?.message}`);
  return value;
}

/** @returns {Promise<number>} */
async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
