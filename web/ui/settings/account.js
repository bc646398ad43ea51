/** Settings: the end of an account. Asks for the password, for the fate of the messages, and for the name in full. */
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { busy, createAlert, field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { foldName } from "../base/letters.js";
import { redirect } from "../base/navigation.js";
import { toast } from "../base/toast.js";
import { currentPassword } from "../entry/password_field.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** @type {import("./section.js").Section} */
export function accountSection(store, actions, { close }) {
  const { me } = store.state;
  return [
    el(
      "dl",
      { class: "facts" },
      el("div", {}, el("dt", {}, t("username")), el("dd", {}, `@${me?.username ?? ""}`)),
      el("div", {}, el("dt", {}, t("account_role")), el("dd", {}, t(me?.admin ? "server_admin" : "account_member"))),
    ),
    el(
      "div",
      { class: "settings-danger" },
      el("h3", {}, t("delete_account")),
      el("p", {}, t("delete_account_lead")),
      el(
        "div",
        { class: "dialog-foot" },
        el(
          "button",
          { type: "button", class: "button button-danger", click: () => openDeleteAccount(store, actions, close) },
          icon("trash"),
          t("delete_account_open"),
        ),
      ),
    ),
  ];
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {() => void} closeSettings
 */
function openDeleteAccount(store, actions, closeSettings) {
  const name = store.state.me?.username ?? "";
  openDialog({ title: t("delete_account") }, (close) => {
    const alert = createAlert();
    const password = currentPassword("delete-account-password", t("password"));
    const typed = el("input", {
      class: "input",
      id: "delete-account-name",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      dir: "auto",
      input: () => check(),
    });
    const submit = el("button", { type: "submit", class: "button button-danger", disabled: true }, t("delete_account"));
    const check = () => {
      submit.disabled = foldName(typed.value.trim()) !== foldName(name) || !password.input.value;
    };
    password.input.addEventListener("input", check);
    const form = el(
      "form",
      {
        class: "dialog-body",
        novalidate: true,
        submit: (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          if (submit.disabled) return;
          const messages = new FormData(form).get("messages") === "erase" ? "erase" : "keep";
          void busy(submit, alert.say, explain, async () => {
            await actions.session.deleteAccount({ password: password.input.value, messages });
            close();
            closeSettings();
            redirect("/login");
            toast(t("account_deleted"));
          });
        },
      },
      el("p", {}, t("delete_account_what")),
      el(
        "fieldset",
        { class: "field plain" },
        el("legend", { class: "label" }, t("my_messages")),
        el(
          "div",
          { class: "choices" },
          choice("keep", t("messages_keep"), t("messages_keep_hint"), true),
          choice("erase", t("messages_erase"), t("messages_erase_hint"), false),
        ),
      ),
      password.node,
      field(t("type_name", { name }), typed),
      alert.node,
      dialogFoot(close, submit),
    );
    return [form];
  });
}

/** @param {{ code?: string, message?: string }} error */
function explain(error) {
  if (error.code === "bad_credentials") return t("wrong_old_password");
  return error.code === "forbidden" ? t("last_admin") : errorText(error);
}

/**
 * @param {string} value
 * @param {string} label
 * @param {string} hint
 * @param {boolean} checked
 */
function choice(value, label, hint, checked) {
  return el(
    "label",
    { class: "choice" },
    el("input", { type: "radio", name: "messages", value, checked }),
    el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)),
  );
}
