/**
 * Fields for passwords. One that is being set says while one types how good it is and why it is refused, and offers
 * a made passphrase. Either can be looked at: a long one is easily mistyped, most of all on a phone.
 */
import { makePassphrase } from "../../crypto/passphrase.js";
import { LENGTH_MIN, strengthOf, weaknessOf } from "../../crypto/password.js";
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** @typedef {import("../base/i18n.js").Key} Key */

const LENGTH_MAX = "256";
/** @type {Record<import("../../crypto/password.js").Weakness, Key>} */
const REASONS = {
  short: "need_password",
  long: "weak_long",
  common: "weak_common",
  pattern: "weak_pattern",
  username: "weak_username",
};
/** @type {readonly Key[]} */
const STRENGTHS = ["strength_weak", "strength_fair", "strength_good", "strength_strong"];

/**
 * @param {string} id
 * @param {string} label
 */
export function currentPassword(id, label) {
  const input = el("input", {
    class: "input",
    id,
    name: id,
    type: "password",
    maxlength: LENGTH_MAX,
    required: true,
    autocomplete: "current-password",
  });
  return { input, node: el("div", { class: "field" }, el("label", { for: id }, label), withEye(input)) };
}

/**
 * @param {object} options
 * @param {string} options.id
 * @param {string} options.label
 * @param {() => string} options.username
 * @param {(phrase: string) => void} [options.made]  a passphrase was made
 */
export function newPassword({ id, label, username, made }) {
  const verdict = el("p", { class: "hint", id: `${id}-hint` }, t("password_hint"));
  const meter = el("span", { class: "meter", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
  const input = el("input", {
    class: "input",
    id,
    name: id,
    type: "password",
    maxlength: LENGTH_MAX,
    minlength: String(LENGTH_MIN),
    required: true,
    autocomplete: "new-password",
    "aria-describedby": `${id}-hint`,
    input: () => void judge(),
  });
  const box = withEye(input);

  async function judge() {
    const password = input.value;
    if (!password) {
      delete meter.dataset["strength"];
      return setText(verdict, t("password_hint"));
    }
    // Without the list there is no verdict now, and none is sent without it.
    const why = await weaknessOf(password, username()).catch(() => undefined);
    if (password !== input.value || why === undefined) return;
    const strength = why ? 0 : strengthOf(password);
    meter.dataset["strength"] = String(strength);
    setText(
      verdict,
      why === "short"
        ? t("weak_short", { n: LENGTH_MIN - [...password.normalize("NFKC")].length })
        : why
          ? t(REASONS[why])
          : t(STRENGTHS[strength] ?? "strength_fair"),
    );
  }

  const make = () => {
    const phrase = makePassphrase();
    input.value = phrase;
    box.show();
    made?.(phrase);
    void judge().then(() => setText(verdict, t("passphrase_made")));
    input.focus();
    input.select();
  };

  return {
    input,
    node: el(
      "div",
      { class: "field" },
      el(
        "div",
        { class: "field-head" },
        el("label", { for: id }, label),
        el("button", { type: "button", class: "link-button", click: make }, icon("spark"), t("make_passphrase")),
      ),
      box,
      meter,
      verdict,
    ),
    /** Why it is refused, as a sentence, or null. */
    async refusal() {
      const why = await weaknessOf(input.value, username());
      return why ? t(REASONS[why]) : null;
    },
    clear() {
      input.value = "";
      void judge();
    },
  };
}

/**
 * A field with the button that shows what is in it.
 *
 * @param {HTMLInputElement} input
 */
export function withEye(input) {
  const set = (/** @type {boolean} */ shown) => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", t(shown ? "hide_password" : "show_password"));
  };
  const button = el(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": t("show_password"),
      "aria-pressed": "false",
      click: () => set(input.type === "password"),
    },
    icon("eye"),
  );
  return Object.assign(el("div", { class: "password" }, input, button), { show: () => set(true) });
}
