/** A message in one line of text, for wherever it is mentioned and not shown. */
import { filesText } from "./file_words.js";
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
  if (message.unreadable) return t("unreadable_message");
  const text = plain(message.t, most);
  return message.files?.length ? [filesText(message.files), text].filter(Boolean).join(" · ") : text;
}
