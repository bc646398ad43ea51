/** A browser of somebody with the client's keys in it, and nothing drawn. */
import { afterEach } from "node:test";
import { NO_KEYS } from "../../../web/state/keys_state.js";
import * as credentials from "../../../web/state/credentials.js";
import { Encryption } from "../../../web/state/encryption/encryption.js";
import { recover } from "../../../web/state/encryption/recovery.js";

export const PASSWORD = "plum orbit kettle 7";
export const SECOND = "violet anchor stair 3";
let made = 0;

/**
 * What a test has opened is closed with it: it would look at the server of a later test, be refused there, and look
 * again and again, so that the program of the tests never ended.
 *
 * @type {Set<Encryption>}
 */
const open = new Set();
afterEach(() => {
  for (const encryption of open) encryption.close();
  open.clear();
});

/** Few rounds are enough here; `password.test.js` has them all. */
const { subtle } = crypto;
const deriveBits = subtle.deriveBits.bind(subtle);
subtle.deriveBits = (algorithm, ...rest) => {
  const { iterations } = /** @type {any} */ (algorithm);
  return deriveBits(
    iterations ? /** @type {any} */ ({ .../** @type {any} */ (algorithm), iterations: 10 }) : algorithm,
    ...rest,
  );
};

/** Tests end although tabs could still tell each other something. */
globalThis.BroadcastChannel = class extends BroadcastChannel {
  /** @param {string} name */
  constructor(name) {
    super(name);
    /** @type {any} */ (this).unref();
  }
};
// Node 20 has none.
globalThis.navigator ??= /** @type {any} */ ({ userAgent: "Firefox on Linux" });

export class KeysBrowser {
  /** @type {import("../../../web/state/keys_state.js").KeysState} */
  state = NO_KEYS;
  epoch = "one";
  rooms = {
    rotated: 0,
    unlinked: 0,
    wrapped: /** @type {number[]} */ ([]),
    changed: /** @type {string[]} */ ([]),
    mayWrite: /** @type {boolean[]} */ ([]),
  };

  /** @param {import("./fake_server.js").FakeServer} server @param {string} username */
  constructor(server, username) {
    this.server = server;
    this.username = username;
    this.name = `impulse-e2ee-test-${(made += 1)}`;
  }

  static async register(server, username, password = PASSWORD) {
    const browser = new KeysBrowser(server, username);
    const entrance = await credentials.register({ username, password });
    await browser.#begin(entrance);
    return browser;
  }

  static async signIn(server, username, password = PASSWORD) {
    const browser = new KeysBrowser(server, username);
    await browser.#begin(await credentials.signIn({ username, password }));
    return browser;
  }

  static async recover(server, username, code, password = SECOND) {
    const browser = new KeysBrowser(server, username);
    await browser.#begin(await recover({ username, code, password }));
    return browser;
  }

  /** The page is loaded again, the browser is the same. */
  async reload() {
    this.encryption?.close();
    this.state = NO_KEYS;
    await this.open();
    await this.connect();
  }

  async open() {
    const { uid } = this.server.accounts.get(this.username);
    this.server.user = uid;
    this.encryption = await Encryption.open({
      uid,
      username: this.username,
      name: this.name,
      show: (change) => (this.state = { ...this.state, ...change }),
      epoch: () => this.epoch,
    });
    open.add(this.encryption);
    this.encryption.useRooms({
      rotateAll: async () => ({ left: 0 * (this.rooms.rotated += 1) }),
      unlinkMine: async () => void (this.rooms.unlinked += 1),
      wrapForNext: async (gen) => void this.rooms.wrapped.push(gen),
      directoryChanged: (uids) => void this.rooms.changed.push(...uids),
      trustChanged: () => void this.rooms.mayWrite.push(this.encryption.mayWrite),
    });
    return this.encryption;
  }

  async #begin(entrance) {
    await this.open();
    await this.encryption.begin(entrance);
    await this.connect();
  }

  async connect() {
    await this.encryption.connected({ dir: null });
  }

  /** Keeps the code on offer. @returns {Promise<string>} */
  async keepCode() {
    const code = this.state.offer;
    await this.encryption.keys.keepCode();
    return code;
  }

  get gen() {
    return this.encryption.identity?.gen ?? 0;
  }

  get alarms() {
    return this.state.alarms.map(({ kind }) => kind);
  }
}

/** The code of a refusal. @param {Promise<unknown>} promise */
export async function refusalOf(promise) {
  try {
    await promise;
    return "nothing refused";
  } catch (error) {
    return error.code ?? String(error.stack);
  }
}
