/**
 * What I write and change as it is shown before the server has answered: a new message as pending or failed, a change
 * as if it were accepted, until it is confirmed or taken back.
 */
import { fileFromWire, messageFromWire } from "../net/wire.js";
import { change, merge } from "./messages.js";
import { withSent, withTimeline } from "./timelines.js";
import { Undo } from "./undo.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./outbox.js").Entry} Entry */

export class Preview {
  #store;
  /** How changes that are shown are taken back. */
  undo = new Undo();

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
  }

  get #me() {
    return this.#store.state.me?.uid ?? "";
  }

  /**
   * @param {string} room
   * @param {string} mid
   */
  find(room, mid) {
    return this.#store.state.timelines.get(room)?.messages.find((message) => message.mid === mid);
  }

  /**
   * Shows a new message that waits in the outbox, and whether it was refused.
   *
   * @param {Entry} entry
   */
  show({ room, at, msg, error }) {
    const { state } = this.#store;
    const timeline = state.timelines.get(room);
    if (!timeline || timeline.moreAfter || !isNew(msg)) return;
    const known = this.find(room, msg.mid);
    if (known?.status === "sent") return;
    /** @type {Message} */
    const message = {
      ...messageFromWire({ seq: 0, at, msg: { ...msg, by: this.#me } }, this.#me),
      ...(state.rooms.get(room)?.e2ee ? { verdict: /** @type {const} */ ("ok") } : {}),
      status: error ? "failed" : "pending",
      ...(error ? { error } : {}),
    };
    if (known && known.status === message.status) return;
    this.#store.update(withTimeline(state, room, { ...timeline, messages: merge(timeline.messages, [message]) }));
  }

  /** Shows a change of a message that waits since before the page was loaded. @param {Entry} entry */
  showChange({ room, at, msg }) {
    const old = this.find(room, msg.mid);
    if (!old || isNew(msg) || msg.rev !== old.rev + 1) return;
    const { rev } = msg;
    const files = msg["f"] ? { files: msg["f"].map(fileFromWire) } : {};
    if (msg.kind === "msg") this.replace(room, old, { ...old, ...files, t: String(msg["t"]), rev, edited: at });
    else if (msg.kind === "del") this.replace(room, old, { ...old, kind: "del", t: "", rev, reactions: {} });
  }

  /**
   * Shows an edit or a deletion.
   *
   * @param {string} room
   * @param {Message} old
   * @param {Message} next
   */
  replace(room, old, next) {
    this.undo.keepOriginal(old);
    this.update(room, old.mid, () => ({ ...next, waits: true }));
  }

  /**
   * @param {string} room
   * @param {string} mid
   * @param {(message: Message) => Message} how
   */
  update(room, mid, how) {
    const { state } = this.#store;
    const timeline = state.timelines.get(room);
    if (!timeline) return;
    const messages = merge(change(timeline.messages, mid, how), []);
    this.#store.update(withTimeline(state, room, { ...timeline, messages }));
  }

  /** A new message is in its room. @param {string} room @param {string} mid @param {number} seq */
  confirm(room, mid, seq) {
    const { state } = this.#store;
    const timeline = state.timelines.get(room);
    if (timeline) this.#store.update(withTimeline(state, room, withSent(timeline, mid, seq)));
  }

  /** A change that was shown is not so. @param {Pick<Entry, "room" | "msg">} entry */
  takeBack({ room, msg }) {
    const { mid, undo } = this.undo.of(msg, this.#me);
    this.update(room, mid, undo);
  }

  /**
   * @param {string} room
   * @param {string} mid
   */
  hide(room, mid) {
    const timeline = this.#store.state.timelines.get(room);
    if (!timeline) return;
    const messages = timeline.messages.filter((message) => message.mid !== mid);
    this.#store.update(withTimeline(this.#store.state, room, { ...timeline, messages }));
  }

  /** Another tab has sent or discarded a message that failed. @param {string} mid */
  hideFailed(mid) {
    for (const [room, { messages }] of this.#store.state.timelines) {
      if (messages.some((message) => message.mid === mid && message.status === "failed")) this.hide(room, mid);
    }
  }
}

/** A message of its own, not a change of one. @param {Entry["msg"]} msg */
export function isNew({ kind, rev }) {
  return kind === "msg" && rev === 0;
}
