import { writeClipboard } from "../../platform/clipboard.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

/** Copies a text and says whether that went well. @param {string} text */
export async function copyText(text) {
  toast(t((await writeClipboard(text)) ? "copied" : "copy_failed"));
}
