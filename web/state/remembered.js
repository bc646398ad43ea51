/**
 * What this browser remembers of the person who is signed in, over reloads and in all its tabs. The session itself is
 * a cookie that the client cannot read.
 */
import { keep, keysOf, recall, watchKept } from "../platform/storage.js";
import { forgetRecentEmoji, forgetRecentRooms } from "../platform/preferences.js";

/** @typedef {import("./types.js").User} User */

const ACCOUNT = "account";
const LEFT = "left";
/** In the state of the page's entry in the history, which a reload keeps, for this tab alone. */
const TAKEOVER = "takeover";
/** Keys that hold what a person has written, each followed by their uid. */
const WRITTEN = ["draft.", "attached.", "outbox.", "upload.", "searches."];

/** Who was signed in when this browser was last used. What is no account, whoever wrote it, is nobody. */
export function rememberedAccount() {
  const kept = /** @type {any} */ (recall(ACCOUNT)) ?? {};
  const { uid, username, displayName = "", bio = "", state = "", text = "" } = kept;
  const isUser = [uid, username, displayName, bio, state, text].every((each) => typeof each === "string");
  return isUser ? /** @type {User} */ (kept) : null;
}

/** @param {User} user */
export function rememberAccount(user) {
  keep(ACCOUNT, user);
  keep(LEFT, null);
}

/**
 * That I have signed out here: an emptied storage says no such thing.
 *
 * @param {"told" | "untold"} server  whether it has heard of it
 */
export function rememberLeaving(server) {
  keep(LEFT, server);
}

/** @returns {"told" | "untold" | null} null if nobody has signed out since somebody was signed in */
export function rememberedLeaving() {
  const left = recall(LEFT);
  return left === "told" || left === "untold" ? left : null;
}

/** For the page as it is after the reload that follows: it is another person's than before. */
export function noteTakeover() {
  history.replaceState({ [TAKEOVER]: true }, "");
}

/** Whether the page before this one was another person's; said once. */
export function takeTakeover() {
  const isTaken = Boolean(history.state?.[TAKEOVER]);
  if (isTaken) history.replaceState(null, "");
  return isTaken;
}

/** After the end of a session: the next person who uses this browser finds nothing that was written in it. */
export function forgetAccount() {
  keep(ACCOUNT, null);
  forgetRecentRooms();
  forgetRecentEmoji();
  forgetWritten();
}

/**
 * Forgets what people have written here.
 *
 * @param {string} [except]  the uid of the person who is signed in now
 */
export function forgetWritten(except) {
  for (const key of WRITTEN.flatMap((start) => keysOf(start))) {
    if (except === undefined || key.split(".")[1] !== except) keep(key, null);
  }
}

/** Calls back when another tab of this browser has signed in or out. @param {() => void} changed */
export function watchAccount(changed) {
  watchKept(ACCOUNT, changed);
}
