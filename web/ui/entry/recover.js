/** Signing in with the recovery code, for who has forgotten the password. */
import { field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { codeField } from "./code_field.js";
import { entryForm, refusalOf, usernameField } from "./parts.js";
import { newPassword } from "./password_field.js";

/**
 * @param {object} options
 * @param {string} options.username  as far as it was typed
 * @param {(choice: { username: string, code: string, password: string }) => Promise<void>} options.act
 */
export function recoverForm({ username, act }) {
  const name = usernameField({ value: username });
  const code = codeField();
  const fresh = newPassword({ id: "password", label: t("new_password"), username: () => name.value.trim() });
  return entryForm({
    inputs: [name, code, fresh.input],
    fields: [field(t("username"), name), field(t("code_field"), code), fresh.node],
    button: t("recover_button"),
    working: t("working_sign_in"),
    missing() {
      if (!name.value.trim()) return [t("need_username"), name];
      return code.value.trim() ? null : [t("need_code"), code];
    },
    async work() {
      const refusal = await fresh.refusal();
      if (refusal) return [refusal, fresh.input];
      await act({ username: name.value.trim(), code: code.value, password: fresh.input.value });
      return null;
    },
    failed: (failure) => [explain(failure), failure.code === "weak_password" ? fresh.input : code],
  });
}

/** @param {{ code?: string, message?: string }} error */
function explain(error) {
  if (error.code === "bad_credentials") return t("error_other_account");
  return error.code === "bad_request" ? refusalOf(error) : errorText(error);
}
