/** Why the server refused something about a room, in the reader's words: what was tried says what its code means. */
import { errorText, t } from "./i18n.js";

/** @typedef {import("./i18n.js").Key} Key */
/** @typedef {"leave" | "role" | "name" | "join" | "add"} Deed */

/** @type {Record<Deed, Record<string, Key>>} */
const SENTENCES = {
  leave: { conflict: "last_owner_leaves" },
  role: { conflict: "last_owner_role" },
  name: { conflict: "room_name_taken", forbidden: "room_refused" },
  join: { forbidden: "join_refused", not_found: "join_refused" },
  add: { forbidden: "add_refused", not_found: "add_refused" },
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
