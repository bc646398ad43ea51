/** Forms and confirmations in dialogs, and the link that is shown once. */
import { writeClipboard } from "../../platform/clipboard.js";
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { moment } from "./numbers.js";
import { refusal } from "./parts.js";

/** @typedef {import("../base/element.js").Children} Children */

let fields = 0;

/**
 * A labelled control.
 *
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  const id = `admin-field-${(fields += 1)}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    control,
    hint ? el("p", { class: "hint", id: `${id}-hint` }, hint) : null,
  );
}

/**
 * A line of text to fill in.
 *
 * @param {import("../base/element.js").Props} [props]
 */
export function textInput(props = {}) {
  return el("input", { class: "input", autocomplete: "off", spellcheck: "false", dir: "auto", ...props });
}

/**
 * @param {(readonly [string, string])[]} options
 * @param {string} chosen
 */
export function select(options, chosen) {
  const node = el(
    "select",
    { class: "input select" },
    options.map(([value, text]) => el("option", { value }, text)),
  );
  node.value = chosen;
  return node;
}

/**
 * A box to tick, with a hint.
 *
 * @param {string} label
 * @param {string} hint
 * @param {boolean} [checked]
 */
export function tick(label, hint, checked = false) {
  const input = el("input", { type: "checkbox", checked });
  return {
    input,
    node: el(
      "label",
      { class: "choice" },
      input,
      el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)),
    ),
  };
}

/**
 * One of a few, each with a hint.
 *
 * @param {string} legend
 * @param {string} name
 * @param {(readonly [string, string, string])[]} options
 * @param {string} chosen
 */
export function choices(legend, name, options, chosen) {
  const node = el(
    "fieldset",
    { class: "field plain" },
    el("legend", {}, legend),
    el(
      "div",
      { class: "choices" },
      options.map(([value, label, hint]) =>
        el(
          "label",
          { class: "choice" },
          el("input", { type: "radio", name, value, checked: value === chosen }),
          el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)),
        ),
      ),
    ),
  );
  return {
    node,
    get value() {
      return /** @type {HTMLInputElement | null} */ (node.querySelector(":checked"))?.value ?? chosen;
    },
    set value(value) {
      for (const input of node.querySelectorAll("input")) input.checked = input.value === value;
    },
  };
}

/**
 * A dialog with a form. `act` does it; what it throws is shown and the form stays. It may return what comes after the
 * dialog is gone.
 *
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.text]
 * @param {string} options.submit
 * @param {boolean} [options.danger]
 * @param {Children} [options.fields]
 * @param {(error: unknown) => string | Promise<string>} [options.explain]
 * @param {() => Promise<void | (() => void)>} options.act
 */
export function openForm(options) {
  openDialog({ title: options.title, class: "dialog-form" }, (close) => {
    const alert = el("p", { class: "form-alert", role: "alert", hidden: true });
    const submit = el(
      "button",
      { type: "submit", class: options.danger ? "button button-danger" : "button button-primary" },
      options.submit,
    );
    const sent = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (submit.disabled) return;
      const empty = /** @type {HTMLElement | null} */ (form.querySelector(":invalid:not(fieldset)"));
      empty?.setAttribute("aria-invalid", "true");
      if (empty) return empty.focus();
      alert.hidden = true;
      submit.disabled = true;
      fill(submit, el("span", { class: "spinner", "aria-hidden": "true" }), options.submit);
      try {
        const next = await options.act();
        close();
        next?.();
      } catch (error) {
        alert.textContent = await (options.explain ?? refusal)(error);
        alert.hidden = false;
        submit.disabled = false;
        fill(submit, options.submit);
      }
    };
    const form = el(
      "form",
      {
        class: "dialog-body",
        submit: sent,
        novalidate: true,
        input: (/** @type {Event} */ event) => /** @type {Element} */ (event.target).removeAttribute("aria-invalid"),
      },
      options.text ? el("p", { class: "hint" }, options.text) : null,
      options.fields,
      alert,
      dialogFoot(close, submit),
    );
    return [form];
  });
}

/**
 * A link with a secret in it. The server keeps only what recognises it, so this is the one time it can be seen.
 *
 * @param {{ title: string, text: string, path: string, expires?: number | null | undefined }} options
 */
export function showLink(options) {
  const address = location.origin + options.path;
  openDialog({ title: options.title, class: "dialog-form" }, (close) => {
    const input = el("input", {
      class: "input link-once",
      readonly: true,
      value: address,
      "aria-label": t("admin_link"),
      dir: "ltr",
      focus: () => input.select(),
    });
    const said = el("p", { class: "hint", role: "status" });
    const copy = el(
      "button",
      {
        type: "button",
        class: "button button-primary",
        autofocus: true,
        click: async () => {
          const copied = await writeClipboard(address);
          said.textContent = t(copied ? "copied" : "copy_failed");
          if (copied) fill(copy, icon("check"), t("admin_copied"));
          else input.focus();
        },
      },
      icon("copy"),
      t("admin_copy_link"),
    );
    return [
      el(
        "div",
        { class: "dialog-body" },
        el("p", {}, options.text),
        el("div", { class: "link-row" }, el("div", { class: "field-row" }, input, copy), said),
        el(
          "p",
          { class: "notice" },
          icon("alert"),
          el(
            "span",
            {},
            t("admin_link_once"),
            options.expires ? ` ${t("admin_link_until", { time: moment(options.expires) })}` : null,
          ),
        ),
        el(
          "div",
          { class: "dialog-foot" },
          el("button", { type: "button", class: "button", click: close }, t("admin_done")),
        ),
      ),
    ];
  });
}
