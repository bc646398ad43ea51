/**
 * As much of IndexedDB as `web/platform/database.js` uses, for tests without a browser: stores that outlive a page,
 * keys of WebCrypto in them, and a disk that is full.
 */
import { compareKeys } from "../../../web/platform/database.js";

/** Makes it the browser's. @returns what tests may do to it */
export function useFakeIndexedDb() {
  /** @type {Map<string, Map<string, { key: any, value: any }[]>>} */
  const databases = new Map();
  const disk = { isFull: false, isForbidden: false };
  globalThis.indexedDB = /** @type {any} */ ({
    open: (name) => {
      if (disk.isForbidden) throw new DOMException("forbidden", "SecurityError");
      const request = /** @type {any} */ ({});
      const isNew = !databases.has(name);
      const stores = databases.get(name) ?? new Map();
      databases.set(name, stores);
      request.result = connection(stores, disk);
      queueMicrotask(() => {
        if (isNew) request.onupgradeneeded?.();
        request.onsuccess?.();
      });
      return request;
    },
    deleteDatabase: (name) => {
      databases.delete(name);
      const request = /** @type {any} */ ({});
      queueMicrotask(() => request.onsuccess?.());
      return request;
    },
    databases: async () => [...databases.keys()].map((name) => ({ name })),
  });
  globalThis.IDBKeyRange = /** @type {any} */ ({
    bound: (low, high) => (key) => compareKeys(key, low) >= 0 && compareKeys(key, high) < 0,
    lowerBound: (low) => (key) => compareKeys(key, low) >= 0,
    upperBound: (high) => (key) => compareKeys(key, high) < 0,
  });
  return { databases, disk };
}

/** @param {Map<string, { key: any, value: any }[]>} stores @param {{ isFull: boolean }} disk */
function connection(stores, disk) {
  return {
    objectStoreNames: { contains: (name) => stores.has(name) },
    createObjectStore: (name) => stores.set(name, []),
    close() {},
    transaction: (names) => {
      for (const name of names) if (!stores.has(name)) throw new DOMException(name, "NotFoundError");
      return transaction(stores, disk);
    },
  };
}

/** @param {Map<string, { key: any, value: any }[]>} stores @param {{ isFull: boolean }} disk */
function transaction(stores, disk) {
  const tx = /** @type {any} */ ({ error: null });
  let open = 0;
  const later = (run) => {
    open += 1;
    const request = /** @type {any} */ ({});
    queueMicrotask(() => {
      if (tx.error) return;
      try {
        request.result = run();
        request.onsuccess?.();
      } catch (error) {
        tx.error = error;
        tx.onabort?.();
        return;
      }
      open -= 1;
      if (open === 0) queueMicrotask(() => open === 0 && tx.oncomplete?.());
    });
    return request;
  };
  tx.objectStore = (name) => {
    const rows = () => stores.get(name) ?? [];
    const write = (key, change) => {
      if (disk.isFull) throw new DOMException("full", "QuotaExceededError");
      const others = rows().filter((row) => compareKeys(row.key, key) !== 0);
      const next = change ? [...others, change] : others;
      stores.set(
        name,
        next.sort((a, b) => compareKeys(a.key, b.key)),
      );
    };
    const within = (range, limit = Infinity) =>
      rows()
        .filter(({ key }) => !range || range(key))
        .slice(0, limit);
    return {
      get: (key) => later(() => rows().find((row) => compareKeys(row.key, key) === 0)?.value),
      put: (value, key) => later(() => write(key, { key, value })),
      delete: (key) => later(() => write(key, null)),
      getAll: (range, limit) => later(() => within(range, limit).map(({ value }) => value)),
      getAllKeys: (range, limit) => later(() => within(range, limit).map(({ key }) => key)),
      openCursor: (range, direction) => {
        const left = direction === "prev" ? within(range).reverse() : within(range);
        const request = later(() => cursor());
        const cursor = () => {
          const row = left.shift();
          if (!row) return null;
          return {
            ...row,
            delete: () => write(row.key, null),
            continue: () => {
              open += 1;
              queueMicrotask(() => {
                request.result = cursor();
                request.onsuccess?.();
                open -= 1;
                if (open === 0) queueMicrotask(() => open === 0 && tx.oncomplete?.());
              });
            },
          };
        };
        return request;
      },
    };
  };
  return tx;
}
