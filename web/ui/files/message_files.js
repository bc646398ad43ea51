/** The files of a message: pictures first, then films and sounds, then cards, each in the order of the message. */
import { el, fill, setText } from "../base/element.js";
import { lookOfFile } from "../base/file_words.js";
import { focusRooms } from "../base/focus.js";
import { t } from "../base/i18n.js";
import { openViewer } from "./doors.js";
import { card, film, sound } from "./media.js";
import { gallery } from "./pictures.js";
import { isSameFile, picturesAfter, picturesOf, roomPictures, stillThere } from "./room_pictures.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("../../state/types.js").FileInfo} FileInfo */

/** The files of each row as they were drawn last. @type {WeakMap<Element, { key: string, node: HTMLElement }>} */
const drawn = new WeakMap();

/**
 * The files of a row. While they are the same they stay the same nodes, whatever else of the message is drawn anew:
 * what plays goes on, and no picture is loaded again.
 *
 * @param {Element} row
 * @param {object} drawing
 * @param {Actions} drawing.actions
 * @param {Message} drawing.message
 * @param {(message: Message, file: FileInfo) => void} drawing.openPicture
 */
export function messageFiles(row, { actions, message, openPicture }) {
  const files = message.files ?? [];
  if (!files.length) return null;
  const preview = (/** @type {FileInfo} */ file) => actions.files.preview(file);
  const key = JSON.stringify([files, files.map(preview), document.documentElement.lang]);
  const known = drawn.get(row);
  if (known?.key === key) return known.node;
  const looking = (/** @type {import("../base/file_words.js").Look} */ look) =>
    files.filter((file) => lookOfFile(file) === look);
  const pictures = looking("picture");
  const open = (/** @type {FileInfo} */ file) => openPicture(message, file);
  const node = el(
    "div",
    { class: "message-files" },
    pictures.length ? gallery(pictures, { preview, open }) : null,
    looking("video").map(film),
    looking("audio").map(sound),
    looking("card").map(card),
  );
  drawn.set(row, { key, node });
  return node;
}

/**
 * Opens a picture of a message, as large as the screen; from it one may walk to the others of the room.
 *
 * @param {object} parts
 * @param {import("../../state/types.js").Store} parts.store
 * @param {Actions} parts.actions
 * @param {string} parts.room
 * @param {Message} parts.message
 * @param {FileInfo} parts.file
 * @param {(mid: string) => void} parts.show  leads to a message
 */
export function openPicture({ store, actions, room, message, file, show }) {
  const { state } = store;
  const all = roomPictures(state, room);
  // What is hidden of somebody, and was opened by hand, is not among those of the room.
  const isAmong = all.some((each) => isSameFile(each.file, file));
  openViewer(isAmong ? all : picturesOf(message), {
    file,
    store,
    follow: (pictures) => {
      const there = stillThere(state, room, pictures);
      return isAmong ? [...there, ...picturesAfter(state, room, pictures)] : there;
    },
    preview: (each) => actions.files.preview(each),
    show,
    closed: () => {
      if (!state.rooms.has(room)) focusRooms();
    },
  });
}

/**
 * How far the files of a message of mine are, and the way to give them up; filled by `showProgress`.
 *
 * @param {object} drawing
 * @param {Message} drawing.message
 * @param {Actions} drawing.actions
 * @param {string} drawing.room
 */
export function progressOf({ message, actions, room }) {
  if (message.status !== "pending" || !message.files?.some(({ key }) => key)) return null;
  const cancel = (/** @type {MouseEvent} */ event) => {
    const row = /** @type {Element} */ (event.currentTarget).closest(".message");
    const next = row?.nextElementSibling ?? row?.previousElementSibling;
    void actions.messages.discard(room, message.mid);
    if (next instanceof HTMLElement) next.focus();
  };
  const node = el("div", { class: "message-upload", hidden: true });
  fill(
    node,
    el("progress", { max: "1", value: "0", "aria-label": t("file_sending_label") }),
    el("span", {}),
    el("button", { type: "button", class: "link-button", click: cancel }, t("file_cancel")),
  );
  return node;
}

/**
 * Shows how far the files of a message are, without drawing the message anew.
 *
 * @param {Element} row
 * @param {Message} message
 * @param {State} state
 */
export function showProgress(row, { files = [] }, { uploads }) {
  const node = row.querySelector(".message-upload");
  if (!(node instanceof HTMLElement)) return;
  const known = files.flatMap(({ key = "", size }) => [{ size, upload: uploads.get(key) }]);
  const total = known.reduce((sum, { size }) => sum + size, 0);
  const sent = known.reduce((sum, { upload }) => sum + (upload?.sent ?? 0), 0);
  const isDone = known.every(({ upload }) => !upload || upload.phase === "done");
  const part = total ? Math.min(1, sent / total) : 0;
  const [bar, words] = node.children;
  node.hidden = isDone;
  if (bar instanceof HTMLProgressElement) bar.value = part;
  if (words) setText(words, t("file_sending", { n: Math.floor(part * 100) }));
}
