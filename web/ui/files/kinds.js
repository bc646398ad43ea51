/** What a file is, for its card: an icon and a word. */
import { endingOf, sizeText } from "../base/file_words.js";
import { t } from "../base/i18n.js";

/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/**
 * @typedef {"archive" | "audio" | "code" | "document" | "file" | "picture" | "slides" | "table" | "text"
 *   | "video"} Kind
 */

/** @type {Record<Kind, string>} */
const PICTURES = {
  archive: "package",
  audio: "music",
  code: "code",
  document: "lines",
  file: "file",
  picture: "picture",
  slides: "slides",
  table: "table",
  text: "lines",
  video: "film",
};

/** By the endings of names. @type {Partial<Record<Kind, string>>} */
const ENDINGS = {
  archive: "7Z BZ2 GZ RAR TAR TGZ XZ ZIP ZST",
  audio: "AAC FLAC M4A MP3 OGA OGG OPUS WAV",
  code: "C CPP CS CSS GO HTML JAVA JS JSON KT LUA PHP PY RB RS SH SQL SVG SWIFT TOML TS XML YAML YML",
  document: "DOC DOCX ODT PAGES PDF RTF EPUB",
  picture: "AVIF BMP GIF HEIC HEIF JPEG JPG PNG PSD TIF TIFF WEBP",
  slides: "KEY ODP PPT PPTX",
  table: "CSV ODS TSV XLS XLSX",
  text: "LOG MD TXT",
  video: "AVI M4V MKV MOV MP4 WEBM",
};

/** @param {FileInfo} file @returns {Kind} */
export function kindOf(file) {
  const ending = endingOf(file);
  const found = Object.entries(ENDINGS).find(([, endings]) => endings.split(" ").includes(ending));
  if (found) return /** @type {Kind} */ (found[0]);
  const [family] = file.type.split("/");
  if (family === "audio" || family === "video" || family === "text") return family;
  return family === "image" ? "picture" : "file";
}

/** The icon of a file. @param {FileInfo} file */
export function pictureOf(file) {
  return PICTURES[kindOf(file)];
}

/** Its kind and size in words: "Document · PDF · 1.2 MB". @param {FileInfo} file */
export function factsOf(file) {
  return [t(`kind_${kindOf(file)}`), endingOf(file), sizeText(file.size)].filter(Boolean).join(" · ");
}
