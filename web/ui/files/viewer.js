/**
 * Pictures as large as the screen: arrows lead from one to the next, plus, minus, the wheel and two fingers enlarge, a
 * swipe turns the page, Esc closes, and the focus returns to the picture that was opened.
 */
import { fileAddress } from "../../calls/files.js";
import { fullTimeOf, isoOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el, fill, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { nameOf } from "../people/people.js";
import { bindGestures } from "./gestures.js";
import { saving } from "./media.js";
import { isSameFile } from "./room_pictures.js";
import { Zoom } from "./zoom.js";

/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("./room_pictures.js").Shown} Shown */

/** One press of a key or a button. */
const STEP = 1.5;
/** Two taps. */
const CLOSE_UP = 2.5;

/**
 * @param {Shown[]} pictures
 * @param {object} options
 * @param {FileInfo} options.file  the one to begin with
 * @param {Store} options.store
 * @param {(pictures: Shown[]) => Shown[]} options.follow  those of them that are still there, and what came after them
 * @param {(file: FileInfo) => string | null} options.preview
 * @param {(mid: string) => void} options.show  leads to the message
 * @param {() => void} [options.closed]
 */
export function openViewer(pictures, { file, store, follow, preview, show, closed = () => {} }) {
  const key = pictures.find((each) => isSameFile(file, each.file))?.key;
  const there = follow(pictures);
  const found = there.findIndex((each) => each.key === key);
  // It has gone while the viewer was loaded.
  if (found < 0) return toast(t("viewer_gone"));
  const nameOfUid = (/** @type {string} */ uid) => nameOf(store.state, uid);
  const viewer = new Viewer(there, found, preview, show, nameOfUid);
  const left = new AbortController();
  const stop = store.subscribe(() => {
    if (!dialog.node.open || viewer.follow(follow)) return;
    dialog.close();
    toast(t("viewer_gone"));
  });
  const dialog = openDialog(
    {
      title: t("viewer"),
      bare: true,
      class: "viewer",
      closed: () => {
        stop();
        left.abort();
        viewer.closed();
        closed();
      },
    },
    (close) => viewer.parts(close),
  );
  // Whoever goes back leaves the room, and its pictures with it.
  addEventListener("popstate", () => dialog.close(), { signal: left.signal });
  dialog.node.addEventListener("keydown", (event) => viewer.pressed(event));
  viewer.opened();
}

class Viewer {
  #pictures;
  #at;
  #preview;
  #show;
  #nameOf;
  #close = () => {};
  #zoom = new Zoom();
  #image = el("img", { class: "viewer-image", draggable: "false", alt: "" });
  #broken = el("p", { class: "viewer-broken", role: "status", hidden: true });
  #stage = el("div", { class: "viewer-stage" }, this.#image, this.#broken);
  #place = el("span", { class: "viewer-place" });
  /** What is shown, for those who hear it. */
  #said = el("p", { class: "hidden-visually", role: "status" });
  #name = el("strong", { dir: "auto" });
  #alt = el("p", { class: "viewer-alt", dir: "auto" });
  #from = el("p", { class: "viewer-from" });
  #tools = el("span", { class: "viewer-tools" });
  #before = sideButton("viewer_before", "back", () => this.#step(-1));
  #after = sideButton("viewer_after", "forward", () => this.#step(1));
  #resized = new ResizeObserver(() => this.#draw());

  /**
   * @param {Shown[]} pictures
   * @param {number} at
   * @param {(file: FileInfo) => string | null} preview
   * @param {(mid: string) => void} show
   * @param {(uid: string) => string} nameOf
   */
  constructor(pictures, at, preview, show, nameOf) {
    this.#pictures = pictures;
    this.#at = at;
    this.#preview = preview;
    this.#show = show;
    this.#nameOf = nameOf;
    bindGestures(this.#stage, {
      isOn: () => this.#zoom.isOn,
      isBeside: (point) => this.#zoom.isBeside(point),
      zoom: (factor, point) => this.#enlarge(factor, point),
      toggle: (point) => (this.#zoom.isOn ? this.#whole() : this.#enlarge(CLOSE_UP, point)),
      move: (dx, dy) => {
        this.#zoom.move(dx, dy);
        this.#draw();
      },
      step: (way) => this.#step(way),
      close: () => this.#close(),
    });
  }

