/** Why the server refused something, in the reader's words: what was tried says what its code means. */
import { errorText, t } from "./i18n.js";

/** @typedef {import("./i18n.js").Key} Key */
/** @typedef {"leave" | "role" | "make" | "name" | "join" | "add" | "accept" | "link" | "token" | "hook"} Attempt */

/** @type {Record<Attempt, Record<string, Key>>} */
const SENTENCES = {
  leave: { conflict: "last_owner_leaves" },
  role: { conflict: "last_owner_role" },
  make: { conflict: "room_not_made", forbidden: "room_refused" },
  name: { conflict: "room_name_taken", forbidden: "room_refused" },
  join: { conflict: "rooms_full", forbidden: "join_refused", not_found: "join_refused" },
  add: { conflict: "person_full", forbidden: "add_refused", not_found: "add_refused" },
  accept: { conflict: "rooms_full" },
  link: { conflict: "invites_full" },
  token: { conflict: "tokens_full" },
  hook: { conflict: "hook_refused", forbidden: "hook_archived" },
};

/**
 * @param {unknown} error
 * @param {Attempt} attempt
 * @returns {string}
 */
export function refusal(error, attempt) {
  const failure = /** @type {{ code?: string, message?: string }} */ (error);
  const key = SENTENCES[attempt][failure?.code ?? ""];
  return key ? t(key) : errorText(failure);
}
