/**
 * Files that I send: attached to the next message of a room, on their way to the server, and in messages that wait in
 * the outbox. What is attached is kept in this browser as drafts are, is the same in all its tabs, and begins its way
 * at once, so that sending has little left to wait for.
 */
import * as fileCalls from "../calls/files.js";
import { randomBytes, toBase64Url } from "../crypto/encoding.js";
import { keep, keysOf, recall, watchKeptUnder } from "../platform/storage.js";
import { forgetKeptFiles, KeptFiles } from "./kept_files.js";
import { Uploads } from "./uploads.js";

/** @typedef {import("./types.js").FileInfo} FileInfo */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./outbox.js").Entry} Entry */
/** A file that was not taken, and why. @typedef {{ name: string, size: number, error: Failure }} Refused */

const KEY_BYTES = 12;
/** Files of one message, where the server names no other number. */
const FILES_MAX = 10;
/** Files of one browser that wait to be sent. */
const WAITING_MAX = 100;

export class Files {
  #store;
  #isEncrypted;
  #calls;
  #open;
  #changed = () => {};
  /** The phases of all files when that was called last. */
  #phases = "";
  /** @type {KeptFiles | null} */
  #kept = null;
  /** @type {Uploads | null} */
  #uploads = null;
  #unwatch = () => {};
  /** My rooms when they were looked at last; null until all are known. @type {Map<string, unknown> | null} */
  #rooms = null;

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {(room: string) => boolean} parts.isEncrypted
   * @param {import("./uploads.js").Calls} [parts.calls]
   * @param {ConstructorParameters<typeof KeptFiles>[1]} [parts.open]
   */
  constructor({ store, isEncrypted, calls = fileCalls, open }) {
    this.#store = store;
    this.#isEncrypted = isEncrypted;
    this.#calls = calls;
    this.#open = open;
  }

  /** Calls back when a file is with the server, or failed. @param {() => void} changed */
  onChange(changed) {
    this.#changed = changed;
  }

