/** Settings: another password. The old one proves who asks, and both stay in this browser. */
import { el } from "../base/element.js";
import { busy, complainAbout, createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { currentPassword, newPassword, withEye } from "../entry/password_field.js";
import { nameForManagers } from "../keys/parts.js";

/** @type {import("./section.js").Section} */
export function passwordSection(store, actions) {
  const username = store.state.me?.username ?? "";
  const alert = createAlert();
  const old = currentPassword("old-password", t("old_password"));
  const again = repeatedPassword();
  const againBox = withEye(again);
  const fresh = newPassword({
    id: "new-password",
    label: t("new_password"),
    username: () => username,
    made: (phrase) => {
      again.value = phrase;
      againBox.show();
    },
  });
  const others = el("input", { type: "checkbox", id: "sign-out-others", checked: true });
  const submit = el("button", { type: "submit", class: "button button-primary" }, t("change_password"));

  const complain = (/** @type {string} */ text, /** @type {HTMLElement} */ input) => complainAbout(alert, text, input);

  const sent = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    for (const input of [old.input, fresh.input, again]) input.removeAttribute("aria-invalid");
    if (!old.input.value) return complain(t("need_old_password"), old.input);
    const refusal = await fresh.refusal();
    if (refusal) return complain(refusal, fresh.input);
    if (fresh.input.value === old.input.value) return complain(t("same_password"), fresh.input);
    if (again.value !== fresh.input.value) return complain(t("passwords_differ"), again);
    await busy(
      submit,
      alert.say,
      (error) => (error.code === "bad_credentials" ? t("wrong_old_password") : errorText(error)),
      async () => {
        await actions.session.changePassword({
          old: old.input.value,
          password: fresh.input.value,
          signOutOthers: others.checked,
        });
        old.input.value = again.value = "";
        fresh.clear();
        toast(t(others.checked ? "password_changed_others" : "password_changed"));
      },
    );
  };

  return [
    el(
      "form",
      { class: "settings-form", novalidate: true, submit: sent },
      nameForManagers(username),
      old.node,
      fresh.node,
      el("div", { class: "field" }, el("label", { for: again.id }, t("new_password_again")), againBox),
      el(
        "label",
        { class: "check", for: others.id },
        others,
        el("span", {}, t("sign_out_others"), el("small", { class: "hint" }, t("sign_out_others_hint"))),
      ),
      alert.node,
      el("div", { class: "dialog-foot" }, submit),
    ),
  ];
}

function repeatedPassword() {
  return el("input", {
    class: "input",
    id: "new-password-again",
    name: "new-password-again",
    type: "password",
    maxlength: "256",
    required: true,
    autocomplete: "new-password",
  });
}
