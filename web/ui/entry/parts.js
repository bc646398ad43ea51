/** What the pages before signing in have in common: the card with its mark, the form for an account, the foot. */
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { chooseLanguage, currentLanguage, LANGUAGES } from "../base/language.js";
import { currentPassword, newPassword } from "./password_field.js";

/** @typedef {import("../base/i18n.js").Key} Key */
/** @typedef {import("../base/element.js").Child} Child */

/**
 * @returns {{ node: HTMLElement, show: (...children: Child[]) => void }}
 */
export function createPage() {
  const card = el("div", { class: "entry-card" });
  const node = el("main", { class: "entry" }, card, foot());
  return {
    node,
    /** @param {...Child} children */
    show(...children) {
      fill(card, ...children);
      const field = card.querySelector("input:not([readonly])");
      if (field instanceof HTMLElement && matchMedia("(hover: hover)").matches) field.focus();
    },
  };
}

/**
 * @param {string} title
 * @param {Child} lead
 * @param {Child} [picture]  instead of the mark
 * @param {string} [eyebrow]
 */
export function head(title, lead, picture, eyebrow) {
  return el(
    "header",
    { class: "entry-head" },
    picture ?? el("span", { class: "mark mark-beat" }, icon("pulse")),
    eyebrow ? el("p", { class: "entry-eyebrow", dir: "auto" }, eyebrow) : null,
    el("h1", { dir: "auto" }, title),
    lead ? el("p", {}, lead) : null,
  );
}

/** The page while the server is asked. */
export function waiting() {
  return el(
    "div",
    { class: "entry-waiting", role: "status" },
    el("span", { class: "spinner" }),
    el("span", { class: "hidden-visually" }, t("loading")),
  );
}

/**
 * A page that says what is the matter and what to do next.
 *
 * @param {{ picture: string, title: string, lead: string, button?: { label: string, act: () => void } }} notice
 * @returns {Child[]}
 */
export function notice({ picture, title, lead, button }) {
  return [
    head(title, lead, el("span", { class: "entry-sign" }, icon(picture))),
    button
      ? el("button", { type: "button", class: "button button-primary button-wide", click: button.act }, button.label)
      : null,
  ];
}

/**
 * A page for a link that could not be read now, with a button to try again.
 *
 * @param {{ code?: string }} failure
 * @param {() => void} retry
 */
export function unreadable(failure, retry) {
  const button = { label: t("retry"), act: retry };
  return notice({ picture: "alert", title: t("invite_unread"), lead: errorText(failure), button });
}

/**
 * The form for an account: a new one, an old one, or one whose name is given.
 *
 * @param {object} options
 * @param {boolean} options.isNew  the password is being set
 * @param {string} [options.username]  cannot be changed
 * @param {string} options.button
 * @param {string} options.working
 * @param {(account: { username: string, password: string }) => Promise<void>} options.act
 * @param {(error: { code?: string, message?: string }) => string} [options.explain]
 * @param {(error: { code?: string }) => void} [options.refused]
 */
export function accountForm({ isNew, username, button, working, act, explain = refusalOf, refused }) {
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
    value: username ?? "",
    readonly: username !== undefined,
    "aria-describedby": isNew && username === undefined ? "username-hint" : null,
  });
  const fresh = isNew ? newPassword({ id: "password", label: t("password"), username: () => name.value.trim() }) : null;
  const password = fresh ?? currentPassword("password", t("password"));
  const submit = el("button", { type: "submit", class: "button button-primary button-wide" }, button);

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
    for (const field of [name, password.input]) field.removeAttribute("aria-invalid");
    const account = { username: name.value.trim(), password: password.input.value };
    if (!account.username) return complain(t("need_username"), name);
    if (!account.password) return complain(t(isNew ? "need_password" : "need_old_password"), password.input);
    submit.disabled = true;
    fill(submit, el("span", { class: "spinner" }), working);
    try {
      const refusal = await fresh?.refusal();
      if (refusal) complain(refusal, password.input);
      else await act(account);
    } catch (error) {
      const failure = /** @type {{ code?: string, message?: string }} */ (error);
      complain(explain(failure), failure.code === "weak_password" || username !== undefined ? password.input : name);
      refused?.(failure);
    }
    submit.disabled = false;
    fill(submit, button);
  }

  return el(
    "form",
    { submit: sent, novalidate: true },
    alert,
    el(
      "div",
      { class: "field" },
      el("label", { for: "username" }, t("username")),
      name,
      isNew && username === undefined ? el("p", { class: "hint", id: "username-hint" }, t("username_hint")) : null,
    ),
    password.node,
    submit,
  );
}

/** @param {{ code?: string, message?: string }} error */
export function refusalOf(error) {
  return error.code === "bad_request" ? t("bad_username") : errorText(error);
}

/** */
function foot() {
  return el(
    "footer",
    { class: "entry-foot" },
    el(
      "ul",
      { class: "entry-promises" },
      el("li", {}, icon("spark"), t("promise_realtime")),
      el("li", {}, icon("key"), t("promise_private")),
      el("li", {}, icon("check"), t("promise_once")),
    ),
    el(
      "p",
      { class: "entry-languages", role: "group", "aria-label": t("language") },
      LANGUAGES.map(([value, name]) =>
        el(
          "button",
          {
            type: "button",
            lang: value,
            "aria-pressed": String(value === currentLanguage()),
            click: () => void chooseLanguage(value),
          },
          name,
        ),
      ),
    ),
  );
}
