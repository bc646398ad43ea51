/** What the dialogs about keys have in common. */
import { el } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";

/**
 * Password managers take the name from here.
 *
 * @param {string} username
 */
export function nameForManagers(username) {
  return el("input", {
    class: "hidden-visually",
    type: "text",
    name: "username",
    autocomplete: "username",
    value: username,
    tabindex: "-1",
    "aria-hidden": "true",
    readonly: true,
  });
}

/** Of a dialog that asks for the present password. @param {{ code?: string, message?: string }} error */
export function passwordRefusal(error) {
  if (error.code === "bad_credentials") return t("wrong_old_password");
  return error.code === "unavailable" ? t("alarm_closed") : errorText(error);
}

/**
 * A number of many digits, in groups that are read one after the other.
 *
 * @param {string} number
 */
export function numberGroups(number) {
  return el(
    "output",
    { class: "safety-number" },
    number.split(" ").flatMap((group, index) => [index ? " " : null, el("span", {}, group)]),
  );
}
