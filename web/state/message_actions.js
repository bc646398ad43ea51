/**
 * Writing: send, edit, delete, react. Each is shown at once and kept in the outbox until the server has answered. A
 * message that is refused stays as failed, to be sent again or discarded by hand; an edit, a deletion or a reaction
 * that is refused is taken back.
 */
import { randomBytes, toBase64Url } from "../crypto/encoding.js";
import { messageFromWire } from "../net/wire.js";
import { change, merge, withoutReaction, withReaction } from "./messages.js";
import { Outbox } from "./outbox.js";
import { withRoom } from "./rooms.js";
import { withTimeline } from "./timelines.js";
import { Undo } from "./undo.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("../net/socket.js").Answer} Answer */

const MID_BYTES = 16;
/** People whom one message mentions. */
const MENTIONS_MAX = 50;

export class MessageActions {
  #store;
  #socket;
  #ingest;
  /** @type {Outbox | null} */
  #outbox = null;
  #undo = new Undo();

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {Pick<import("../net/socket.js").Socket, "command" | "send">} parts.socket
   * @param {import("./ingest.js").Ingest} parts.ingest
   */
  constructor({ store, socket, ingest }) {
    this.#store = store;
    this.#socket = socket;
    this.#ingest = ingest;
  }

  get #me() {
    return this.#store.state.me?.uid ?? "";
  }

  /**
   * After signing in: what this person wrote and the server has not answered is sent with the first connect.
   *
   * @param {string} uid
   */
  start(uid) {
    this.#outbox = new Outbox(
      uid,
      ({ room, msg }) => this.#socket.command("msg.send", { room, msg }),
      (entry, answer, error) => this.#answered(entry, answer, error),
    );
  }

  stop() {
    this.#outbox?.close();
    this.#outbox = null;
    this.#undo.clear();
  }

  /** After a connect. */
  flush() {
    this.#outbox?.flush();
  }

  /**
   * @param {string} room
   * @param {{ text: string, re?: string, mentions: string[] }} draft
   */
  async send(room, { text, re, mentions }) {
    const mentioned = mentions.length ? { m: mentions.slice(0, MENTIONS_MAX) } : {};
    const msg = { mid: newMid(), rev: 0, kind: "msg", t: text, ...(re ? { re } : {}), ...mentioned };
    const entry = this.#outbox?.add(room, msg);
    if (entry) this.#show(entry);
  }

  /**
   * @param {string} room
   * @param {string} mid
   * @param {string} text
   * @param {string[]} mentions
   */
  async edit(room, mid, text, mentions) {
    const old = this.#find(room, mid);
    if (!old) return;
    const rev = old.rev + 1;
    const { m: _, ...rest } = old;
    const mentioned = mentions.length ? { m: mentions.slice(0, MENTIONS_MAX) } : {};
    this.#replace(room, old, { ...rest, ...mentioned, t: text, rev, edited: Date.now() });
    this.#outbox?.add(room, {
      mid,
      rev,
      kind: "msg",
      t: text,
      ...(old.re ? { re: old.re } : {}),
      ...mentioned,
    });
  }

  /**
   * @param {string} room
   * @param {string} mid
   */
  async remove(room, mid) {
    const old = this.#find(room, mid);
    if (!old) return;
    const rev = old.rev + 1;
    this.#replace(room, old, { ...old, kind: "del", t: "", rev, reactions: {} });
    this.#outbox?.add(room, { mid, rev, kind: "del" });
  }

  /**
   * @param {string} room
   * @param {string} mid
   * @param {string} emoji
   * @param {boolean} on
   */
  async react(room, mid, emoji, on) {
    const old = this.#find(room, mid);
    const mine = old?.mine?.[emoji];
    if (!old || on === Boolean(mine)) return;
    if (mine) {
      this.#undo.keepReaction(mine, { mid, emoji });
      this.#update(room, mid, (message) => withoutReaction(message, emoji, this.#me));
      this.#outbox?.add(room, { mid: mine, rev: 1, kind: "del" });
    } else {
      const reaction = newMid();
      this.#update(room, mid, (message) => withReaction(message, emoji, this.#me, reaction));
      this.#outbox?.add(room, { mid: reaction, rev: 0, kind: "react", ref: mid, e: emoji });
    }
  }

  /**
   * Sends a refused message again.
   *
   * @param {string} room
   * @param {string} mid
   */
  async retry(room, mid) {
    this.#update(room, mid, ({ error: _, ...message }) => ({ ...message, status: "pending" }));
    this.#outbox?.retry(mid);
  }

  /**
   * Forgets a refused message.
   *
   * @param {string} room
   * @param {string} mid
   */
  async discard(room, mid) {
    this.#outbox?.discard(mid);
    const timeline = this.#store.state.timelines.get(room);
    if (!timeline) return;
    const messages = timeline.messages.filter((message) => message.mid !== mid);
    this.#store.update(withTimeline(this.#store.state, room, { ...timeline, messages }));
  }

  /** @param {string} room */
  sendTyping(room) {
    this.#socket.send("typing", { room });
  }

  /** Shows what waits in the outbox for a room that was opened. @param {string} room */
  showWaiting(room) {
    for (const entry of this.#outbox?.entries() ?? []) if (entry.room === room) this.#show(entry);
  }

  /**
   * The server has answered an entry of the outbox.
   *
   * @param {Entry} entry
   * @param {Answer | null} answer
   * @param {Entry["error"] | null} error
   */
  #answered({ room, msg }, answer, error) {
    if (error && !isNew(msg)) this.#outbox?.discard(msg.mid);
    void this.#ingest.ingest(room, [], () => {
      if (error) this.#refused(room, msg, error);
      else if (answer && isNew(msg)) this.#confirmed(room, msg.mid, answer);
      if (!this.#outbox?.entries().some((entry) => entry.msg.mid === msg.mid)) this.#undo.forget(msg.mid);
    });
  }

  /**
   * A new message is in its room. All other changes are confirmed by the event that shows them to everybody.
   *
   * @param {string} room
   * @param {string} mid
   * @param {Answer} answer
   */
  #confirmed(room, mid, { seq, at }) {
    this.#update(room, mid, (message) => ({
      ...message,
      status: "sent",
      seq: Math.max(message.seq, seq),
      createdSeq: message.createdSeq || seq,
      at: message.createdSeq ? message.at : (at ?? message.at),
    }));
    const known = this.#store.state.rooms.get(room);
    if (known) this.#store.update(withRoom(this.#store.state, { ...known, seq: Math.max(known.seq, seq) }));
  }

  /**
   * @param {string} room
   * @param {Entry["msg"]} msg
   * @param {NonNullable<Entry["error"]>} error
   */
  #refused(room, msg, error) {
    if (isNew(msg)) {
      return this.#update(room, msg.mid, (message) => ({ ...message, status: "failed", error }));
    }
    const { mid, undo } = this.#undo.of(msg, this.#me);
    this.#update(room, mid, undo);
  }

  /**
   * Shows an edit or a deletion.
   *
   * @param {string} room
   * @param {Message} old
   * @param {Message} next
   */
  #replace(room, old, next) {
    this.#undo.keepOriginal(old);
    this.#update(room, old.mid, () => next);
  }

  /**
   * Shows a message that waits in the outbox.
   *
   * @param {Entry} entry
   */
  #show({ room, at, msg, error }) {
    const { state } = this.#store;
    const timeline = state.timelines.get(room);
    if (!timeline || !isNew(msg) || this.#find(room, msg.mid)) return;
    /** @type {Message} */
    const message = {
      ...messageFromWire({ seq: 0, at, msg: { ...msg, by: this.#me } }, this.#me),
      status: error ? "failed" : "pending",
      ...(error ? { error } : {}),
    };
    this.#store.update(withTimeline(state, room, { ...timeline, messages: merge(timeline.messages, [message]) }));
  }

  /**
   * @param {string} room
   * @param {string} mid
   * @param {(message: Message) => Message} how
   */
  #update(room, mid, how) {
    const { state } = this.#store;
    const timeline = state.timelines.get(room);
    if (!timeline) return;
    const messages = merge(change(timeline.messages, mid, how), []);
    this.#store.update(withTimeline(state, room, { ...timeline, messages }));
  }

  /**
   * @param {string} room
   * @param {string} mid
   */
  #find(room, mid) {
    return this.#store.state.timelines.get(room)?.messages.find((message) => message.mid === mid);
  }
}

/** A message of its own, not a change of one. @param {Entry["msg"]} msg */
function isNew({ kind, rev }) {
  return kind === "msg" && rev === 0;
}

/** A name for a message: random bytes of its author. */
function newMid() {
  return toBase64Url(randomBytes(MID_BYTES));
}
