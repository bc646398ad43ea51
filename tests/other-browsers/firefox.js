/** Debian's Firefox. Its remote control, Marionette, takes WebDriver's commands on a socket: `LENGTH:[0,ID,NAME,{}]`. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually } from "../browser/support.js";
import { COMMANDS, Page } from "./driver.js";

const FIREFOX = process.env.FIREFOX_BIN ?? "/usr/bin/firefox-esr";
const GONE = "Firefox has gone";
/** The port is chosen by the system and written into the profile; nothing else is fetched from the network. */
const PREFERENCES = `
user_pref("marionette.port", 0);
user_pref("intl.accept_languages", "en-GB");
user_pref("app.update.disabledForTesting", true);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
`;

/** @returns {Promise<Page>} */
export async function openFirefox() {
  const profile = await mkdtemp(path.join(tmpdir(), "impulse-firefox-"));
  await writeFile(path.join(profile, "user.js"), PREFERENCES);
  const options = ["--headless", "--marionette", "--no-remote", "--width", "1280", "--height", "800"];
  const browser = spawn(FIREFOX, [...options, "--profile", profile], { stdio: "ignore" });
  const ended = new Promise((resolve) => browser.once("exit", resolve));
  const stop = async () => {
    browser.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await eventually(async () =>
      Number(await readFile(path.join(profile, "MarionetteActivePort"), "utf8")),
    );
    const command = await converse(port);
    await command("WebDriver:NewSession", {});
    return new Page({
      stop,
      async send(name, parameters = {}) {
        const answer = await command(COMMANDS[name][2], parameters);
        return answer && "value" in answer ? answer.value : answer;
      },
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * @param {number} port
 * @returns {Promise<(name: string, parameters: object) => Promise<any>>}
 */
async function converse(port) {
  const socket = connect(port, "127.0.0.1");
  const waiting = new Map();
  let read = Buffer.alloc(0);
  let last = 0;
  await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => {
      for (const { reject } of waiting.values()) reject(new Error(GONE));
    });
    socket.on("data", (data) => {
      read = Buffer.concat([read, data]);
      for (;;) {
        const colon = read.indexOf(":");
        const end = colon + 1 + Number(read.subarray(0, Math.max(colon, 0)).toString());
        if (colon < 0 || read.length < end) return;
        const frame = JSON.parse(read.subarray(colon + 1, end).toString());
        read = read.subarray(end);
        // It greets first.
        if (!Array.isArray(frame)) resolve(undefined);
        else settle(frame);
      }
    });
  });

  /** @param {[number, number, any, any]} answer */
  function settle([, id, error, result]) {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(`${error.error}: ${error.message}`));
    else resolve(result);
  }

  return (name, parameters) =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(new Error(GONE));
      const frame = JSON.stringify([0, ++last, name, parameters]);
      waiting.set(last, { resolve, reject });
      socket.write(`${Buffer.byteLength(frame)}:${frame}`);
    });
}
