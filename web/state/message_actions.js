/**
 * Writing: send, edit, delete, react. Each is shown at once and kept in the outbox until the server has answered. A
 * message that is refused stays as failed, to be sent again or discarded by hand; an edit, a deletion or a reaction
 * that is refused is taken back, and the text of an edit is set aside to be used again. What is written in encrypted
 * rooms waits in an outbox of its own, which keeps nothing in clear.
 */
import { randomBytes, toBase64Url } from "../crypto/encoding.js";
import { clock } from "./clock.js";
import { withoutReaction, withReaction } from "./messages.js";
import { Outbox } from "./outbox.js";
import { isNew, Preview } from "./preview.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("../net/socket.js").Answer} Answer */
/** @typedef {NonNullable<Entry["error"]>} Failure */
/** @typedef {import("./types.js").FileInfo} FileInfo */
/** @typedef {import("./files.js").Files} Files */
/**
 * The files of messages, where there are any.
 *
 * @typedef {Pick<Files, "onChange" | "readiness" | "toWire" | "sent" | "discard" | "retry" | "renew">} MessageFiles
 */
/** What was not sent, or taken back. @typedef {{ kind: Kind, room: string, error: Failure }} Refusal */
/** @typedef {"message" | "reaction" | "deletion"} Kind */
/**
 * How entries of encrypted rooms are kept and sent.
 *
 * @typedef {{ shelf: import("./outbox.js").Shelf, send: (entry: Entry) => Promise<Answer> }} Sealing
 */

const MID_BYTES = 16;
/** People whom one message mentions. */
const MENTIONS_MAX = 50;
/** Refusals of a message that say that its files are to be sent once more. */
const GONE = new Set(["file_gone", "file_incomplete"]);
/** Refusals of a reaction that say that it is so already: what the server sends shows it. */
const ALREADY_SO = new Set(["conflict", "rev_conflict"]);

/** Where no files are sent. @type {MessageFiles} */
const NO_FILES = {
  onChange: () => {},
  readiness: () => "ready",
  toWire: (msg) => msg,
  sent: () => {},
  discard: () => {},
  retry: () => {},
  renew: () => false,
};

