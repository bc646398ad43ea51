/** What the pages before signing in have in common: the card with its mark, the form for an account, the foot. */
import { el, fill } from "../base/element.js";
import { complainAbout, createAlert, field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { chooseLanguage, currentLanguage, LANGUAGES } from "../base/language.js";
import { currentPassword, newPassword } from "./password_field.js";

/** @typedef {import("../base/i18n.js").Key} Key */
/** @typedef {import("../base/element.js").Child} Child */
/** What is wrong, and with which field. @typedef {[text: string, input: HTMLElement]} Complaint */

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
  const isNamed = isNew && username === undefined;
  const name = usernameField({ value: username ?? "", readonly: username !== undefined });
  const fresh = isNew ? newPassword({ id: "password", label: t("password"), username: () => name.value.trim() }) : null;
  const password = fresh ?? currentPassword("password", t("password"));
  return entryForm({
    inputs: [name, password.input],
    fields: [field(t("username"), name, isNamed ? t("username_hint") : ""), password.node],
    button,
    working,
    missing() {
      if (!name.value.trim()) return [t("need_username"), name];
      return password.input.value ? null : [t(isNew ? "need_password" : "need_old_password"), password.input];
    },
    async work() {
      const refusal = await fresh?.refusal();
      if (refusal) return [refusal, password.input];
      await act({ username: name.value.trim(), password: password.input.value });
      return null;
    },
    failed(failure) {
      refused?.(failure);
      const isOfPassword = failure.code === "weak_password" || username !== undefined;
      return [explain(failure), isOfPassword ? password.input : name];
    },
  });
}

/** @param {{ value: string, readonly?: boolean }} options */
export function usernameField({ value, readonly = false }) {
  return el("input", {
    class: "input",
    id: "username",
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: "64",
    required: true,
    dir: "auto",
    value,
    readonly,
  });
}

/**
 * A form that does one thing at a time, and says with which field something is wrong.
 *
 * @param {object} options
 * @param {HTMLElement[]} options.inputs
 * @param {Child[]} options.fields
 * @param {string} options.button
 * @param {string} options.working
 * @param {() => Complaint | null} options.missing  what has to be filled in first
 * @param {() => Promise<Complaint | null>} options.work
 * @param {(failure: { code?: string, message?: string }) => Complaint} options.failed  in words
 */
export function entryForm({ inputs, fields, button, working, missing, work, failed }) {
  const alert = createAlert("form-alert");
  const submit = el("button", { type: "submit", class: "button button-primary button-wide" }, button);
  const complain = (/** @type {Complaint | null} */ complaint) => complaint && complainAbout(alert, ...complaint);

  /** @param {SubmitEvent} event */
  async function sent(event) {
    event.preventDefault();
    if (submit.disabled) return;
    alert.say("");
    for (const input of inputs) input.removeAttribute("aria-invalid");
    const first = missing();
    if (first) return complain(first);
    submit.disabled = true;
    fill(submit, el("span", { class: "spinner" }), working);
    complain(await work().catch(failed));
    submit.disabled = false;
    fill(submit, button);
  }

  return el("form", { submit: sent, novalidate: true }, alert.node, fields, submit);
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
