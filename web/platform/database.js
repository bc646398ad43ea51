/**
 * What this browser keeps in IndexedDB, by store and key. Keys are texts, numbers, and lists of them; values are
 * anything that can be cloned, keys of WebCrypto included. Where nothing can be kept (a private window, a forbidden or
 * full storage) the same is held in memory until the page goes, so who reads and writes need not ask.
 */

export const STORES = /** @type {const} */ (["keys", "meta", "dir", "rooms", "epochs", "cache", "outbox", "drafts"]);
/** Those of a database for files that wait to be sent. */
export const FILE_STORES = /** @type {const} */ (["files"]);
const VERSION = 1;
/** A database that does not answer by then is done without: some private windows never answer. */
const OPEN_MS = 5000;

/** @typedef {typeof STORES[number] | typeof FILE_STORES[number]} StoreName */
/** @typedef {string | number | (string | number)[]} Key */
/** @typedef {{ key: any, value: any }} Row */
/** A change of one record; `undefined` removes it. @typedef {{ store: StoreName, key: Key, value: unknown }} Change */
/**
 * Which records: `from` is in, `to` is not; `under` means all keys that are lists and begin so.
 *
 * @typedef {{ from?: Key, to?: Key, under?: (string | number)[], limit?: number, descending?: boolean }} Range
 */

/**
 * Never fails: without IndexedDB the database is in memory.
 *
 * @param {string} name
 * @param {readonly StoreName[]} [stores]
 * @returns {Promise<Database>}
 */
export async function openDatabase(name, stores = STORES) {
  return new Database(name, await open(name, stores).catch(() => null), stores);
}

/** Removes the databases whose names begin so, but for one. @param {string} start @param {string} [except] */
export async function deleteDatabases(start, except) {
  const known = (await globalThis.indexedDB?.databases?.().catch(() => [])) ?? [];
  for (const { name } of known) if (name?.startsWith(start) && name !== except) await removeDatabase(name);
}

/** @param {string} name */
function removeDatabase(name) {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.deleteDatabase(name);
      // Where another tab holds it open, it is gone as soon as that one lets go.
      request.onsuccess = request.onerror = request.onblocked = () => resolve(undefined);
    } catch {
      resolve(undefined);
    }
  });
}

/** @param {string} name @param {readonly StoreName[]} stores @returns {Promise<IDBDatabase | null>} */
function open(name, stores) {
  if (!globalThis.indexedDB) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no answer")), OPEN_MS);
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
      for (const store of stores)
        if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store);
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      clearTimeout(late);
      resolve(request.result);
    };
  });
}

export class Database {
  /** How far keys can be kept here (e2ee.md, 4.6): set by who has tried. @type {1 | 2 | 3} */
  level = 1;
  /** Told of writes that could not be kept. @type {(error: unknown) => void} */
  failed = () => {};
  /** Told when nothing is kept any more: the browser has taken the database away. */
  lost = () => {};
  #name;
  #disk;
  /** Stores that are in memory alone. @type {Set<StoreName>} */
  #inMemory = new Set();
  /** By store: records that are in memory, in the order of their keys. @type {Map<StoreName, Shelf>} */
  #shelves = new Map();
  #isOver = false;

  /**
   * @param {string} name
   * @param {IDBDatabase | null} disk
   * @param {readonly StoreName[]} [stores]
   */
  constructor(name, disk, stores = STORES) {
    this.#name = name;
    this.#disk = disk;
    if (!disk) this.keepInMemory(stores);
    else {
      // Another tab signs out, or a newer client changes the stores.
      disk.onversionchange = () => this.#loseDisk(null);
      disk.onclose = () => this.#loseDisk(null);
    }
  }

  /** Whether anything is kept when the page goes. */
  get isKept() {
    return this.#disk !== null;
  }

  /**
   * What is in these stores, and what is written from now on, is in memory alone.
   *
   * @param {readonly StoreName[]} stores
   */
  keepInMemory(stores) {
    for (const store of stores) this.#inMemory.add(store);
  }

