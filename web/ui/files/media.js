/** Films and sounds in a message, with the controls of the browser, and everything else as a card. */
import { fileAddress } from "../../calls/files.js";
import { el } from "../base/element.js";
import { sizeText } from "../base/file_words.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { factsOf, pictureOf } from "./kinds.js";

/** @typedef {import("../../state/types.js").FileInfo} FileInfo */

/** A film whose size is not known has this one. */
const WIDE = 16 / 9;

/** @param {FileInfo} file */
export function film(file) {
  const video = el("video", {
    class: "film",
    src: fileAddress(file),
    controls: true,
    preload: "metadata",
    playsinline: true,
    "aria-label": t("file_video", { name: file.name }),
  });
  video.style.aspectRatio = String(file.width && file.height ? Math.max(1, file.width / file.height) : WIDE);
  return el("figure", { class: "file-media" }, video, el("figcaption", {}, named(file)));
}

/** @param {FileInfo} file */
export function sound(file) {
  const audio = el("audio", {
    class: "sound",
    src: fileAddress(file),
    controls: true,
    preload: "metadata",
    "aria-label": t("file_audio", { name: file.name }),
  });
  return el("figure", { class: "file-media" }, el("figcaption", {}, named(file)), audio);
}

/** The name and the size of what is played, as a link to save it. @param {FileInfo} file */
function named(file) {
  return el("a", saving(file), el("span", { dir: "auto" }, file.name), el("small", {}, sizeText(file.size)), saved());
}

/** @param {FileInfo} file */
export function card(file) {
  const parts = [
    el("span", { class: "file-face", "aria-hidden": "true" }, icon(pictureOf(file))),
    el(
      "span",
      { class: "file-words" },
      el("strong", { dir: "auto", title: file.name }, file.name),
      el("small", {}, factsOf(file)),
    ),
  ];
  // What is not with the server yet can only be looked at.
  if (!file.id) return el("div", { class: "file-card" }, parts);
  return el("a", { class: "file-card", ...saving(file) }, parts, icon("download"), saved());
}

/** A link that saves a file. @param {FileInfo} file */
export function saving(file) {
  const title = t("file_download", { name: file.name, size: sizeText(file.size) });
  return { href: fileAddress(file, { download: 1 }), download: file.name, title };
}

/** What such a link does, for those who hear its name. */
function saved() {
  return el("span", { class: "hidden-visually" }, t("viewer_download"));
}
