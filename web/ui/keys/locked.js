/** The ways on for an account whose password was set anew: recovery code, another browser, or a fresh start. */
import { ask, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { busy, createAlert, field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { codeField } from "../entry/code_field.js";
import { passwordRefusal } from "./parts.js";

/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {"code" | "browser" | "fresh"} Way */

/** @param {Actions} actions */
export function openLocked(actions) {
  openDialog({ title: t("locked_title") }, (close) => {
    const alert = createAlert();
    /** @type {Way} */
    let way = "code";
    const code = codeField();
    const codeBox = field(t("code_field"), code);
    const submit = el("button", { type: "submit", class: "button button-primary" }, t("unlock_button"));
    const choose = (/** @type {Way} */ next) => {
      way = next;
      alert.say("");
      codeBox.hidden = way !== "code";
      submit.hidden = way === "browser";
      submit.className = `button ${way === "fresh" ? "button-danger" : "button-primary"}`;
      submit.textContent = t(way === "fresh" ? "locked_fresh" : "unlock_button");
    };
    const sent = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (way === "code" && !code.value.trim()) {
        alert.say(t("need_code"));
        return code.focus();
      }
      const question = { title: t("locked_fresh_question"), text: t("locked_fresh_text"), confirm: t("locked_fresh") };
      if (way === "fresh" && !(await ask({ ...question, danger: true }))) return;
      await busy(submit, alert.say, way === "code" ? codeRefusal : passwordRefusal, async () => {
        await (way === "code" ? actions.keys.unlockWithCode(code.value, "") : actions.keys.startFresh(""));
        close();
        toast(t(way === "code" ? "unlocked_note" : "fresh_note"));
      });
    };
    return [
      el(
        "form",
        { class: "dialog-body", novalidate: true, submit: (/** @type {SubmitEvent} */ event) => void sent(event) },
        el("p", { class: "hint" }, t("locked_lead")),
        el(
          "fieldset",
          { class: "field plain" },
          el("legend", { class: "hidden-visually" }, t("locked_title")),
          el(
            "div",
            { class: "choices" },
            choice("code", t("locked_code"), t("locked_code_hint"), choose),
            choice("browser", t("locked_browser"), t("locked_browser_hint"), choose),
            choice("fresh", t("locked_fresh"), t("locked_fresh_hint"), choose),
          ),
        ),
        codeBox,
        alert.node,
        el(
          "div",
          { class: "dialog-foot" },
          el("button", { type: "button", class: "button", click: close }, t("not_now")),
          submit,
        ),
      ),
    ];
  });
}

/** Of a form that asks for the recovery code. @param {{ code?: string, message?: string }} error */
export function codeRefusal(error) {
  return error.code === "bad_credentials" ? t("error_other_account") : errorText(error);
}

/**
 * @param {Way} value
 * @param {string} label
 * @param {string} hint
 * @param {(way: Way) => void} choose
 */
function choice(value, label, hint, choose) {
  const checked = value === "code";
  return el(
    "label",
    { class: "choice" },
    el("input", { type: "radio", name: "way", value, checked, change: () => choose(value) }),
    el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)),
  );
}
