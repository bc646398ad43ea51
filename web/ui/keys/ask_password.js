/** What asks for the present password first: a recovery code, and following another list of keys. */
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { currentPassword } from "../entry/password_field.js";
import { nameForManagers, passwordRefusal } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** Makes a recovery code, which is then shown. @param {Store} store @param {Actions} actions */
export function openNewCode(store, actions) {
  askPassword(store, t("security_code"), (password) => actions.keys.newCode(password));
}

/**
 * @param {Store} store
 * @param {string} title
 * @param {(password: string) => Promise<void>} act
 */
export function askPassword(store, title, act) {
  openDialog({ title, class: "dialog-narrow" }, (close) => {
    const alert = createAlert();
    const password = currentPassword("security-password", t("security_password_title"));
    const submit = el("button", { type: "submit", class: "button button-primary" }, title);
    const sent = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (!password.input.value) {
        alert.say(t("need_old_password"));
        return password.input.focus();
      }
      void busy(submit, alert.say, passwordRefusal, async () => {
        await act(password.input.value);
        close();
      });
    };
    return [
      el(
        "form",
        { class: "dialog-body", novalidate: true, submit: sent },
        nameForManagers(store.state.me?.username ?? ""),
        password.node,
        alert.node,
        dialogFoot(close, submit),
      ),
    ];
  });
}
