/** The files of a room, newest first, with a search by name. */
import { fileAddress, listFiles } from "../../calls/files.js";
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

/** @typedef {import("../../calls/files.js").RoomFile} RoomFile */
/** @typedef {import("../../state/types.js").Store} Store */

/**
 * @param {Store} store
 * @param {string} id  of the room
 * @param {() => void} close  the dialog around it
 */
export function createFilesPanel(store, id, close) {
  if (store.state.rooms.get(id)?.e2ee) return el("p", { class: "results-empty" }, t("files_encrypted"));
  return new FilesPanel(store, id, close).node;
}

class FilesPanel {
  #store;
  #id;
  #close;
  #asked = 0;
  /** @type {string | undefined} */
  #next;
  /** What is listed. @type {RoomFile[]} */
  #files = [];
  #list = el("ul", { class: "results room-files", "aria-label": t("files_tab") });
  #alert = createAlert();
  #status = el("p", { class: "hidden-visually", role: "status" });
  #more = el(
    "button",
    { type: "button", class: "button button-small", hidden: true, click: () => void this.#load("onward") },
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
   * @param {string} id
   * @param {() => void} close
   */
  constructor(store, id, close) {
    this.#store = store;
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
    try {
      const page = await listFiles(this.#id, { q, cursor: way === "onward" ? this.#next : undefined });
      if (mine === this.#asked) this.#show(page, way, q);
    } catch (error) {
      if (mine === this.#asked) this.#alert.say(errorText(/** @type {{ code?: string }} */ (error)));
    }
    if (mine === this.#asked) this.#list.removeAttribute("aria-busy");
  }

  /**
   * @param {Awaited<ReturnType<typeof listFiles>>} page
   * @param {"onward" | "anew"} way
   * @param {string} q
   */
  #show({ files, next }, way, q) {
    this.#next = next;
    this.#more.hidden = !next;
    this.#files = way === "onward" ? [...this.#files, ...files] : files;
    const rows = files.map((file) => this.#row(file));
    const none = t(q ? "no_match" : "files_none");
    if (way === "onward") this.#list.append(...rows);
    else fill(this.#list, rows.length ? rows : el("li", { class: "results-empty" }, none));
    setText(this.#status, this.#files.length ? t("said_files", { n: this.#files.length }) : none);
    const first = rows[0]?.querySelector("a, button");
    if (way === "onward" && first instanceof HTMLElement) first.focus();
  }

  /** @param {RoomFile} file */
  #row(file) {
    const { state } = this.#store;
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
          el("span", { dir: "auto" }, nameOf(state, file.by)),
          " · ",
          el("time", { datetime: isoOf(file.at) }, dateOf(file.at)),
        ),
      ),
    ];
    const label = t("files_show", { name: file.name });
    return el(
      "li",
      { class: "option option-still" },
      this.#opener(file, parts),
      el(
        "button",
        { type: "button", class: "icon-button", "aria-label": label, title: label, click: () => this.#lead(file.mid) },
        icon("chat"),
      ),
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
    const pictures = this.#files.filter((each) => lookOfFile(each) === "picture");
    openViewer(
      pictures.map((each) => ({ file: each, mid: each.mid, by: each.by, at: each.at })),
      {
        file,
        preview: () => null,
        show: (mid) => this.#lead(mid),
        nameOf: (uid) => nameOf(this.#store.state, uid),
      },
    );
  }

  /** To the message of a file. @param {string} mid */
  #lead(mid) {
    this.#close();
    navigate(roomPath(this.#id, mid));
  }

  /** @param {RoomFile} file */
  #face(file) {
    const isPicture = lookOfFile(file) === "picture";
    return el(
      "span",
      { class: "file-face", "aria-hidden": "true" },
      isPicture
        ? el("img", { src: fileAddress(file, { size: 480 }), alt: "", loading: "lazy", decoding: "async" })
        : icon(pictureOf(file)),
    );
  }
}
