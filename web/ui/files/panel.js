/** The files of a room, newest first, with a search by name. */
import { fileAddress, listFiles } from "../../calls/files.js";
import { isCovered } from "../../state/blocks.js";
import { knownMessage } from "../../state/known_messages.js";
import { dateOf, isoOf } from "../base/dates.js";
import { debounce } from "../base/debounce.js";
import { el, fill, setText } from "../base/element.js";
import { lookOfFile } from "../base/file_words.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { nameOf } from "../people/people.js";
import { openViewer } from "./doors.js";
import { factsOf, pictureOf } from "./kinds.js";
import { saving } from "./media.js";
import { stillThere } from "./room_pictures.js";

/** @typedef {import("../../calls/files.js").RoomFile} RoomFile */
/** @typedef {import("../../state/types.js").Store} Store */

/**
 * @param {Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {string} id  of the room
 * @param {() => void} close  the dialog around it
 */
export function createFilesPanel(store, actions, id, close) {
  if (store.state.rooms.get(id)?.e2ee) return { node: el("p", { class: "results-empty" }, t("files_encrypted")) };
  return new FilesPanel(store, actions, id, close);
}

class FilesPanel {
  #store;
  #need;
  #id;
  #close;
  #asked = 0;
  /** What the button asks for. @type {"onward" | "anew"} */
  #way = "onward";
  #isFailed = false;
  #wasOnline = true;
  /** @type {string | undefined} */
  #next;
  /** What is listed. @type {RoomFile[]} */
  #files = [];
  /** Why there are none, if so. */
  #none = "";
  /** What was compared last. @type {{ timeline?: unknown, users?: unknown }} */
  #seen = {};
  #list = el("ul", { class: "results room-files", "aria-label": t("files_tab") });
  #alert = createAlert();
  #status = el("p", { class: "hidden-visually", role: "status" });
  #more = el(
    "button",
    { type: "button", class: "button button-small", hidden: true, click: () => void this.#load(this.#way) },
    t("show_more"),
  );
  #input = el("input", {
    class: "input",
    type: "search",
    "aria-label": t("files_find"),
    placeholder: t("files_find"),
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    input: debounce(() => void this.#load("anew")),
  });

  /**
   * @param {Store} store
   * @param {import("../../state/types.js").Actions} actions
   * @param {string} id
   * @param {() => void} close
   */
  constructor(store, actions, id, close) {
    this.#store = store;
    this.#need = (/** @type {string} */ uid) => actions.users.need(uid);
    this.#id = id;
    this.#close = close;
    this.node = el(
      "div",
      { class: "member-panel" },
      el("div", { class: "search-field" }, this.#input),
      el("div", { class: "panel-alert" }, this.#alert.node),
      this.#status,
      this.#list,
      el("div", { class: "results-more" }, this.#more),
    );
    void this.#load("anew");
  }

  /** @param {"onward" | "anew"} way */
  async #load(way) {
    const mine = (this.#asked += 1);
    const q = this.#input.value.trim();
    this.#list.setAttribute("aria-busy", "true");
    this.#alert.say("");
    this.#isFailed = false;
    try {
      const page = await listFiles(this.#id, { q, cursor: way === "onward" ? this.#next : undefined });
      if (mine === this.#asked) this.#show(page, way, q);
    } catch (error) {
      if (mine === this.#asked) this.#fail(way, /** @type {{ code?: string }} */ (error));
    }
    if (mine === this.#asked) this.#list.removeAttribute("aria-busy");
  }

  /** @param {"onward" | "anew"} way @param {{ code?: string }} error */
  #fail(way, error) {
    this.#alert.say(errorText(error));
    this.#isFailed = true;
    this.#way = way;
    // What is listed was found for other words.
    if (way === "anew") fill(this.#list, (this.#files = []));
    this.#more.hidden = false;
    setText(this.#more, t("retry"));
  }

  /**
   * @param {Awaited<ReturnType<typeof listFiles>>} page
   * @param {"onward" | "anew"} way
   * @param {string} q
   */
  #show({ files, next }, way, q) {
    this.#next = next;
    this.#way = "onward";
    setText(this.#more, t("show_more"));
    // What it has brought takes the focus, or the field, where it goes.
    if (!next && this.#more === document.activeElement) this.#input.focus();
    this.#more.hidden = !next;
    this.#files = way === "onward" ? [...this.#files, ...files] : files;
    this.#seen = {};
    for (const { by } of files) this.#need(by);
    const rows = files.map((file) => this.#row(file));
    if (way === "onward") this.#list.append(...rows);
    else fill(this.#list, rows);
    this.#none = t(q ? "no_match" : "files_none");
    this.#say();
    const first = rows[0]?.querySelector("a, button");
    if (way === "onward" && first instanceof HTMLElement) first.focus();
  }

  /** Says how many there are, or that there are none. */
  #say() {
    const n = this.#files.length;
    setText(this.#status, n ? t("said_files", { n }) : this.#none);
    if (!n) fill(this.#list, el("li", { class: "results-empty" }, this.#none));
  }

  /** @param {RoomFile} file */
  #row(file) {
    const { state } = this.#store;
    if (isCovered(state, this.#id, file.by)) return this.#coveredRow(file);
    const parts = [
      this.#face(file),
      el(
        "span",
        { class: "option-text" },
        el("strong", { dir: "auto", title: file.name }, file.name),
        el("small", {}, factsOf(file)),
        el(
          "small",
          {},
          el("span", { dir: "auto", "data-by": file.by }, nameOf(state, file.by)),
          " · ",
          el("time", { datetime: isoOf(file.at) }, dateOf(file.at)),
        ),
      ),
    ];
    return el(
      "li",
      { class: "option option-still", "data-file": file.id },
      this.#opener(file, parts),
      this.#leader(file, t("files_show", { name: file.name })),
    );
  }

  /** A file of somebody I have blocked: in the room it can be uncovered. @param {RoomFile} file */
  #coveredRow(file) {
    return el(
      "li",
      { class: "option option-still", "data-file": file.id },
      el(
        "span",
        { class: "room-file" },
        el("span", { class: "file-face", "aria-hidden": "true" }, icon("ban")),
        el("span", { class: "option-text" }, el("small", {}, t("blocked_message"))),
      ),
      this.#leader(file, t("viewer_message")),
    );
  }

  /** @param {RoomFile} file @param {string} label */
  #leader(file, label) {
    return el(
      "button",
      { type: "button", class: "icon-button", "aria-label": label, title: label, click: () => this.#lead(file.mid) },
      icon("chat"),
    );
  }

  /** @param {RoomFile} file @param {Node[]} parts */
  #opener(file, parts) {
    if (lookOfFile(file) !== "picture") return el("a", { class: "room-file", ...saving(file) }, parts);
    return el(
      "button",
      {
        type: "button",
        class: "room-file",
        title: t("picture_open", { alt: file.alt || file.name }),
        click: () => this.#openPicture(file),
      },
      parts,
    );
  }

  /** @param {RoomFile} file */
  #openPicture(file) {
    const { state } = this.#store;
    const pictures = this.#files.filter(
      (each) => lookOfFile(each) === "picture" && !isCovered(state, this.#id, each.by),
    );
    openViewer(
      pictures.map((each) => ({ key: each.id, file: each, mid: each.mid, by: each.by, at: each.at })),
      {
        file,
        store: this.#store,
        follow: (all) => stillThere(state, this.#id, all),
        preview: () => null,
        show: (mid) => this.#lead(mid),
        closed: () => this.#keepFocus(),
      },
    );
  }

  /** What had the focus may have left the list. */
  #keepFocus() {
    if (this.node.isConnected && document.activeElement === document.body) this.#input.focus();
  }

  /** Files of messages that were deleted or changed meanwhile leave the list, and people may have got a name. */
  update() {
    const { state } = this.#store;
    const seen = { timeline: state.timelines.get(this.#id), users: state.users };
    const { timeline, users } = this.#seen;
    this.#seen = seen;
    const isBack = state.connection.online && !this.#wasOnline;
    this.#wasOnline = state.connection.online;
    if (isBack && this.#isFailed) void this.#load(this.#way);
    if (users !== seen.users) this.#nameSenders();
    if (timeline !== seen.timeline) this.#letGo();
  }

  #nameSenders() {
    for (const node of /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll("[data-by]")))
      setText(node, nameOf(this.#store.state, node.dataset["by"] ?? ""));
  }

  #letGo() {
    const { state } = this.#store;
    const isGone = (/** @type {RoomFile} */ { mid, id }) => {
      const message = knownMessage(state, this.#id, mid);
      return message && !(message.kind === "msg" && message.files?.some((file) => file.id === id));
    };
    const gone = new Set(this.#files.filter(isGone).map(({ id }) => id));
    if (!gone.size) return;
    this.#files = this.#files.filter(({ id }) => !gone.has(id));
    for (const row of /** @type {HTMLElement[]} */ ([...this.#list.children]))
      if (gone.has(row.dataset["file"] ?? "")) row.remove();
    this.#say();
    this.#keepFocus();
  }

  /** To the message of a file. @param {string} mid */
  #lead(mid) {
    this.#close();
    navigate(roomPath(this.#id, mid));
  }

  /** @param {RoomFile} file */
  #face(file) {
    const face = el("span", { class: "file-face", "aria-hidden": "true" });
    const drawIcon = () => fill(face, icon(pictureOf(file)));
    if (lookOfFile(file) !== "picture") drawIcon();
    else {
      const src = fileAddress(file, { size: 480 });
      fill(face, el("img", { src, alt: "", loading: "lazy", decoding: "async", error: drawIcon }));
    }
    return face;
  }
}
