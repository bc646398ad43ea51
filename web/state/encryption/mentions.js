/**
 * Whether unread messages of encrypted rooms call for me: the server cannot know, so the newest of them are opened
 * here, after a connect and when something new is said in a room that is not followed (section 20 of e2ee.md).
 */

/** @typedef {import("../types.js").Room} Room */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../encrypted_door.js").AskedPage} Page */
/** @typedef {import("../../net/wire.js").Where} Where */

/** Messages that are opened of one room, and of all after a connect. */
const OF_ONE = 200;
const OF_ALL = 2000;
const LATER_MS = 800;

export class Mentions {
  #ways;
  /** @type {Set<string>} */
  #waiting = new Set();
  /** Counts connects and sign-outs: what was begun before is not gone on with. */
  #turn = 0;

  /**
   * @param {object} ways
   * @param {(id: string) => Room | undefined} ways.roomOf
   * @param {(id: string, where: Where & { limit: number }) => Promise<Page>} ways.read
   * @param {(id: string, page: Page, where: Where, apply: (messages: Message[]) => void) => Promise<boolean>} ways.open
   * @param {(message: Message) => boolean} ways.callsMe
   * @param {(id: string, mentions: number) => void} ways.count
   * @param {(ms: number) => Promise<void>} ways.wait
   */
  constructor(ways) {
    this.#ways = ways;
  }

  /** After a connect. @param {string[]} ids  encrypted rooms */
  async connected(ids) {
    this.#turn += 1;
    const turn = this.#turn;
    let left = OF_ALL;
    for (const id of ids) {
      const most = Math.min(OF_ONE, left, this.#ways.roomOf(id)?.unread ?? 0);
      if (turn !== this.#turn || left <= 0) return;
      left -= most;
      await this.#look(id, most).catch(() => {});
    }
  }

  /** Something was said in a room that is not followed. @param {string} id */
  async active(id) {
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    const turn = this.#turn;
    await this.#ways.wait(LATER_MS);
    this.#waiting.delete(id);
    if (turn === this.#turn) await this.#look(id, OF_ONE).catch(() => {});
  }

  stop() {
    this.#turn += 1;
  }

  /** @param {string} id @param {number} most */
  async #look(id, most) {
    const room = this.#ways.roomOf(id);
    const limit = Math.min(most, room?.unread ?? 0);
    if (!room || room.notify === "none" || limit < 1) return;
    /** @type {Where & { limit: number }} */
    const where = { limit };
    const page = await this.#ways.read(id, where);
    await this.#ways.open(id, page, where, (messages) => {
      const now = this.#ways.roomOf(id);
      if (!now) return;
      const calls = messages.filter((message) => message.createdSeq > now.read && this.#ways.callsMe(message));
      this.#ways.count(id, Math.min(calls.length, now.unread));
    });
  }
}