  /** After signing in. @param {string} uid */
  start(uid) {
    forgetKeptFiles(uid);
    const prefix = prefixOf(uid);
    const kept = new KeptFiles(uid, this.#open);
    const uploads = new Uploads(uid, {
      kept,
      calls: this.#calls,
      changed: () => this.#show(),
      isWanted: (key) => !this.#isHeld(key),
    });
    this.#kept = kept;
    this.#uploads = uploads;
    this.#store.state.attached = new Map(
      keysOf(prefix).map((name) => [name.slice(prefix.length), attachedFrom(recall(name))]),
    );
    const unwatch = watchKeptUnder(prefix, (name, files) => {
      this.#replace(name.slice(prefix.length), attachedFrom(files));
      this.#store.notifyLater();
    });
    const unsubscribe = this.#store.subscribe(() => this.#followRooms());
    this.#unwatch = () => {
      unwatch();
      unsubscribe();
    };
    const isNeeded = (/** @type {string} */ key) => isReferredTo(uid, key);
    void kept.load(isNeeded).then(() => uploads.loaded(isNeeded));
    this.#show();
  }

  stop() {
    this.#unwatch();
    this.#uploads?.close();
    this.#kept?.close();
    this.#uploads = this.#kept = this.#rooms = null;
  }

  /** Nobody is signed in any more: the files leave this browser. */
  forget() {
    forgetKeptFiles();
  }

  flush() {
    this.#uploads?.flush();
  }

  lineLost() {
    this.#uploads?.lineLost();
  }

  #show() {
    const { state } = this.#store;
    const uploads = this.#uploads?.shown() ?? new Map();
    if (uploads.size || state.uploads.size) this.#store.update({ uploads });
    const phases = [...uploads].map(([key, { phase }]) => `${key} ${phase}`).join();
    if (phases === this.#phases) return;
    this.#phases = phases;
    this.#changed();
  }

  // What is attached to the next message of a room.

  /**
   * Attaches files, as far as they can be sent, in their order.
   *
   * @param {string} room
   * @param {File[]} files
   * @returns {Refused[]}
   */
  add(room, files) {
    /** @type {Refused[]} */
    const refused = [];
    for (const file of files) {
      const error = this.#refusal(room, file);
      if (error) refused.push({ name: file.name, size: file.size, error });
      else this.#attach(room, file);
    }
    this.#store.notifyLater();
    return refused;
  }

  /** @param {string} room @param {File} file @returns {Failure | null} */
  #refusal(room, { size }) {
    const most = this.#store.state.info?.limits?.["fileSize"] ?? Infinity;
    if (this.#isEncrypted(room)) return { code: "files_encrypted_room" };
    if (size > most) return { code: "too_large", detail: { max: most } };
    if (this.#attachedTo(room).length >= this.most) return { code: "files_many" };
    return (this.#uploads?.count ?? WAITING_MAX) >= WAITING_MAX ? { code: "files_waiting" } : null;
  }

  /** Files that one message may have. */
  get most() {
    return this.#store.state.info?.limits?.["files"] ?? FILES_MAX;
  }

  /** @param {string} room @param {File} file */
  #attach(room, file) {
    const [kept, uploads] = [this.#kept, this.#uploads];
    if (!kept || !uploads) return;
    const key = toBase64Url(randomBytes(KEY_BYTES));
    const { name, type, size } = file;
    const added = { id: "", key, name, type, size };
    void kept.add(key, file);
    uploads.add(key, { name, type, size });
    this.#keep(room, [...this.#attachedTo(room), added]);
    void kept.measure(added).then((measured) => {
      if (!measured) return;
      this.#change(room, key, (each) => ({ ...each, ...measured }));
      this.#store.notifyLater();
    });
  }

  /**
   * What is attached in a room that I am not in any more is sent no further: I may be in it again in a moment. If I am
   * not after a reload either, it goes.
   */
  #followRooms() {
    const { rooms, loadingRooms, namedRooms, attached } = this.#store.state;
    if (loadingRooms || namedRooms !== null || rooms === this.#rooms) return;
    const isFirst = this.#rooms === null;
    this.#rooms = rooms;
    if (isFirst)
      for (const [room, files] of attached)
        if (!rooms.has(room)) for (const { key = "" } of files) this.remove(room, key);
    this.#uploads?.wantedChanged();
  }

  /** Whether a file is attached in a room that I am not in. @param {string} key */
  #isHeld(key) {
    const rooms = this.#rooms;
    if (!rooms) return false;
    const { attached } = this.#store.state;
    return [...attached].some(([room, files]) => !rooms.has(room) && files.some((file) => file.key === key));
  }

  /** @param {string} room @param {string} key */
  remove(room, key) {
    this.#keep(
      room,
      this.#attachedTo(room).filter((file) => file.key !== key),
    );
    this.#uploads?.remove(key);
    this.#store.notifyLater();
  }

  /** What is to be seen in a picture. @param {string} room @param {string} key @param {string} alt */
  describe(room, key, alt) {
    this.#change(room, key, ({ alt: _, ...file }) => ({ ...file, ...(alt.trim() ? { alt: alt.trim() } : {}) }));
  }

  /** Sends a file that was refused again. @param {string} key */
  again(key) {
    this.#uploads?.again(key);
  }

  /** Whether a picture keeps where and with what it was taken. @param {string} key @param {boolean} isWished */
  keepMetadata(key, isWished) {
    this.#uploads?.wishMetadata(key, isWished);
    this.#store.notifyLater();
  }

  /** @param {string} key */
  keepsMetadata(key) {
    return this.#uploads?.keepsMetadata(key) ?? false;
  }

  /** What is attached goes with a message, and is attached no more. @param {string} room @returns {FileInfo[]} */
  take(room) {
    const files = this.#attachedTo(room);
    if (files.length) this.#keep(room, []);
    return files;
  }

  /**
   * Where a picture is shown from until, and while, this browser has its bytes.
   *
   * @param {FileInfo} file
   */
  preview(file) {
    return this.#kept?.address(file) ?? null;
  }

  /** @param {string} room */
  #attachedTo(room) {
    return this.#store.state.attached.get(room) ?? [];
  }

  /** @param {string} room @param {string} key @param {(file: FileInfo) => FileInfo} how */
  #change(room, key, how) {
    const files = this.#attachedTo(room);
    if (!files.some((file) => file.key === key)) return;
    this.#keep(
      room,
      files.map((file) => (file.key === key ? how(file) : file)),
    );
  }

  /** @param {string} room @param {FileInfo[]} files */
  #keep(room, files) {
    const { me } = this.#store.state;
    this.#replace(room, files);
    if (me) keep(prefixOf(me.uid) + room, files.length ? files : null);
  }

  /** @param {string} room @param {FileInfo[]} files */
  #replace(room, files) {
    const { state } = this.#store;
    state.attached = new Map(state.attached);
    if (files.length) state.attached.set(room, files);
    else state.attached.delete(room);
  }

  // What waits in the outbox.

  /**
   * Whether the files of a message are with the server.
   *
   * @param {Entry["msg"]} msg
   * @returns {"ready" | "waiting" | Failure}
   */
  readiness(msg) {
    const states = keysIn(msg).map((key) => this.#uploads?.stateOf(key) ?? "waiting");
    return states.find((state) => typeof state === "object") ?? (states.includes("waiting") ? "waiting" : "ready");
  }

  /** A message as the server takes it. @param {Entry["msg"]} msg @returns {Entry["msg"]} */
  toWire(msg) {
    if (!msg["f"]) return msg;
    const files = /** @type {FileInfo[]} */ (msg["f"]);
    return {
      ...msg,
      f: files.map(({ id, key, alt }) => ({ id: key ? this.#uploads?.idOf(key) : id, ...(alt ? { alt } : {}) })),
    };
  }

  /** A message is with the server. @param {Entry["msg"]} msg */
  sent(msg) {
    for (const key of keysIn(msg)) this.#uploads?.sent(key);
  }

  /** A message is not to be sent. @param {Entry["msg"]} msg */
  discard(msg) {
    for (const key of keysIn(msg)) this.#uploads?.remove(key);
  }

  /** A message that was refused is to be sent again. @param {Entry["msg"]} msg */
  retry(msg) {
    for (const key of keysIn(msg)) this.#uploads?.again(key);
  }

  /**
   * The server has files of a message no more: they are sent anew.
   *
   * @param {Entry["msg"]} msg
   * @returns {boolean} false if that leads nowhere
   */
  renew(msg) {
    const keys = keysIn(msg);
    return keys.length > 0 && keys.every((key) => this.#uploads?.renew(key));
  }
}

/**
 * Whether a draft or a message that waits has a file, whichever tab has written it.
 *
 * @param {string} uid
 * @param {string} key
 */
function isReferredTo(uid, key) {
  const waiting = keysOf(`outbox.${uid}.`).map((name) => /** @type {any} */ (recall(name))?.msg?.f);
  const attached = keysOf(prefixOf(uid)).map((name) => recall(name));
  return [...waiting, ...attached].some((files) => Array.isArray(files) && files.some((file) => file?.key === key));
}

/** The files of a message that this browser has. @param {Entry["msg"]} msg @returns {string[]} */
function keysIn(msg) {
  const files = Array.isArray(msg["f"]) ? msg["f"] : [];
  return files.flatMap(({ key }) => (key ? [String(key)] : []));
}

/** What is kept as attached, whoever wrote it. @param {unknown} kept @returns {FileInfo[]} */
function attachedFrom(kept) {
  return Array.isArray(kept)
    ? kept.filter((file) => typeof file?.key === "string" && typeof file.name === "string")
    : [];
}

/** @param {string} uid */
function prefixOf(uid) {
  return `attached.${uid}.`;
}
