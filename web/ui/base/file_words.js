/** Files in words: how large one is, what it is, and what a message with files is called where it is only mentioned. */
import { formatter } from "./formatters.js";
import { t } from "./i18n.js";
import { currentLanguage } from "./language.js";

/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/** How a file is shown. @typedef {"picture" | "video" | "audio" | "card"} Look */

/** The longest ending of a name that says what a file is. */
const ENDING_MAX = 5;

/** @param {number} bytes */
export function sizeText(bytes, lang = currentLanguage()) {
  const units = /** @type {const} */ (["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]);
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(bytes, 1)) / 10)));
  const value = bytes / 1024 ** step;
  const unit = units[step] ?? "byte";
  return formatter(Intl.NumberFormat, lang, {
    style: "unit",
    unit,
    // In English the short form of bytes has no plural.
    unitDisplay: unit === "byte" ? "long" : "short",
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}

/**
 * A picture has a size; of one that is not sent yet that may still be found out.
 *
 * @param {FileInfo} file
 * @returns {Look}
 */
export function lookOfFile({ id, type, width }) {
  if (type.startsWith("image/")) return width || (!id && !type.includes("svg")) ? "picture" : "card";
  if (!id) return "card";
  return type.startsWith("video/") ? "video" : type.startsWith("audio/") ? "audio" : "card";
}

/** The ending of a name, as people call the kind of a file: PDF. @param {FileInfo} file */
export function endingOf({ name }) {
  const at = name.lastIndexOf(".");
  const ending = at > 0 ? name.slice(at + 1) : "";
  return ending.length <= ENDING_MAX && /^[\p{L}\p{N}]+$/u.test(ending) ? ending.toUpperCase() : "";
}

/**
 * What stands for the files of a message in one line of text.
 *
 * @param {FileInfo[]} files
 */
export function filesText(files) {
  const [first] = files;
  if (!first) return "";
  const isPicture = files.every((file) => lookOfFile(file) === "picture");
  if (files.length > 1) return t(isPicture ? "said_pictures" : "said_files", { n: files.length });
  if (isPicture) return first.alt ? t("said_picture_of", { alt: first.alt }) : t("said_picture");
  return t("said_file", { name: first.name });
}
