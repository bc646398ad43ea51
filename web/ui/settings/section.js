/**
 * A section of the settings: what it shows. `close` ends the settings, `reopen` shows them again at a section, in
 * another language by then.
 *
 * @typedef {"profile" | "status" | "appearance" | "language" | "notifications" | "privacy" | "security" | "password" |
 *   "sessions" | "tokens" | "invites" | "account"} Name
 * @typedef {{ close: () => void, reopen: (name: Name) => void }} Frame
 * @typedef {(
 *   store: import("../../state/types.js").Store,
 *   actions: import("../../state/types.js").Actions,
 *   frame: Frame,
 * ) => import("../base/element.js").Child[]} Section
 */

export {};