export class MessageActions {
  #store;
  #files;
  #socket;
  #ingest;
  /** @type {Outbox | null} */
  #outbox = null;
  /** That of encrypted rooms, once my keys are open. @type {Outbox | null} */
  #sealed = null;
  #isEncrypted;
  /** Who waits for my keys to open. @type {(() => void)[]} */
  #waitForKeys = [];
  #isOnline = false;
  #preview;
  /** @type {(refusal: Refusal) => void} */
  #tell = () => {};

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {Pick<import("../net/socket.js").Socket, "command" | "send">} parts.socket
   * @param {import("./ingest.js").Ingest} parts.ingest
   * @param {MessageFiles} [parts.files]
   * @param {(room: string) => boolean} [parts.isEncrypted]
   */
  constructor({ store, socket, ingest, files = NO_FILES, isEncrypted = () => false }) {
    this.#store = store;
    this.#files = files;
    files.onChange(() => this.#outbox?.filesChanged());
    this.#isEncrypted = isEncrypted;
    this.#socket = socket;
    this.#ingest = ingest;
    this.#preview = new Preview(store);
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
    this.#outbox = new Outbox(uid, {
      send: (entry) => this.#send(entry),
      readiness: (msg) => this.#files.readiness(msg),
      ...this.#calls(),
    });
    this.#showSetAside();
  }

  /** @param {Entry} entry @returns {Promise<Answer>} */
  async #send({ room, msg }) {
    try {
      return await this.#socket.command("msg.send", { room, msg: this.#files.toWire(msg) });
    } catch (error) {
      // The server keeps files that no message has for a day.
      const isGone = GONE.has(/** @type {Failure} */ (error).code ?? "");
      throw isGone && this.#files.renew(msg) ? { code: "waiting" } : error;
    }
  }

  /**
   * My keys are open: what I wrote in encrypted rooms is sent, too.
   *
   * @param {Sealing} sealing
   */
  startSealed({ shelf, send }) {
    this.stopSealed();
    this.#sealed = new Outbox(this.#me, { send, ...this.#calls() }, shelf);
    this.#showSetAside();
    for (const [room, timeline] of this.#store.state.timelines) if (!timeline.moreAfter) this.showWaiting(room);
    if (this.#isOnline) this.#sealed.flush();
    for (const go of this.#waitForKeys.splice(0)) go();
  }

  /**
   * Until something can be written in a room: null if it can be now. After a reload my keys open only once the page
   * has long been usable.
   *
   * @param {string} room
   * @returns {Promise<void> | null}
   */
  opening(room) {
    if (!this.#isEncrypted(room) || this.#sealed) return null;
    return new Promise((go) => void this.#waitForKeys.push(go));
  }

  /** My keys are not here any more. What waits stays where it is kept. */
  stopSealed() {
    this.#sealed?.close();
    this.#sealed = null;
  }

  /** What entries of encrypted rooms waited for may be so now. */
  wakeSealed() {
    this.#sealed?.wake();
  }

  /** What waits in encrypted rooms, the oldest first. */
  sealedEntries() {
    return this.#sealed?.entries() ?? [];
  }

  #calls() {
    return {
      done: (/** @type {Entry} */ entry, /** @type {Answer} */ answer, /** @type {Entry["error"] | null} */ error) =>
        this.#answered(entry, answer, error),
      shared: (/** @type {string} */ mid, /** @type {Entry | null} */ entry) => this.#shared(mid, entry),
    };
  }

  stop() {
    this.#outbox?.close();
    this.#outbox = null;
    this.stopSealed();
    this.#isOnline = false;
    this.#preview.undo.clear();
  }

  /** A new epoch has begun: what waits is sent, and nothing is taken back to a state of the last one. */
  restart() {
    this.#preview.undo.restart();
  }

  /** After a connect. */
  flush() {
    this.#isOnline = true;
    this.#outbox?.flush();
    this.#sealed?.flush();
  }

  lineLost() {
    this.#isOnline = false;
    this.#outbox?.lineLost();
    this.#sealed?.lineLost();
  }

  /** The server could not read something that I sent, and does not say what. */
  unrelated() {
    this.#outbox?.unrelated();
    this.#sealed?.unrelated();
  }

  /** What waits, in plain and in encrypted rooms. @returns {Entry[]} */
  #waiting() {
    return [...(this.#outbox?.entries() ?? []), ...this.sealedEntries()];
  }

  /**
   * Keeps an entry, which is sent then. Without my keys nothing is taken for an encrypted room.
   *
   * @param {string} room
   * @param {Entry["msg"]} msg
   */
  #add(room, msg) {
    const outbox = this.#isEncrypted(room) ? this.#sealed : this.#outbox;
    if (!outbox && this.#outbox) throw { code: "locked" };
    const entry = outbox?.add(room, msg);
    return { entry, written: outbox?.written() };
  }

  /** Forgets all entries of a message. @param {string} mid */
  #discard(mid) {
    for (const { msg } of this.#outbox?.entries() ?? []) if (msg.mid === mid) this.#files.discard(msg);
    this.#outbox?.discard(mid);
    this.#sealed?.discard(mid);
  }

  /**
   * Calls back when the server has refused for good what was shown already.
   *
   * @param {(refusal: Refusal) => void} refused
   */
  watchRefusals(refused) {
    this.#tell = refused;
  }

  /**
   * @param {string} room
   * @param {{ text: string, re?: string, mentions: string[], files?: FileInfo[] }} draft
   */
  async send(room, { text, re, mentions, files = [] }) {
    const about = { ...(re ? { re } : {}), ...(mentions.length ? { m: mentions.slice(0, MENTIONS_MAX) } : {}) };
    const msg = { mid: newMid(), rev: 0, kind: "msg", t: wellFormed(text), ...about, ...withFiles(files) };
    const { entry, written } = this.#add(room, msg);
    if (written) await written;
    if (entry) this.#preview.show(entry);
  }

  /**
   * Sends a text again as another message: the server has one of the same name that is not this one.
   *
   * @param {string} room
   * @param {string} mid
   */
  async sendAsNew(room, mid) {
    const old = this.#waiting().find(({ msg }) => msg.mid === mid && isNew(msg))?.msg;
    if (!old) return;
    await this.discard(room, mid);
    await this.send(room, { text: old["t"], mentions: old["m"] ?? [], ...(old["re"] ? { re: old["re"] } : {}) });
  }

  /**
   * @param {string} room
   * @param {Message} message  as it was shown; by now the list may show another part of the room
   * @param {string} text
   * @param {string[]} mentions
   * @param {FileInfo[]} [files]  with other words about pictures; without them all stays as it is
   */
  async edit(room, message, text, mentions, files) {
    const { mid } = message;
    const old = this.#preview.find(room, mid) ?? message;
    const rev = this.#nextRev(old);
    const t = wellFormed(text);
    const { m: _, ...rest } = old;
    const mentioned = mentions.length ? { m: mentions.slice(0, MENTIONS_MAX) } : {};
    const change = { mid, rev, kind: "msg", t, ...(old.re ? { re: old.re } : {}), ...mentioned };
    this.#add(room, { ...change, ...(files ? withFiles(files) : {}) });
    const shown = { ...rest, ...mentioned, ...(files ? { files } : {}) };
    this.#preview.replace(room, old, { ...shown, t, rev, edited: clock.now() });
  }

  /**
   * @param {string} room
   * @param {Message} message  as it was shown
   */
  async remove(room, message) {
    const { mid } = message;
    const old = this.#preview.find(room, mid) ?? message;
    const rev = this.#nextRev(old);
    this.#add(room, { mid, rev, kind: "del" });
    this.#preview.replace(room, old, { ...old, kind: "del", t: "", rev, reactions: {} });
  }

  /**
   * @param {string} room
   * @param {Message} message  as it was shown
   * @param {string} emoji
   * @param {boolean} on
   */
  async react(room, message, emoji, on) {
    const { mid } = message;
    const old = this.#preview.find(room, mid) ?? message;
    const mine = old.mine?.[emoji];
    if (on === Boolean(mine)) return;
    if (mine) {
      this.#preview.undo.keepReaction(mine, { mid, emoji, seq: old.seq });
      this.#add(room, { mid: mine, rev: 1, kind: "del" });
      this.#preview.update(room, mid, (message) => withoutReaction(message, emoji, this.#me));
    } else {
      const reaction = newMid();
      this.#add(room, { mid: reaction, rev: 0, kind: "react", ref: mid, e: emoji });
      this.#preview.update(room, mid, (message) => withReaction(message, emoji, this.#me, reaction));
    }
  }

  /** The number of a next change: those that wait are counted, which the list may not show. @param {Message} old */
  #nextRev({ mid, rev }) {
    const waiting = this.#waiting().filter(({ msg, error }) => msg.mid === mid && !error);
    return 1 + Math.max(rev, ...waiting.map(({ msg }) => msg.rev));
  }

  /**
   * Sends a refused message again.
   *
   * @param {string} room
   * @param {string} mid
   */
  async retry(room, mid) {
    this.#preview.update(room, mid, ({ error: _, ...message }) => ({ ...message, status: "pending" }));
    for (const { msg } of this.#outbox?.entries() ?? []) if (msg.mid === mid) this.#files.retry(msg);
    this.#outbox?.retry(mid);
    this.#sealed?.retry(mid);
  }

  /**
   * Forgets a refused message.
   *
   * @param {string} room
   * @param {string} mid
   */
  async discard(room, mid) {
    this.#discard(mid);
    this.#showSetAside();
    this.#preview.hide(room, mid);
  }

  /** Forgets a text that was set aside; the message that it was to change stays. @param {string} mid */
  forgetSetAside(mid) {
    this.#discard(mid);
    this.#showSetAside();
  }

  /** @param {string} room */
  sendTyping(room) {
    this.#socket.send("typing", { room });
  }

  /** Shows what waits in the outbox for a room that was opened. @param {string} room */
  showWaiting(room) {
    for (const entry of this.#waiting()) {
      if (entry.room !== room) continue;
      this.#preview.show(entry);
      if (!entry.error) this.#preview.showChange(entry);
    }
  }

  /**
   * Another tab has written, refused or finished an entry.
   *
   * @param {string} mid
   * @param {Entry | null} entry  null if it is finished: then an event shows what the server has
   */
  #shared(mid, entry) {
    this.#showSetAside();
    if (entry?.error && !isNew(entry.msg)) this.#preview.takeBack(entry);
    else if (entry) this.#preview.show(entry);
    else this.#preview.hideFailed(mid);
  }

  /** Tells the state which texts were refused for good. */
  #showSetAside() {
    const setAside = this.#waiting().filter(({ error, msg }) => error && msg.kind === "msg");
    if (setAside.length || this.#store.state.setAside.length) this.#store.update({ setAside });
  }

  /**
   * The server has answered an entry of the outbox. That says nothing about what others wrote before: as all other
   * changes, a new message gets its place with the event that shows it to everybody.
   *
   * @param {Entry} entry
   * @param {Answer | null} answer
   * @param {Entry["error"] | null} error
   */
  #answered({ room, msg }, answer, error) {
    if (!error) this.#files.sent(msg);
    if (error && !isNew(msg)) this.#dropChanges(msg.mid, error);
    if (error) this.#showSetAside();
    void this.#ingest.ingest(room, [], () => {
      if (error) this.#refused(room, msg, error);
      else if (answer && isNew(msg)) this.#preview.confirm(room, msg.mid, answer.seq);
      const isWaiting = (/** @type {Entry} */ each) => each.msg.mid === msg.mid && !each.error;
      if (!this.#waiting().some(isWaiting)) this.#preview.undo.forget(msg.mid);
    });
  }

  /**
   * A change of a message was refused. Those that came after it were made to a text that is not there, so all go, and
   * the newest text is set aside.
   *
   * @param {string} mid
   * @param {Failure} error
   */
  #dropChanges(mid, error) {
    for (const outbox of [this.#outbox, this.#sealed]) {
      const last = outbox?.entries().findLast((entry) => entry.msg.mid === mid);
      outbox?.discard(mid);
      if (last?.msg.kind === "msg") outbox?.setAside({ ...last, error });
    }
  }

  /**
   * @param {string} room
   * @param {Entry["msg"]} msg
   * @param {Failure} error
   */
  #refused(room, msg, error) {
    if (isNew(msg)) {
      this.#preview.update(room, msg.mid, (message) => ({ ...message, status: "failed", error }));
      return this.#tell({ kind: "message", room, error });
    }
    this.#preview.takeBack({ room, msg });
    const kind = msg.kind === "msg" ? null : this.#preview.undo.isReaction(msg) ? "reaction" : "deletion";
    const isDeleted = this.#preview.find(room, msg.mid)?.kind === "del";
    const isSo = kind === "reaction" ? ALREADY_SO.has(error.code ?? "") : isDeleted;
    if (kind && !isSo) this.#tell({ kind, room, error });
  }
}

/** A name for a message: random bytes of its author. */
function newMid() {
  return toBase64Url(randomBytes(MID_BYTES));
}

/** @param {FileInfo[]} files */
function withFiles(files) {
  return files.length ? { f: files } : {};
}

/** Half a character, which scripts and some keyboards leave behind, cannot be sent. @param {string} text */
function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