  /**
   * @param {StoreName} store
   * @param {Key} key
   * @returns {Promise<any>} undefined if there is none
   */
  async get(store, key) {
    const held = this.#shelf(store).find(key);
    if (held || this.#isHeld(store)) return held?.value;
    return this.#read([store], (tx) => result(tx.objectStore(store).get(key)), undefined);
  }

  /**
   * @param {StoreName} store
   * @param {Range} [range]
   * @returns {Promise<Row[]>} in the order of the keys
   */
  async getAll(store, range = {}) {
    const shelf = this.#shelf(store);
    if (this.#isHeld(store)) return shelf.rows(range);
    const rows = await this.#read([store], (tx) => rowsOf(tx.objectStore(store), range), /** @type {Row[]} */ ([]));
    // A write that the disk refused is newer than what is there.
    return shelf.isEmpty ? rows : mergeRows(rows, shelf.rows({ ...range, limit: Infinity }), range);
  }

  /** @param {StoreName} store @param {Key} key @param {unknown} value @returns {Promise<boolean>} as of `write` */
  put(store, key, value) {
    return this.write([{ store, key, value }]);
  }

  /** @param {StoreName} store @param {(readonly [Key, unknown])[]} records @returns {Promise<boolean>} */
  putAll(store, records) {
    return this.write(records.map(([key, value]) => ({ store, key, value })));
  }

  /** @param {StoreName} store @param {Key} key @returns {Promise<boolean>} */
  remove(store, key) {
    return this.write([{ store, key, value: undefined }]);
  }

  /** @param {StoreName} store @param {Range} range @returns {Promise<void>} */
  async removeRange(store, range) {
    this.#shelf(store).removeRange(range);
    if (this.#isHeld(store)) return;
    await this.#change([store], (tx) => {
      const request = tx.objectStore(store).openCursor(keyRange(range));
      request.onsuccess = () => {
        request.result?.delete();
        request.result?.continue();
      };
    });
  }

  /** @param {StoreName} store @returns {Promise<void>} */
  clear(store) {
    return this.removeRange(store, {});
  }

  /**
   * All or nothing, over several stores.
   *
   * @param {Change[]} changes
   * @returns {Promise<boolean>} whether it is on the disk; else it is in memory
   */
  async write(changes) {
    if (this.#isOver || !changes.length) return false;
    const toDisk = changes.filter(({ store }) => !this.#isHeld(store));
    for (const change of changes) if (this.#isHeld(change.store)) this.#hold(change);
    if (!toDisk.length) return false;
    const stores = [...new Set(toDisk.map(({ store }) => store))];
    const isKept = await this.#change(stores, (tx) => {
      for (const { store, key, value } of toDisk) {
        if (value === undefined) tx.objectStore(store).delete(key);
        else tx.objectStore(store).put(value, key);
      }
    });
    for (const change of toDisk) {
      if (isKept) this.#shelf(change.store).forget(change.key);
      else this.#hold(change);
    }
    return isKept;
  }

  /**
   * Reads and writes one record, with no other change between; tabs share the records.
   *
   * @template T
   * @param {StoreName} store
   * @param {Key} key
   * @param {(old: any) => T} next  at once, not later; undefined removes
   * @returns {Promise<T>}
   */
  async change(store, key, next) {
    const held = this.#shelf(store).find(key);
    if (held || this.#isHeld(store)) {
      const value = next(held?.value);
      this.#hold({ store, key, value });
      return value;
    }
    /** @type {{ value: T } | null} */
    let made = null;
    const isKept = await this.#change([store], (tx) => {
      const request = tx.objectStore(store).get(key);
      request.onsuccess = () => {
        made = { value: next(request.result) };
        if (made.value === undefined) tx.objectStore(store).delete(key);
        else tx.objectStore(store).put(made.value, key);
      };
    });
    const { value } = made ?? { value: next(undefined) };
    if (!isKept) this.#hold({ store, key, value });
    return value;
  }

  /** How many records of a store go with the page. @param {StoreName} store */
  unkept(store) {
    return this.#shelf(store)
      .rows({ limit: Infinity })
      .filter(({ value }) => value !== undefined).length;
  }

  /** What is in memory goes with it. */
  close() {
    this.#isOver = true;
    this.#disk?.close();
    this.#loseDisk(null);
    this.#shelves.clear();
  }

  /** Closes it and removes everything. @returns {Promise<void>} */
  async delete() {
    const wasKept = this.#disk !== null;
    this.close();
    if (wasKept) await removeDatabase(this.#name);
  }

  /** @param {StoreName} store */
  #isHeld(store) {
    return !this.#disk || this.#inMemory.has(store);
  }

  /** @param {StoreName} store */
  #shelf(store) {
    let shelf = this.#shelves.get(store);
    if (!shelf) this.#shelves.set(store, (shelf = new Shelf()));
    return shelf;
  }

  /** @param {Change} change */
  #hold({ store, key, value }) {
    // Where the disk has an older value, a removal is remembered, too.
    if (value === undefined && this.#isHeld(store)) this.#shelf(store).forget(key);
    else this.#shelf(store).set(key, value);
  }

  /** @param {unknown} error */
  #loseDisk(error) {
    const disk = this.#disk;
    this.#disk = null;
    disk?.close();
    if (error) this.failed(error);
    if (disk && !this.#isOver) this.lost();
  }

  /**
   * @template T
   * @param {StoreName[]} stores
   * @param {(tx: IDBTransaction) => Promise<T>} read
   * @param {T} otherwise
   * @returns {Promise<T>}
   */
  async #read(stores, read, otherwise) {
    if (!this.#disk) return otherwise;
    try {
      return await read(this.#disk.transaction(stores, "readonly"));
    } catch (error) {
      this.#broken(error);
      return otherwise;
    }
  }

  /**
   * @param {StoreName[]} stores
   * @param {(tx: IDBTransaction) => void} make
   * @returns {Promise<boolean>} whether it is on the disk now
   */
  async #change(stores, make) {
    if (!this.#disk) return false;
    try {
      const tx = this.#disk.transaction(stores, "readwrite");
      await new Promise((resolve, reject) => {
        tx.oncomplete = () => resolve(undefined);
        tx.onerror = tx.onabort = () => reject(tx.error ?? new Error("aborted"));
        make(tx);
      });
      return true;
    } catch (error) {
      this.#broken(error);
      this.failed(error);
      return false;
    }
  }

  /** The browser has taken the database away: it goes on in memory. @param {unknown} error */
  #broken(error) {
    if (/** @type {{ name?: string }} */ (error)?.name === "InvalidStateError") this.#loseDisk(error);
  }
}

