/** What views see of other people's keys: of those who were looked at, and what can be said of them. */
import { fingerprint, safetyNumber } from "../../crypto/trust.js";

/** @typedef {import("../keys_state.js").Contact} Contact */

export class People {
  #own;
  #directory;
  #trust;
  #show;
  /** Who was looked at, and whether the server keeps something of them back. @type {Map<string, boolean>} */
  #looked = new Map();

  /**
   * @param {import("./account_keys.js").Own} own
   * @param {import("./directory.js").KeyDirectory} directory
   * @param {import("./trust_store.js").TrustStore} trust
   * @param {(contacts: Map<string, Contact>) => void} show
   */
  constructor(own, directory, trust, show) {
    this.#own = own;
    this.#directory = directory;
    this.#trust = trust;
    this.#show = show;
  }

  /**
   * Fetches what is to be known of somebody, and shows it from now on.
   *
   * @param {string} uid
   */
  async look(uid) {
    try {
      await this.#directory.sync();
      await this.#directory.entriesOf([uid]);
      this.#looked.set(uid, false);
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== "entries_withheld") throw error;
      this.#looked.set(uid, true);
    }
    this.draw();
  }

  /** Everybody whose keys are known, and everybody who was looked at. */
  draw() {
    const uids = new Set([...this.#looked.keys(), ...this.#trust.contacts().map(([uid]) => uid)]);
    this.#show(new Map([...uids].map((uid) => [uid, this.#contact(uid)])));
  }

  /**
   * What both sides compare: the same on both screens.
   *
   * @param {string} uid
   * @returns {Promise<string>} twelve groups of five digits
   * @throws {{ code: string }} `no_keys`; `entries_withheld`
   */
  async safetyNumber(uid) {
    await this.#directory.entriesOf([uid, this.#own.uid]);
    const { view, n } = this.#directory;
    const prints = [this.#own.uid, uid].map((each) => {
      const root = this.#directory.hasKeys(each) ? view.rootAt(each, n) : null;
      if (!root) throw { code: "no_keys" };
      return fingerprint(this.#own.instance, each, root);
    });
    const [mine, theirs] = await Promise.all(prints);
    return safetyNumber(/** @type {Uint8Array<ArrayBuffer>} */ (mine), /** @type {Uint8Array<ArrayBuffer>} */ (theirs));
  }

  /** @param {string} uid @returns {Contact} */
  #contact(uid) {
    const hasKeys = this.#directory.hasKeys(uid);
    const known = this.#trust.contact(uid);
    return {
      hasKeys,
      isKnown: known !== null,
      verifiedAt: known?.ok ?? null,
      name: this.#directory.nameOf(uid) ?? "",
      warning: this.#warning(uid, hasKeys),
    };
  }

  /** @param {string} uid @param {boolean} hasKeys @returns {Contact["warning"]} */
  #warning(uid, hasKeys) {
    if (this.#looked.get(uid)) return "withheld";
    if (!hasKeys) return null;
    const verdict = this.#trust.judge(uid);
    return verdict === "two_names" || verdict === "reset" || verdict === "old" ? verdict : null;
  }
}
