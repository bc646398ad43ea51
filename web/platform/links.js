/**
 * Secrets in the fragment of a link: an invitation, a ticket for a new password, the first set-up. A secret is taken
 * out of the address bar as soon as it is read, so that nobody reads it over a shoulder or from the history, and kept
 * for this tab alone until it is used: signing in or a reload may come first.
 */

const PREFIX = "impulse.link.";
/** Without `sessionStorage` they last until the page is left. @type {Map<string, string>} */
const memory = new Map();

/**
 * The secret of the link of this kind, or empty.
 *
 * @param {string} kind
 */
export function takeSecret(kind) {
  const fresh = location.hash.slice(1);
  if (fresh) {
    remember(kind, decode(fresh));
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  try {
    return sessionStorage.getItem(PREFIX + kind) ?? memory.get(kind) ?? "";
  } catch {
    return memory.get(kind) ?? "";
  }
}

/** @param {string} kind */
export function forgetSecret(kind) {
  remember(kind, "");
}

/**
 * @param {string} kind
 * @param {string} secret  empty forgets
 */
function remember(kind, secret) {
  if (secret) memory.set(kind, secret);
  else memory.delete(kind);
  try {
    if (secret) sessionStorage.setItem(PREFIX + kind, secret);
    else sessionStorage.removeItem(PREFIX + kind);
  } catch {
    // Forbidden or full: memory has it.
  }
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
