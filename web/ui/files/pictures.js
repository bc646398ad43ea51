/**
 * Pictures in a message: one as it is, up to four beside each other, and the number of those that are left. Each has
 * its place before it is loaded, so nothing moves when it comes.
 */
import { fileAddress } from "../../calls/files.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/**
 * How pictures are shown and opened.
 *
 * @typedef {object} Showing
 * @property {(file: FileInfo) => string | null} preview  where this browser has a picture of mine
 * @property {(file: FileInfo) => void} open
 */

/** Pictures that are shown; more are counted on the last one. */
const SHOWN_MAX = 4;
/** The largest and the smallest place of a single picture, in CSS pixels. */
const WIDE_PX = 416;
const HIGH_PX = 352;
const LEAST_PX = 72;
/** What of a picture with an unknown size. */
const UNKNOWN = { width: 4 * 80, height: 3 * 80 };

/**
 * The place of a single picture: as large as it is, or as may be; a strip is cut.
 *
 * @param {{ width?: number, height?: number }} file
 */
export function placeOf({ width = UNKNOWN.width, height = UNKNOWN.height }) {
  const scale = Math.min(1, WIDE_PX / width, HIGH_PX / height);
  const within = (/** @type {number} */ size, /** @type {number} */ most) =>
    Math.round(Math.min(most, Math.max(LEAST_PX, size * scale)));
  return { width: within(width, WIDE_PX), height: within(height, HIGH_PX) };
}

/**
 * @param {FileInfo[]} files  pictures
 * @param {Showing} showing
 */
export function gallery(files, showing) {
  const shown = files.slice(0, SHOWN_MAX);
  const left = files.length - shown.length;
  const nodes = shown.map((file, at) =>
    pictureButton(file, showing, { isAlone: files.length === 1, left: at === SHOWN_MAX - 1 ? left : 0 }),
  );
  return el("div", { class: "gallery", "data-count": String(shown.length) }, nodes);
}

/**
 * @param {FileInfo} file
 * @param {Showing} showing
 * @param {{ isAlone: boolean, left: number }} place
 */
function pictureButton(file, { preview, open }, { isAlone, left }) {
  const words = t("picture_open", { alt: file.alt || file.name });
  const button = el(
    "button",
    {
      type: "button",
      class: "gallery-picture",
      "data-key": file.id || file.key,
      "aria-label": left ? `${words}. ${t("picture_more", { n: left })}` : words,
      title: file.alt || file.name,
      click: () => open(file),
    },
    pictureNode(file, preview(file), isAlone ? WIDE_PX : WIDE_PX / 2, (broken) => {
      button.setAttribute("aria-label", `${words}. ${t("file_broken")}`);
      button.prepend(broken);
    }),
    left ? el("span", { class: "picture-left", "aria-hidden": "true" }, `+${left}`) : null,
  );
  if (isAlone) {
    const { width, height } = placeOf(file);
    // The policy of the page forbids styles in attributes, and not these.
    Object.assign(button.style, { inlineSize: `${width}px`, aspectRatio: `${width} / ${height}` });
  }
  return button;
}

/**
 * @param {FileInfo} file
 * @param {string | null} here  where this browser has it
 * @param {number} wide  CSS pixels that it takes at most
 * @param {(node: HTMLElement) => void} broken
 */
function pictureNode(file, here, wide, broken) {
  const image = el("img", {
    alt: "",
    draggable: "false",
    decoding: "async",
    width: file.width,
    height: file.height,
    error: () => {
      const note = el("span", { class: "picture-broken" });
      fill(note, icon("picture"), t("file_broken"));
      image.remove();
      broken(note);
    },
  });
  if (here) image.src = here;
  else if (file.id) {
    image.sizes = `${wide}px`;
    image.srcset = `${fileAddress(file, { size: 480 })} 480w, ${fileAddress(file, { size: 1280 })} 1280w`;
    image.src = fileAddress(file, { size: 480 });
  }
  return image;
}
