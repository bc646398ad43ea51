/** Asks for the password, because this browser has no keys, or older ones. */
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { currentPassword } from "../entry/password_field.js";
import { openLocked } from "./locked.js";
import { nameForManagers, passwordRefusal } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 */
export function openUnlock(store, actions) {
  const { keys } = store.state;
  if (keys.phase === "locked") return openLocked(actions);
  openDialog({ title: t("unlock_title"), class: "dialog-narrow" }, (close) => {
    const alert = createAlert();
    const password = currentPassword("unlock-password", t("password"));
    const submit = el("button", { type: "submit", class: "button button-primary" }, t("unlock_button"));
    const salt = el("div", { class: "keys-question", hidden: true });
    const unlock = (/** @type {{ anySalt: boolean }} */ options) =>
      busy(submit, alert.say, explain, async () => {
        salt.hidden = true;
        await actions.keys.unlock(password.input.value, options);
        close();
        if (store.state.keys.phase === "locked") return openLocked(actions);
        toast(t("unlocked_note"));
      });
    const explain = (/** @type {{ code?: string, message?: string }} */ error) => {
      salt.hidden = error.code !== "other_salt";
      return salt.hidden ? passwordRefusal(error) : "";
    };
    const yes = () => void unlock({ anySalt: true });
    salt.append(
      el("p", { role: "alert" }, t("unlock_other_salt")),
      el("button", { type: "button", class: "button button-small", click: yes }, t("unlock_other_salt_yes")),
    );
    const sent = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (!password.input.value) {
        alert.say(t("need_old_password"));
        return password.input.focus();
      }
      void unlock({ anySalt: false });
    };
    return [
      el(
        "form",
        { class: "dialog-body", novalidate: true, submit: sent },
        el("p", { class: "hint" }, t(leadOf(keys))),
        nameForManagers(store.state.me?.username ?? ""),
        password.node,
        salt,
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

/** @param {import("../../state/keys_state.js").KeysState} keys */
function leadOf({ phase, isChanged }) {
  if (phase === "none") return "unlock_lead_first";
  return isChanged ? "unlock_lead_changed" : "unlock_lead";
}