/** Records in memory, in the order of their keys. */
class Shelf {
  /** @type {Row[]} */
  #rows = [];

  get isEmpty() {
    return this.#rows.length === 0;
  }

  /** @param {Key} key @returns {Row | undefined} */
  find(key) {
    const row = this.#rows[this.#place(key)];
    return row && compareKeys(row.key, key) === 0 ? row : undefined;
  }

  /** @param {Key} key @param {unknown} value */
  set(key, value) {
    const at = this.#place(key);
    const row = this.#rows[at];
    this.#rows.splice(at, row && compareKeys(row.key, key) === 0 ? 1 : 0, { key, value });
  }

  /** @param {Key} key */
  forget(key) {
    const at = this.#place(key);
    const row = this.#rows[at];
    if (row && compareKeys(row.key, key) === 0) this.#rows.splice(at, 1);
  }

  /** @param {Range} range */
  removeRange(range) {
    this.#rows = this.#rows.filter(({ key }) => !isWithin(key, range));
  }

  /** @param {Range} range @returns {Row[]} */
  rows(range) {
    const rows = this.#rows.filter(({ key }) => isWithin(key, range));
    if (range.descending) rows.reverse();
    return rows.slice(0, range.limit ?? rows.length);
  }

  /** Of the first record that is not before a key. @param {Key} key */
  #place(key) {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareKeys(/** @type {Row} */ (this.#rows[middle]).key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The order of IndexedDB: numbers before texts before lists.
 *
 * @param {Key} a
 * @param {Key} b
 * @returns {number}
 */
export function compareKeys(a, b) {
  const kind = kindOf(a) - kindOf(b);
  if (kind) return kind;
  if (!Array.isArray(a) || !Array.isArray(b)) return a < b ? -1 : a > b ? 1 : 0;
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = compareKeys(/** @type {Key} */ (a[at]), /** @type {Key} */ (b[at]));
    if (order) return order;
  }
  return a.length - b.length;
}

/** @param {Key} key */
function kindOf(key) {
  return Array.isArray(key) ? 2 : typeof key === "string" ? 1 : 0;
}

/** @param {Key} key @param {Range} range */
function isWithin(key, { from, to, under }) {
  if (under && !(Array.isArray(key) && under.every((each, at) => key[at] === each))) return false;
  return (from === undefined || compareKeys(key, from) >= 0) && (to === undefined || compareKeys(key, to) < 0);
}

/** @param {Range} range @returns {IDBKeyRange | null} */
function keyRange({ from, to, under }) {
  const low = from ?? under;
  // Lists are the last kind of keys, so an empty one in their place is after all that begin as they do.
  const high = to ?? (under ? [...under, []] : undefined);
  if (low !== undefined && high !== undefined) return IDBKeyRange.bound(low, high, false, true);
  if (low !== undefined) return IDBKeyRange.lowerBound(low);
  return high === undefined ? null : IDBKeyRange.upperBound(high, true);
}

/** @param {IDBObjectStore} store @param {Range} range @returns {Promise<Row[]>} */
async function rowsOf(store, range) {
  if (range.descending) return rowsBackwards(store, range);
  const [keys, values] = await Promise.all([
    result(store.getAllKeys(keyRange(range), range.limit)),
    result(store.getAll(keyRange(range), range.limit)),
  ]);
  return keys.map((key, at) => ({ key, value: values[at] }));
}

/** @param {IDBObjectStore} store @param {Range} range @returns {Promise<Row[]>} */
function rowsBackwards(store, range) {
  return new Promise((resolve, reject) => {
    /** @type {Row[]} */
    const rows = [];
    const request = store.openCursor(keyRange(range), "prev");
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor || rows.length >= (range.limit ?? Infinity)) return resolve(rows);
      rows.push({ key: cursor.key, value: cursor.value });
      cursor.continue();
    };
  });
}

/**
 * What the disk has, and what is newer in memory.
 *
 * @param {Row[]} rows
 * @param {Row[]} held
 * @param {Range} range
 */
function mergeRows(rows, held, range) {
  const all = new Shelf();
  for (const { key, value } of [...rows, ...held]) all.set(key, value);
  return all.rows(range).filter(({ value }) => value !== undefined);
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
