/** Where a recovery code is typed. */
import { el } from "../base/element.js";

/** */
export function codeField() {
  return el("input", {
    class: "input code-typed",
    id: "recovery-code",
    name: "recovery-code",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: "64",
    required: true,
    placeholder: "XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX",
  });
}
