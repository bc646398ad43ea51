/** What is to be seen in the pictures of a message of mine, in words that may be changed later. */
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { lookOfFile } from "../base/file_words.js";
import { errorText, t } from "../base/i18n.js";
import { fileAddress } from "../../calls/files.js";

/** @typedef {import("../../state/types.js").FileInfo} FileInfo */

/** The longest text about a picture, in characters. */
const ALT_MAX = 1000;

/**
 * @param {import("../../state/types.js").Actions} actions
 * @param {string} room
 * @param {import("../../state/types.js").Message} message
 */
export function openDescriptions(actions, room, message) {
  const files = message.files ?? [];
  /** By id. @type {Map<string, HTMLTextAreaElement>} */
  const fields = new Map();
  const alert = createAlert();

  /** @param {FileInfo} file */
  function row(file) {
    const input = el("textarea", {
      class: "input",
      rows: "2",
      dir: "auto",
      maxlength: String(ALT_MAX),
      "aria-label": t("attached_description", { name: file.name }),
      placeholder: t("attached_describe"),
    });
    input.value = file.alt ?? "";
    fields.set(file.id, input);
    const address = actions.files.preview(file) ?? fileAddress(file, { size: 480 });
    return el("div", { class: "describe-row" }, el("img", { src: address, alt: "" }), input);
  }

  /** The files as they are to be. @returns {FileInfo[]} */
  function described() {
    return files.map(({ alt, ...file }) => {
      const words = fields.has(file.id) ? (fields.get(file.id)?.value.trim() ?? "") : (alt ?? "");
      return { ...file, ...(words ? { alt: words } : {}) };
    });
  }

  openDialog({ title: t("describe_title") }, (close) => {
    const save = el("button", { type: "submit", class: "button button-primary" }, t("save"));
    const submit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      void busy(save, alert.say, errorText, async () => {
        await actions.messages.edit(room, message, message.t, message.m ?? [], described());
        close();
      });
    };
    const pictures = files.filter((file) => lookOfFile(file) === "picture");
    return [
      el(
        "form",
        { class: "dialog-body", submit },
        el("p", { class: "hint" }, t("describe_lead")),
        pictures.map(row),
        alert.node,
        dialogFoot(close, save),
      ),
    ];
  });
}
