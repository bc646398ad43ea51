/** A browser and a server for files that are sent: tabs that share a storage, a disk, turns, and a line that breaks. */
import { useFakeIndexedDb } from "./encryption/fake_indexeddb.js";

/** Until nothing happens any more that waits for no timer. */
export const settled = async () => {
  for (let n = 0; n < 40; n += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Until a check holds. @param {() => unknown} check */
export async function until(check) {
  for (const since = performance.now(); !check() && performance.now() - since < 8000;)
    await new Promise((resolve) => setTimeout(resolve, 5));
  if (!check()) throw new Error(`never so: ${check}`);
}

/** A storage whose writes are told as to other tabs, turns, and a disk. @returns what tests may do to them */
export function useBrowser() {
  const { disk, databases } = useFakeIndexedDb();
  const values = new Map();
  const told = new EventTarget();
  const tell = (key, newValue) => {
    const event = Object.assign(new Event("storage"), { key, newValue });
    queueMicrotask(() => told.dispatchEvent(event));
  };
  globalThis.addEventListener = (name, listener) => told.addEventListener(name, listener);
  globalThis.removeEventListener = (name, listener) => told.removeEventListener(name, listener);
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    value: {
      getItem: (key) => values.get(key) ?? null,
      setItem: (key, value) => (values.set(key, value), tell(key, value)),
      removeItem: (key) => (values.delete(key), tell(key, null)),
      key: (at) => [...values.keys()][at] ?? null,
      get length() {
        return values.size;
      },
    },
  });
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { locks: locks() } });
  return { disk, databases, values };
}

/** As much of the locks of a browser as turns need. */
function locks() {
  const held = new Map();
  return {
    async request(name, { signal, steal } = {}, act) {
      const before = held.get(name);
      let end = () => {};
      const turn = new Promise((resolve) => (end = () => resolve(undefined)));
      held.set(name, turn);
      if (!steal && before) await before;
      if (signal?.aborted) {
        end();
        throw new DOMException("aborted", "AbortError");
      }
      try {
        return await act();
      } finally {
        end();
      }
    },
  };
}

/** Keeps what it is sent, by id, and does what tests tell it to. */
export function createFileServer() {
  /** @type {Map<string, { name: string, size: number, keepMetadata: boolean, bytes: Buffer }>} */
  const files = new Map();
  const asked = /** @type {string[]} */ ([]);
  let number = 0;
  /** What goes wrong next, by call: thrown, after so many bytes have arrived. */
  const faults = /** @type {Record<string, { after?: number, error?: any, hang?: boolean }[]>} */ ({});
  const fault = (call) => faults[call]?.shift();
  const fileOf = (id) => {
    const file = files.get(id);
    if (!file) throw { code: "not_found", status: 404 };
    return file;
  };
  const answer = (id, file) => {
    const isDone = file.bytes.length >= file.size;
    return { id, offset: file.bytes.length, file: isDone ? { id, name: file.name, type: "", size: file.size } : null };
  };
  const calls = {
    async createUpload({ name, size, keepMetadata }) {
      asked.push(`create ${name}`);
      const wrong = fault("create");
      if (wrong) throw wrong.error;
      const id = `id${(number += 1)}`;
      files.set(id, { name, size, keepMetadata, bytes: Buffer.alloc(0) });
      return answer(id, fileOf(id));
    },
    async appendToUpload(id, offset, piece, progress, signal) {
      asked.push(`append ${fileOf(id).name} ${offset}`);
      const file = fileOf(id);
      if (offset !== file.bytes.length) throw { code: "wrong_offset", detail: { offset: file.bytes.length } };
      const wrong = fault("append");
      const bytes = Buffer.from(await piece.arrayBuffer());
      file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, wrong ? (wrong.after ?? 0) : bytes.length)]);
      progress(1);
      if (wrong?.hang)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject({ code: "network" })));
      if (wrong?.error) throw wrong.error;
      return answer(id, file);
    },
    async readUpload(id) {
      asked.push(`read ${files.get(id)?.name ?? "nothing"}`);
      return answer(id, fileOf(id));
    },
    async removeUpload(id) {
      asked.push(`remove ${fileOf(id).name}`);
      files.delete(id);
    },
  };
  return { files, asked, faults, calls, textOf: (id) => fileOf(id).bytes.toString() };
}
