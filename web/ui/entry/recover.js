/** Signing in with the recovery code, for who has forgotten the password. */
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { refusalOf } from "./parts.js";
import { newPassword } from "./password_field.js";

/**
 * @param {object} options
 * @param {string} options.username  as far as it was typed
 * @param {(choice: { username: string, code: string, password: string }) => Promise<void>} options.act
 */
export function recoverForm({ username, act }) {
  const alert = el("p", { class: "form-alert", role: "alert", hidden: true });
  const name = el("input", {
    class: "input",
    id: "username",
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: "64",
    required: true,
    dir: "auto",
    value: username,
  });
  const code = el("input", {
    class: "input code-typed",
    id: "recovery-code",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: "64",
    required: true,
  });
  const fresh = newPassword({ id: "password", label: t("new_password"), username: () => name.value.trim() });
  const submit = el("button", { type: "submit", class: "button button-primary button-wide" }, t("recover_button"));

  /** @param {string} text @param {HTMLElement} field */
  const complain = (text, field) => {
    alert.textContent = text;
    alert.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };

  /** @param {SubmitEvent} event */
  async function sent(event) {
    event.preventDefault();
    if (submit.disabled) return;
    alert.hidden = true;
    for (const field of [name, code, fresh.input]) field.removeAttribute("aria-invalid");
    if (!name.value.trim()) return complain(t("need_username"), name);
    if (!code.value.trim()) return complain(t("need_code"), code);
    submit.disabled = true;
    fill(submit, el("span", { class: "spinner" }), t("working_sign_in"));
    try {
      const refusal = await fresh.refusal();
      if (refusal) complain(refusal, fresh.input);
      else await act({ username: name.value.trim(), code: code.value, password: fresh.input.value });
    } catch (error) {
      const failure = /** @type {{ code?: string }} */ (error);
      complain(explain(failure), failure.code === "weak_password" ? fresh.input : code);
    }
    submit.disabled = false;
    fill(submit, t("recover_button"));
  }

  const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) =>
    el("div", { class: "field" }, el("label", { for: input.id }, label), input);
  return el(
    "form",
    { submit: sent, novalidate: true },
    alert,
    field(t("username"), name),
    field(t("code_field"), code),
    fresh.node,
    submit,
  );
}

/** @param {{ code?: string, message?: string }} error */
function explain(error) {
  if (error.code === "bad_credentials") return t("error_other_account");
  return error.code === "bad_request" ? refusalOf(error) : errorText(error);
}
