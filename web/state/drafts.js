/** Unfinished texts, one for each room, kept in this browser so that a reload loses none and all tabs have the same. */
import { keep, keysOf, recall, watchKeptUnder } from "../platform/storage.js";

export class Drafts {
  #store;
  #unwatch = () => {};

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
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
    keep(prefixOf(state.me.uid) + room, text || null);
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
