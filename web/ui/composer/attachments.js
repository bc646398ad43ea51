/**
 * The files that go with the next message, above the field: each with how far it is on its way, and of pictures with a
 * place for words. The tiles stay the same nodes while the state changes around them, so that nobody loses the focus.
 */
import { announce } from "../base/announce.js";
import { isComposing } from "../base/composing.js";
import { debounce } from "../base/debounce.js";
import { el, fill, place, setText } from "../base/element.js";
import { sizeText } from "../base/file_words.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { factsOf, pictureOf } from "../files/kinds.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/** @typedef {import("../../state/types.js").Upload} Upload */
/** @typedef {ReturnType<Attachments["create"]>} Tile */

/** The longest text about a picture, in characters. */
const ALT_MAX = 1000;
/** Files whose refusal is said one by one. */
const REFUSALS_MAX = 4;
/** Pictures that say where and with what they were taken, until the server takes that out of them. */
const TELLING = ["image/jpeg", "image/webp"];
/** Other pictures, and films, say it as well, and keep it; the types of some are not known to every browser. */
const KEEPING = /^video\/|^image\/(?:avif|hei[cf]|tiff)$/;
const KEEPING_NAME = /\.(?:avif|hei[cf]|tiff?)$/i;

export class Attachments {
  #room;
  #files;
  #leave;
  /** By key. @type {Map<string, Tile>} */
  #tiles = new Map();
  /** Failures that were said. @type {Set<string>} */
  #said = new Set();

  node = el("ul", { class: "attachments", "aria-label": t("attached"), hidden: true });

  /**
   * @param {string} room
   * @param {import("../../state/types.js").Actions["files"]} files
   * @param {() => void} leave  leads the focus to the field
   */
  constructor(room, files, leave) {
    this.#room = room;
    this.#files = files;
    this.#leave = leave;
  }

  /** How many there are. */
  get count() {
    return this.#tiles.size;
  }

  /** Leads to the button that removes a file. @param {FileInfo} file */
  leadTo({ key = "" }) {
    const button = this.#tiles.get(key)?.node.querySelector(".attachment-remove");
    if (button instanceof HTMLElement) button.focus();
  }

