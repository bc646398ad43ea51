/**
 * Choices of this browser: theme and language. Kept in `localStorage`, which may be forbidden or full: then they
 * last until the page is closed.
 */

/** @typedef {"theme" | "language"} Name */

const PREFIX = "impulse.";
/** @type {Map<Name, string>} */
const remembered = new Map();

export const preferences = {
  /**
   * @param {Name} name
   * @returns {string | null}
   */
  get(name) {
    try {
      return localStorage.getItem(PREFIX + name) ?? remembered.get(name) ?? null;
    } catch {
      return remembered.get(name) ?? null;
    }
  },

  /**
   * @param {Name} name
   * @param {string} value  empty to go back to what the system says
   */
  set(name, value) {
    remembered.set(name, value);
    try {
      if (value) localStorage.setItem(PREFIX + name, value);
      else localStorage.removeItem(PREFIX + name);
    } catch {
      // Remembered for this page only.
    }
  },
};

/** Applies the theme to the document: `light`, `dark`, or the system's. */
export function useTheme() {
  const theme = preferences.get("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
  else delete document.documentElement.dataset["theme"];
}
