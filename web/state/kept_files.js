/**
 * The bytes of files that wait to be sent: kept in this browser, so that a reload loses none, and shown as they are
 * until the server has them. What this browser cannot or may not keep is held by this page alone.
 */
import { deleteDatabases, FILE_STORES, openDatabase } from "../platform/database.js";
import { mayBePicture, measurePicture } from "../platform/pictures.js";

/** Every such database is named so, followed by the uid. */
const NAME = "impulse-files-";
const STORE = "files";
/** Bytes that are kept on the disk of this browser. */
const KEPT_MAX = 512 * 1024 * 1024;
/** Pictures of mine that are shown from here after they were sent. */
const SHOWN_MAX = 60;

/** @typedef {import("../platform/database.js").Database} Database */

export class KeptFiles {
  #opening;
  /** By key. @type {Map<string, Blob>} */
  #blobs = new Map();
  /** Addresses of pictures, by key, and by id once they are sent. @type {Map<string, string>} */
  #addresses = new Map();
  #kept = 0;

  /**
   * @param {string} uid
   * @param {typeof openDatabase} [open]
   */
  constructor(uid, open = openDatabase) {
    this.#opening = open(NAME + uid, FILE_STORES);
  }

  /**
   * Reads what was kept before the page was loaded, and lets go of what nobody needs any more.
   *
   * @param {(key: string) => boolean} isNeeded
   */
  async load(isNeeded) {
    const database = await this.#opening;
    for (const { key, value } of await database.getAll(STORE)) {
      if (value instanceof Blob && isNeeded(key)) this.#take(key, value);
      else void database.remove(STORE, key);
    }
  }

  /** @param {string} key @param {Blob} blob */
  #take(key, blob) {
    if (!this.#blobs.has(key)) this.#kept += blob.size;
    this.#blobs.set(key, blob);
  }

  /**
   * Takes a file in.
   *
   * @param {string} key
   * @param {Blob} file
   * @returns {Promise<boolean>} whether a reload will find it
   */
  async add(key, file) {
    this.#take(key, file);
    if (this.#kept > KEPT_MAX) return false;
    const database = await this.#opening;
    const isKept = await database.put(STORE, key, file);
    if (!this.#blobs.has(key)) void database.remove(STORE, key);
    // The person may change or move the file that was chosen; the copy stays as it is.
    else if (isKept) this.#blobs.set(key, (await database.get(STORE, key)) ?? file);
    return isKept;
  }

  /** The bytes, if they are here. @param {string} key */
  get(key) {
    return this.#blobs.get(key);
  }

  /** The same, also what another tab has kept. @param {string} key @returns {Promise<Blob | undefined>} */
  async find(key) {
    const here = this.#blobs.get(key);
    if (here) return here;
    const found = await (await this.#opening).get(STORE, key);
    if (found instanceof Blob) this.#take(key, found);
    return this.#blobs.get(key);
  }

  /**
   * Where a picture is shown from, if its bytes are here.
   *
   * @param {{ id: string, key?: string, type: string, size: number }} file
   * @returns {string | null}
   */
  address(file) {
    const known = (file.key && this.#addresses.get(file.key)) || (file.id && this.#addresses.get(file.id));
    if (known) return known;
    const blob = file.key && mayBePicture(file) ? this.#blobs.get(file.key) : undefined;
    if (!blob || !file.key) return null;
    const address = URL.createObjectURL(blob);
    this.#addresses.set(file.key, address);
    return address;
  }

  /** @param {{ key: string, id: string, type: string, size: number }} file */
  async measure(file) {
    const address = this.address(file);
    return address ? measurePicture(address) : null;
  }

  /** A file is sent: its bytes go, and a picture is still shown from here. @param {string} key @param {string} id */
  sent(key, id) {
    const address = this.#addresses.get(key);
    if (address && id) this.#addresses.set(id, address);
    this.#drop(key);
    const over = new Set([...this.#addresses.values()]).size - SHOWN_MAX;
    for (const each of [...new Set(this.#addresses.values())].slice(0, Math.max(0, over))) this.#revoke(each);
  }

  /** Nobody needs a file any more. @param {string} key */
  forget(key) {
    const address = this.#addresses.get(key);
    if (address) this.#revoke(address);
    this.#drop(key);
  }

  /** @param {string} key */
  #drop(key) {
    this.#kept -= this.#blobs.get(key)?.size ?? 0;
    this.#blobs.delete(key);
    void this.#opening.then((database) => database.remove(STORE, key));
  }

  /** @param {string} address */
  #revoke(address) {
    URL.revokeObjectURL(address);
    for (const [key, each] of this.#addresses) if (each === address) this.#addresses.delete(key);
  }

  close() {
    for (const address of new Set(this.#addresses.values())) URL.revokeObjectURL(address);
    this.#addresses.clear();
    this.#blobs.clear();
    void this.#opening.then((database) => database.close());
  }
}

/** Removes what was kept of everybody, but for one. @param {string} [uid] */
export function forgetKeptFiles(uid) {
  void deleteDatabases(NAME, uid === undefined ? undefined : NAME + uid);
}
