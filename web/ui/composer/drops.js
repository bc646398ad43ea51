/** Files that are dropped anywhere on the page while a room is open and nothing lies above it. */
import { dialogIsOpen } from "../base/dialog.js";
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";

/** A drag that has left the page without a word is over after so long. */
const OVER_MS = 400;

/**
 * @param {object} parts
 * @param {() => string} parts.room  its name
 * @param {() => boolean} parts.isOpen  whether the room takes anything now
 * @param {(files: File[]) => void} parts.attach
 */
export function receiveDrops({ room, isOpen, attach }) {
  const words = el("span", { dir: "auto" });
  const cover = el("div", { class: "drop-cover", hidden: true, "aria-hidden": "true" }, icon("paperclip"), words);
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  const open = new AbortController();
  const { signal } = open;

  /** Whether a drag brings files for this room. @param {DragEvent} event */
  const isMine = (event) =>
    !event.defaultPrevented && Boolean(event.dataTransfer?.types.includes("Files")) && !dialogIsOpen();

  function hide() {
    clearTimeout(timer);
    cover.hidden = true;
  }

  /** @param {DragEvent} event */
  function over(event) {
    if (!isMine(event) || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    // Why it takes nothing is said when something is dropped.
    if (!isOpen()) return;
    setText(words, t("drop_here", { room: room() }));
    cover.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(hide, OVER_MS);
  }

  /** @param {DragEvent} event */
  function dropped(event) {
    hide();
    if (!isMine(event) || !event.dataTransfer) return;
    event.preventDefault();
    const { files, folders } = filesIn(event.dataTransfer);
    if (folders) toast(t("files_folder"));
    if (files.length) attach(files);
  }

  document.addEventListener("dragover", over, { signal });
  document.addEventListener("drop", dropped, { signal });
  return {
    node: cover,
    close() {
      hide();
      open.abort();
    },
  };
}

/** The files of a drag in their order; folders look like files and cannot be read. @param {DataTransfer} data */
function filesIn(data) {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const isFolder = (/** @type {DataTransferItem} */ item) => Boolean(item.webkitGetAsEntry?.()?.isDirectory);
  const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile());
  return { files: files.filter((file) => file !== null), folders: items.filter(isFolder).length };
}
