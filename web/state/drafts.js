/**
 * Unfinished texts, one for each room, kept in this browser so that a reload loses none and all tabs have the same.
 * Those of encrypted rooms are on a shelf of their own, which keeps nothing in clear; without it, they are in memory.
 */
import { keep, keysOf, recall, watchKeptUnder } from "../platform/storage.js";

export class Drafts {
  #store;
  #isEncrypted;
  #unwatch = () => {};
  /** @type {import("./outbox.js").Shelf | null} */
  #sealed = null;
  #unwatchSealed = () => {};

  /**
   * @param {import("./store.js").Store} store
   * @param {(room: string) => boolean} [isEncrypted]
   */
  constructor(store, isEncrypted = () => false) {
    this.#store = store;
    this.#isEncrypted = isEncrypted;
  }

  /** Reads what was kept for the person who has signed in. @param {string} uid */
  load(uid) {
    const prefix = prefixOf(uid);
    this.#store.state.drafts = new Map(
      keysOf(prefix).map((key) => [key.slice(prefix.length), String(recall(key) ?? "")]),
    );
    this.#unwatch();
    this.#unwatch = watchKeptUnder(prefix, (key, text) => {
      if (this.#store.state.me?.uid !== uid) return;
      this.#replace(key.slice(prefix.length), String(text ?? ""));
      this.#store.notifyLater();
    });
  }

  /** My keys are open: what was kept of encrypted rooms is there again. @param {import("./outbox.js").Shelf} shelf */
  startSealed(shelf) {
    this.stopSealed();
    this.#sealed = shelf;
    const { state } = this.#store;
    for (const room of shelf.keysOf("")) {
      const [kept, typed] = [String(shelf.recall(room) ?? ""), state.drafts.get(room)];
      const both = typed && typed !== kept ? `${kept}\n${typed}` : kept;
      this.#replace(room, both);
      if (both !== kept) shelf.keep(room, both);
    }
    this.#unwatchSealed = shelf.watchKeptUnder("", (room, text) => {
      this.#replace(room, String(text ?? ""));
      this.#store.notifyLater();
    });
    this.#store.notifyLater();
  }

  /** My keys are not here any more: no text of an encrypted room stays in sight. */
  stopSealed() {
    if (!this.#sealed) return;
    for (const room of this.#sealed.keysOf("")) this.#replace(room, "");
    this.#unwatchSealed();
    this.#sealed = null;
  }

  /**
   * Puts a text below what is written already, for all to see.
   *
   * @param {string} room
   * @param {string} text
   */
  append(room, text) {
    this.set(room, [this.#store.state.drafts.get(room), text].filter(Boolean).join("\n"));
    this.#store.notifyLater();
  }

  /**
   * Keeps a draft, and notifies nobody: the field that it is typed in shows it already, and other views see it when
   * they are drawn next.
   *
   * @param {string} room
   * @param {string} text  empty forgets it
   */
  set(room, text) {
    const { state } = this.#store;
    // The composer closes after a sign-out, too, and then no draft is kept.
    if (!state.me) return;
    this.#replace(room, text);
    if (this.#isEncrypted(room)) this.#sealed?.keep(room, text || null);
    else keep(prefixOf(state.me.uid) + room, text || null);
  }

  /**
   * @param {string} room
   * @param {string} text
   */
  #replace(room, text) {
    const { state } = this.#store;
    state.drafts = new Map(state.drafts);
    if (text) state.drafts.set(room, text);
    else state.drafts.delete(room);
  }
}

/** @param {string} uid */
function prefixOf(uid) {
  return `draft.${uid}.`;
}
