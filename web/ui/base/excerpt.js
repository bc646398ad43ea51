/** A message in one line of text, for wherever it is mentioned and not shown. */
import { plain } from "./format.js";
import { t } from "./i18n.js";

/** @typedef {import("../../state/types.js").Message} Message */

/**
 * @param {Message} message
 * @param {number} most  characters
 */
export function excerpt(message, most) {
  if (message.kind === "del") return t("deleted_message");
  if (message.verdict !== undefined && message.verdict !== "ok") return t("not_shown");
  return message.unreadable ? t("unreadable_message") : plain(message.t, most);
}