  /** @param {() => void} close */
  parts(close) {
    this.#close = close;
    return [
      el(
        "header",
        { class: "viewer-head" },
        el("span", { class: "viewer-title" }, this.#name, this.#place),
        this.#tools,
      ),
      this.#stage,
      this.#before,
      this.#after,
      el("footer", { class: "viewer-foot" }, this.#alt, this.#from, this.#said),
    ];
  }

  opened() {
    this.#resized.observe(this.#stage);
    this.#turn();
    this.#focusClose();
  }

  closed() {
    this.#resized.disconnect();
  }

  /**
   * Pictures may come and go meanwhile.
   *
   * @param {(pictures: Shown[]) => Shown[]} how
   * @returns {boolean} false if the one that is shown is gone
   */
  follow(how) {
    const before = this.#current;
    const next = how(this.#pictures);
    const at = next.findIndex(({ key }) => key === before.key);
    if (at < 0) return false;
    const isSame = next.length === this.#pictures.length && next.every((each, n) => each === this.#pictures[n]);
    if (isSame) return true;
    [this.#pictures, this.#at] = [next, at];
    this.#describe();
    if (this.#current.file.id !== before.file.id) this.#fillTools();
    return true;
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => this.#step(-1),
      ArrowRight: () => this.#step(1),
      Home: () => this.#go(0),
      End: () => this.#go(this.#pictures.length - 1),
      "+": () => this.#enlarge(STEP),
      "=": () => this.#enlarge(STEP),
      "-": () => this.#enlarge(1 / STEP),
      0: () => this.#whole(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  get #current() {
    return /** @type {Shown} */ (this.#pictures[this.#at]);
  }

  /** @param {1 | -1} way */
  #step(way) {
    this.#go(this.#at + way);
  }

  /** @param {number} at */
  #go(at) {
    if (at < 0 || at >= this.#pictures.length || at === this.#at) return;
    this.#at = at;
    this.#turn();
    if (document.activeElement === document.body) this.#focusClose();
  }

  #focusClose() {
    const last = this.#tools.lastElementChild;
    if (last instanceof HTMLElement) last.focus();
  }

  /** Shows the current picture. */
  #turn() {
    const { file } = this.#current;
    const { width, height } = file;
    this.#zoom.reset();
    // Another picture is another node: what has not come yet never shows the one before.
    const image = el("img", { class: "viewer-image", draggable: "false", decoding: "async" });
    if (width && height) Object.assign(image.style, { maxInlineSize: `${width}px`, maxBlockSize: `${height}px` });
    image.src = this.#preview(file) ?? enlarged(file);
    image.addEventListener("load", () => this.#draw());
    image.addEventListener("error", () => image.isConnected && this.#note(t("file_broken")));
    this.#note("");
    this.#image.replaceWith(image);
    this.#image = image;
    this.#ahead();
    this.#describe();
    this.#fillTools();
    this.#draw();
  }

  /** Says what is shown, and whether there are others beside it. */
  #describe() {
    const { file, by, at } = this.#current;
    const { alt = "", name } = file;
    this.#image.alt = alt || name;
    setText(this.#name, name);
    setText(this.#alt, alt);
    this.#alt.hidden = !alt;
    const n = this.#pictures.length;
    const place = n > 1 ? t("viewer_place", { at: this.#at + 1, n }) : "";
    setText(this.#place, place);
    this.#place.hidden = !place;
    setText(this.#said, [alt || name, place].filter(Boolean).join(" · "));
    const who = by && this.#nameOf(by);
    fill(this.#from, who ? `${who} · ` : null, at ? el("time", { datetime: isoOf(at) }, fullTimeOf(at)) : null);
    this.#before.hidden = this.#at === 0;
    this.#after.hidden = this.#at === this.#pictures.length - 1;
    // What has the focus may be hidden now.
    if (document.activeElement instanceof HTMLElement && document.activeElement.hidden) this.#focusClose();
  }

  /** Why nothing is to be seen. @param {string} text */
  #note(text) {
    setText(this.#broken, text);
    this.#broken.hidden = !text;
    this.#image.hidden = Boolean(text);
  }

  #fillTools() {
    const hadFocus = this.#tools.contains(document.activeElement);
    fill(this.#tools, this.#buttons());
    if (hadFocus) this.#focusClose();
  }

  #buttons() {
    const { file, mid } = this.#current;
    return [
      toolButton("viewer_out", "minus", () => this.#enlarge(1 / STEP)),
      toolButton("viewer_in", "plus", () => this.#enlarge(STEP)),
      mid
        ? toolButton("viewer_message", "chat", () => {
            this.#close();
            this.#show(mid);
          })
        : null,
      file.id
        ? el("a", { class: "icon-button", "aria-label": t("viewer_download"), ...saving(file) }, icon("download"))
        : null,
      toolButton("close", "close", () => this.#close()),
    ];
  }

  /** What comes next is there when it is asked for. */
  #ahead() {
    for (const { file } of [this.#pictures[this.#at + 1], this.#pictures[this.#at - 1]].filter((each) => !!each))
      if (file.id && !this.#preview(file)) new Image().src = enlarged(file);
  }

  /** @param {number} factor @param {import("./zoom.js").Point} [point] */
  #enlarge(factor, point) {
    this.#measure();
    this.#zoom.by(factor, point);
    if (this.#zoom.isOn) this.#sharpen();
    this.#draw();
  }

  #whole() {
    this.#zoom.reset();
    this.#draw();
  }

  /** Enlarged, the picture itself is shown, once it is there. */
  #sharpen() {
    const { file } = this.#current;
    const image = this.#image;
    const address = fileAddress(file);
    if (!file.id || this.#preview(file) || image.dataset["whole"]) return;
    image.dataset["whole"] = "";
    const whole = new Image();
    whole.src = address;
    whole.decode().then(
      () => {
        image.src = address;
      },
      () => {},
    );
  }

  #measure() {
    const { clientWidth, clientHeight } = this.#stage;
    const { width = 0, height = 0 } = this.#current.file;
    const scale = width && height ? Math.min(1, clientWidth / width, clientHeight / height) : 1;
    const picture = width
      ? { width: width * scale, height: height * scale }
      : { width: this.#image.clientWidth, height: this.#image.clientHeight };
    this.#zoom.measure({ width: clientWidth, height: clientHeight }, picture);
  }

  #draw() {
    this.#measure();
    const { x, y, scale } = this.#zoom;
    this.#image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    this.#stage.dataset["zoomed"] = String(this.#zoom.isOn);
  }
}

/**
 * Where a picture is read from that fills the window: what may move comes whole.
 *
 * @param {FileInfo} file
 */
function enlarged(file) {
  const mayMove = file.type === "image/gif" || file.type === "image/webp";
  return fileAddress(file, mayMove ? {} : { size: 1280 });
}

/** @param {import("../base/i18n.js").Key} key @param {string} picture @param {() => void} click */
function toolButton(key, picture, click) {
  return el(
    "button",
    { type: "button", class: "icon-button", "aria-label": t(key), title: t(key), click },
    icon(picture),
  );
}

/** @param {import("../base/i18n.js").Key} key @param {string} picture @param {() => void} click */
function sideButton(key, picture, click) {
  const button = toolButton(key, picture, click);
  button.classList.add("viewer-side", `viewer-side-${picture}`);
  return button;
}
