import { t } from "./i18n.js";
import { toast } from "./toast.js";

/** Copies a text and says whether that went well. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("copy_failed"));
  }
}