  /** Keeps what is typed about pictures. */
  keepWords() {
    for (const { keep } of this.#tiles.values()) keep();
  }

  /**
   * @param {State} state
   * @returns {boolean} whether there are more or fewer than before
   */
  update(state) {
    const files = state.attached.get(this.#room) ?? [];
    const before = [...this.#tiles.keys()];
    const next = new Map(files.map((file) => [file.key ?? "", this.#tiles.get(file.key ?? "") ?? this.create(file)]));
    const isOther = before.join() !== [...next.keys()].join();
    this.#tiles = next;
    if (isOther)
      place(
        this.node,
        [...next.values()].map(({ node }) => node),
      );
    this.node.hidden = !files.length;
    for (const file of files) {
      const upload = state.uploads.get(file.key ?? "");
      next.get(file.key ?? "")?.show(file, upload);
      this.#sayFailure(file, upload);
    }
    return isOther;
  }

  /** @param {FileInfo} file @param {Upload | undefined} upload */
  #sayFailure({ key = "", name }, upload) {
    if (!upload?.error) return void this.#said.delete(key);
    if (this.#said.has(key)) return;
    this.#said.add(key);
    announce(t("attached_failed", { name, why: errorText(upload.error) }));
  }

  /** @param {FileInfo} file */
  create(file) {
    const { key = "", name } = file;
    const face = el("span", { class: "attachment-face" }, icon(pictureOf(file)));
    const facts = el("small", {}, factsOf(file));
    const status = el("small", { class: "attachment-status" });
    const bar = el("progress", { class: "attachment-bar", max: "1", value: "0", "aria-label": name });
    const again = el(
      "button",
      { type: "button", class: "link-button", hidden: true, click: () => this.#files.again(key) },
      t("retry"),
    );
    const words = this.#words(file);
    const metadata = this.#metadata(file);
    let isPicture = false;
    const node = el(
      "li",
      { class: "attachment", "data-key": key },
      face,
      el(
        "span",
        { class: "attachment-words" },
        el("strong", { dir: "auto", title: name }, name),
        facts,
        mayTell(file) ? el("small", { class: "attachment-tells" }, t("attached_tells")) : null,
        el("span", { class: "attachment-state" }, status, again),
      ),
      bar,
      words.node,
      el("span", { class: "attachment-tools" }, metadata, this.#remover(file)),
    );
    return {
      node,
      keep: words.keep,
      /** @param {FileInfo} now @param {Upload | undefined} upload */
      show: (now, upload) => {
        const address = isPicture ? null : this.#files.preview(now);
        if (address && now.width) {
          isPicture = true;
          node.classList.add("attachment-picture");
          fill(face, el("img", { src: address, alt: "", draggable: "false" }));
        }
        words.show(now, isPicture);
        metadata?.setAttribute("aria-pressed", String(this.#files.keepsMetadata(key)));
        if (metadata) metadata.hidden = !isPicture;
        const part = upload && now.size ? upload.sent / now.size : 0;
        const phase = upload?.phase ?? "waiting";
        node.dataset["phase"] = phase;
        bar.value = part;
        bar.hidden = phase !== "sending" && phase !== "waiting";
        again.hidden = phase !== "failed" || isLost(upload);
        setText(status, statusText(phase, part, upload));
      },
    };
  }

  /** The field for what is to be seen in a picture. @param {FileInfo} file */
  #words({ key = "", name, alt = "" }) {
    let kept = alt;
    const keep = () => {
      if (input.value !== kept) this.#files.describe(this.#room, key, (kept = input.value));
    };
    const input = el("input", {
      class: "input attachment-alt",
      type: "text",
      dir: "auto",
      value: alt,
      maxlength: String(ALT_MAX),
      autocomplete: "off",
      placeholder: t("attached_describe"),
      "aria-label": t("attached_description", { name }),
      hidden: true,
      input: debounce(keep),
      blur: keep,
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if ((event.key !== "Enter" && event.key !== "Escape") || isComposing(event)) return;
        event.preventDefault();
        this.#leave();
      },
    });
    return {
      node: input,
      keep,
      /** @param {FileInfo} now @param {boolean} isPicture */
      show({ alt: next = "" }, isPicture) {
        input.hidden = !isPicture;
        // What another tab has written is here, too, unless something is being written here.
        if (next === kept.trim() || document.activeElement === input) return;
        input.value = kept = next;
      },
    };
  }

  /** Whether a picture keeps where and with what it was taken. @param {FileInfo} file */
  #metadata({ key = "", name, type }) {
    if (!TELLING.includes(type)) return null;
    return el(
      "button",
      {
        type: "button",
        class: "attachment-tool",
        "aria-label": t("attached_keep", { name }),
        title: `${t("attached_keep", { name })}. ${t("attached_keep_hint")}`,
        "aria-pressed": "false",
        hidden: true,
        click: () => this.#files.keepMetadata(key, !this.#files.keepsMetadata(key)),
      },
      icon("pin"),
    );
  }

  /** @param {FileInfo} file */
  #remover({ key = "", name }) {
    const label = t("attached_remove", { name });
    const remove = () => {
      const tiles = [...this.#tiles.values()];
      const at = tiles.findIndex(({ node }) => node.dataset["key"] === key);
      const next = (tiles[at + 1] ?? tiles[at - 1])?.node.querySelector(".attachment-remove");
      this.#files.remove(this.#room, key);
      if (next instanceof HTMLElement) next.focus();
      else this.#leave();
    };
    return el(
      "button",
      { type: "button", class: "attachment-tool attachment-remove", "aria-label": label, title: label, click: remove },
      icon("close"),
    );
  }
}

/**
 * The first file attached in a room that this browser cannot read any more: a message with it would never be sent.
 *
 * @param {Pick<State, "attached" | "uploads">} state
 * @param {string} room
 */
export function lostFile({ attached, uploads }, room) {
  return (attached.get(room) ?? []).find(({ key = "" }) => isLost(uploads.get(key))) ?? null;
}

/** Whether the bytes of a file are nowhere any more. @param {Upload | undefined} upload */
function isLost(upload) {
  return upload?.error?.code === "file_lost";
}

/** Whether a file may say where and when it was taken, also to those who get it. @param {FileInfo} file */
function mayTell({ type, name }) {
  return KEEPING.test(type) || KEEPING_NAME.test(name);
}

/**
 * @param {Upload["phase"]} phase
 * @param {number} part
 * @param {Upload | undefined} upload
 */
function statusText(phase, part, upload) {
  if (phase === "failed") return errorText(upload?.error);
  if (phase === "done") return t("attached_ready");
  return phase === "sending" ? t("attached_sending", { n: Math.floor(part * 100) }) : t("attached_waiting");
}

/**
 * Why files were not attached, a line each.
 *
 * @param {import("../../state/files.js").Refused[]} refused
 */
export function refusalText(refused) {
  const codes = new Set(refused.map(({ error }) => error.code));
  const [first] = refused;
  // What concerns all of them alike is said once.
  if (first && codes.size === 1 && first.error.code !== "too_large") return errorText(first.error);
  const lines = refused.map(({ name, size, error }) => t("file_refused", { name, why: whyNot(size, error) }));
  const left = lines.length - REFUSALS_MAX;
  return [...lines.slice(0, REFUSALS_MAX), ...(left > 0 ? [t("and_more", { n: left })] : [])].join("\n");
}

/** @param {number} size @param {import("../../state/types.js").Failure} error */
function whyNot(size, error) {
  const max = error.code === "too_large" ? error.detail?.max : undefined;
  return max ? t("file_too_large", { size: sizeText(size), most: sizeText(max) }) : errorText(error);
}
