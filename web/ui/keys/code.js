/** The recovery code: shown once, copied, saved or printed, and in force once part of it was typed. */
import { copyText } from "../base/clipboard.js";
import { openDialog } from "../base/dialog.js";
import { downloadText } from "../base/download.js";
import { el } from "../base/element.js";
import { busy, createAlert, field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** So many groups at its end are typed. */
const TYPED_GROUPS = 2;

/**
 * @param {Store} store
 * @param {Actions} actions
 */
export function openCode(store, actions) {
  const code = store.state.keys.offer;
  if (!code) return;
  const groups = code.split("-");
  const whose = t("code_for", { name: store.state.me?.username ?? "", server: location.host });
  let isKept = false;

  const closed = () => {
    if (isKept || store.state.keys.offer !== code) return;
    actions.keys.dropCode();
    toast(t("code_later_note"));
  };
  const options = { title: t("code_title"), class: "dialog-code", closed };
  openDialog(options, (close) => {
    const alert = createAlert();
    const typed = el("input", {
      class: "input code-typed",
      id: "code-typed",
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      maxlength: "12",
    });
    const submit = el("button", { type: "submit", class: "button button-primary" }, t("code_keep"));
    const sent = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (plain(typed.value) !== groups.slice(-TYPED_GROUPS).join("")) {
        alert.say(t("code_check_wrong"));
        typed.setAttribute("aria-invalid", "true");
        return typed.focus();
      }
      typed.removeAttribute("aria-invalid");
      void busy(submit, alert.say, errorText, async () => {
        await actions.keys.keepCode();
        isKept = true;
        close();
        toast(t("code_kept"));
      });
    };
    return [
      el(
        "div",
        { class: "dialog-body" },
        el("p", { class: "code-screen" }, t("code_lead")),
        sheet(groups, whose),
        ways(`${whose}\n\n${code}\n\n${t("code_print_hint")}\n`, code),
        el(
          "form",
          { class: "settings-form code-screen", novalidate: true, submit: sent },
          field(t("code_check"), typed, t("code_check_hint")),
          alert.node,
          el(
            "div",
            { class: "dialog-foot" },
            el("button", { type: "button", class: "button code-later", click: close }, t("code_later")),
            submit,
          ),
        ),
      ),
    ];
  });
}

/**
 * What is on paper.
 *
 * @param {string[]} groups
 * @param {string} whose
 */
function sheet(groups, whose) {
  return el(
    "div",
    { class: "code-sheet" },
    el("p", { class: "code-whose", dir: "auto" }, whose),
    el(
      "output",
      { class: "code-groups", "aria-label": t("code_title") },
      groups.map((group, index) => el("span", {}, group, index < groups.length - 1 ? el("i", {}, "-") : null)),
    ),
    el("p", { class: "hint" }, t("code_print_hint")),
  );
}

/** @param {string} text @param {string} code */
function ways(text, code) {
  const way = (/** @type {string} */ picture, /** @type {string} */ label, /** @type {() => void} */ click) =>
    el("button", { type: "button", class: "button button-small", click }, icon(picture), label);
  return el(
    "div",
    { class: "code-ways code-screen" },
    way("copy", t("code_copy"), () => void copyText(code)),
    way("down", t("code_save"), () => downloadText("impulse-recovery-code.txt", text)),
    way("printer", t("code_print"), () => print()),
  );
}

/** As it is compared: O is 0, I and L are 1, and what stands between does not count. @param {string} typed */
function plain(typed) {
  return typed.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
}
