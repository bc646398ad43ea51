/**
 * What this browser remembers, by key. `localStorage` has written when the call returns, so a message that is sent just
 * before a reload is kept. Values that it refuses, as it is forbidden or full, are held in memory until the page is
 * closed; no others are, so what another tab has forgotten is forgotten here, too.
 */

const PREFIX = "impulse.";
/** @type {Map<string, string>} */
const memory = new Map();

/**
 * @param {string} key
 * @returns {unknown} what was kept, or null
 */
export function recall(key) {
  return parse(recallText(key));
}

/** @param {string | null} text */
function parse(text) {
  try {
    return JSON.parse(text || "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {unknown} value  null or undefined forgets
 */
export function keep(key, value) {
  keepText(key, value === null || value === undefined ? null : JSON.stringify(value));
}

/**
 * @param {string} key
 * @returns {string | null}
 */
export function recallText(key) {
  const text = memory.get(key);
  if (text !== undefined) return text;
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    // Forbidden.
    return null;
  }
}

/**
 * @param {string} key
 * @param {string | null} text  null forgets
 */
export function keepText(key, text) {
  memory.delete(key);
  try {
    if (text === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, text);
  } catch {
    // Full or forbidden.
    if (text !== null) memory.set(key, text);
  }
}

/**
 * Calls back when another tab has changed what is kept under a key.
 *
 * @param {string} key
 * @param {() => void} changed
 */
export function watchKept(key, changed) {
  addEventListener("storage", (event) => {
    if (event.key === null || event.key === PREFIX + key) changed();
  });
}

/**
 * The same for all keys that begin so.
 *
 * @param {string} start
 * @param {(key: string, value: unknown) => void} changed  which one, and what was written; it may be gone again by now
 * @returns {() => void} ends it
 */
export function watchKeptUnder(start, changed) {
  const heard = (/** @type {StorageEvent} */ { key, newValue }) => {
    if (key?.startsWith(PREFIX + start)) changed(key.slice(PREFIX.length), parse(newValue));
  };
  // Tests run without a page, and without other tabs.
  globalThis.addEventListener?.("storage", heard);
  return () => globalThis.removeEventListener?.("storage", heard);
}

/**
 * Every key that begins so, without the common prefix.
 *
 * @param {string} start
 * @returns {string[]}
 */
export function keysOf(start) {
  const found = new Set([...memory.keys()].filter((key) => key.startsWith(start)));
  try {
    for (let at = 0; at < localStorage.length; at += 1) {
      const key = localStorage.key(at) ?? "";
      if (key.startsWith(PREFIX + start)) found.add(key.slice(PREFIX.length));
    }
  } catch {
    // Forbidden: only memory has any.
  }
  return [...found];
}
