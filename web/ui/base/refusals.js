/** Why the server refused something, in the reader's words: what was tried says what its code means. */
import { errorText, t } from "./i18n.js";

/** @typedef {import("./i18n.js").Key} Key */
/** @typedef {"leave" | "role" | "make" | "name" | "join" | "add" | "accept" | "link" | "token"} Deed */

/** @type {Record<Deed, Record<string, Key>>} */
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
};

/**
 * @param {unknown} error
 * @param {Deed} deed
 * @returns {string}
 */
export function refusal(error, deed) {
  const failure = /** @type {{ code?: string, message?: string }} */ (error);
  const key = SENTENCES[deed][failure?.code ?? ""];
  return key ? t(key) : errorText(failure);
}
