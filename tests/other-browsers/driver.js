/**
 * One page of a browser, driven by the commands of W3C WebDriver. Firefox takes them over Marionette, its own socket,
 * WebKit over HTTP: what differs is only how a command travels.
 */
import { eventually } from "../browser/support.js";

/** @typedef {{ send: (command: Command, parameters?: object) => Promise<any>, stop: () => Promise<void> }} Transport */
/** @typedef {keyof typeof COMMANDS} Command */

/** The commands in use: how each is called over HTTP, and over Marionette. */
export const COMMANDS = /** @type {const} */ ({
  open: ["POST", "/url", "WebDriver:Navigate"],
  reload: ["POST", "/refresh", "WebDriver:Refresh"],
  find: ["POST", "/element", "WebDriver:FindElement"],
  run: ["POST", "/execute/sync", "WebDriver:ExecuteScript"],
  press: ["POST", "/actions", "WebDriver:PerformActions"],
  click: ["POST", "/element/{id}/click", "WebDriver:ElementClick"],
  clear: ["POST", "/element/{id}/clear", "WebDriver:ElementClear"],
  type: ["POST", "/element/{id}/value", "WebDriver:ElementSendKeys"],
  screenshot: ["GET", "/screenshot", "WebDriver:TakeScreenshot"],
});

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export const ENTER = "\uE007";
export const UP = "\uE013";
export const CONTROL = "\uE009";

export class Page {
  #transport;

  /** @param {Transport} transport */
  constructor(transport) {
    this.#transport = transport;
  }

  /** @param {string} url */
  open(url) {
    return this.#transport.send("open", { url });
  }

  reload() {
    return this.#transport.send("reload");
  }

  stop() {
    return this.#transport.stop();
  }

  /**
   * What a function body returns on the page.
   *
   * @param {string} script
   * @param {...unknown} args
   */
  run(script, ...args) {
    return this.#transport.send("run", { script, args });
  }

  /** Clicks as a person would, once the element is there. @param {string} selector @param {string} [text] */
  async click(selector, text) {
    await eventually(async () => this.#transport.send("click", { id: await this.#find(selector, text) }));
  }

  /** Puts a text into a field in the place of what is there. @param {string} selector @param {string} text */
  async write(selector, text) {
    await eventually(async () => {
      const id = await this.#find(selector);
      await this.#transport.send("clear", { id });
      await this.#transport.send("type", { id, text });
    });
  }

  /** Types into a field. @param {string} selector @param {string} text */
  async type(selector, text) {
    await eventually(async () => this.#transport.send("type", { id: await this.#find(selector), text }));
  }

  /** Presses keys together, the first ones held. @param {...string} keys */
  async press(...keys) {
    const down = keys.map((value) => ({ type: "keyDown", value }));
    const up = keys.map((value) => ({ type: "keyUp", value })).reverse();
    await this.#transport.send("press", { actions: [{ type: "key", id: "keys", actions: [...down, ...up] }] });
  }

  /** The texts of all elements of a selector. @param {string} selector @returns {Promise<string[]>} */
  texts(selector) {
    return this.run("return [...document.querySelectorAll(arguments[0])].map((node) => node.innerText)", selector);
  }

  /** Waits until there is such an element with this text. @param {string} selector @param {string} [text] */
  async see(selector, text = "") {
    await eventually(async () => {
      const texts = await this.texts(selector);
      if (!texts.some((each) => each.includes(text))) throw new Error(`no ${selector} with "${text}": ${texts}`);
    });
  }

  /** @param {string} selector */
  async gone(selector) {
    await eventually(async () => {
      if ((await this.texts(selector)).length) throw new Error(`${selector} is still there`);
    });
  }

  /** The page as PNG. */
  async screenshot() {
    return Buffer.from(await this.#transport.send("screenshot", {}), "base64");
  }

  /**
   * @param {string} selector
   * @param {string} [text]
   * @returns {Promise<string>}
   */
  async #find(selector, text) {
    if (!text) return (await this.#transport.send("find", { using: "css selector", value: selector }))[ELEMENT];
    const script =
      "return [...document.querySelectorAll(arguments[0])].find((node) => node.innerText.includes(arguments[1]))";
    const found = await this.run(script, selector, text);
    if (!found) throw new Error(`no ${selector} with "${text}"`);
    return found[ELEMENT];
  }
}
