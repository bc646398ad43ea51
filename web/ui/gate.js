/** The first page: sign in, register, or set up the server's first account. */
import { el, fill } from "./element.js";
import { errorText, t } from "./i18n.js";
import { icon } from "./icons.js";
import { parseRoute } from "./routes.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {"login" | "register" | "setup"} Mode */

const PASSWORD_MIN = 10;

/**
 * @param {Context} context
 * @param {{ mode: Mode, code?: string }} start
 */
export function createGate(context, start) {
  const node = el("main", { class: "gate" });
  let mode = start.mode;

  function draw() {
    fill(node, card(context, mode, start.code ?? "", (next) => { mode = next; draw(); }), promises());
    const field = node.querySelector("input");
    if (field && matchMedia("(hover: hover)").matches) field.focus();
  }

  draw();
  return { node, update() {} };
}

/**
 * @param {Context} context
 * @param {Mode} mode
 * @param {string} code
 * @param {(mode: Mode) => void} change
 */
function card(context, mode, code, change) {
  const isNew = mode !== "login";
  const title = t(mode === "setup" ? "setup_title" : isNew ? "register_title" : "sign_in_title");
  const alert = el("p", { class: "gate-alert", role: "alert", hidden: true });
  const username = el("input", {
    class: "input", id: "username", name: "username", autocomplete: "username", autocapitalize: "none",
    spellcheck: "false", maxlength: "64", required: true, dir: "auto", "aria-describedby": isNew ? "username-hint" : null,
  });
  const password = el("input", {
    class: "input", id: "password", name: "password", type: "password", maxlength: "256", required: true,
    autocomplete: isNew ? "new-password" : "current-password", "aria-describedby": isNew ? "password-hint" : null,
  });
  const submit = el("button", { type: "submit", class: "button button-primary button-wide" });
  const idle = t(mode === "setup" ? "setup_button" : isNew ? "register" : "sign_in");
  submit.append(idle);

  /** @param {string} text @param {HTMLElement} [field] */
  const complain = (text, field) => {
    alert.textContent = text;
    alert.hidden = false;
    field?.setAttribute("aria-invalid", "true");
    (field ?? username).focus();
  };

  /** @param {SubmitEvent} event */
  async function sent(event) {
    event.preventDefault();
    alert.hidden = true;
    username.removeAttribute("aria-invalid");
    password.removeAttribute("aria-invalid");
    const name = username.value.trim();
    if (!name) return complain(t("need_username"), username);
    if (isNew && [...password.value].length < PASSWORD_MIN) return complain(t("need_password"), password);
    submit.disabled = true;
    fill(submit, el("span", { class: "spinner" }), t(isNew ? "working_register" : "working_sign_in"));
    try {
      if (isNew) await context.actions.register({ username: name, password: password.value, ...(code ? { setup: code } : {}) });
      else await context.actions.signIn({ username: name, password: password.value });
      context.go(parseRoute(location).name === "room" ? location.pathname + location.hash : "/", true);
    } catch (error) {
      complain(errorText(/** @type {{ code?: string, message?: string }} */ (error)));
      submit.disabled = false;
      fill(submit, idle);
    }
  }

  return el("div", { class: "gate-card" },
    el("header", { class: "gate-head" },
      el("span", { class: "mark mark-beat" }, icon("pulse")),
      el("h1", {}, title),
      el("p", {}, t(mode === "setup" ? "setup_lead" : "tagline"))),
    el("form", { submit: sent, novalidate: true },
      alert,
      el("div", { class: "field" },
        el("label", { for: "username" }, t("username")), username,
        isNew ? el("p", { class: "hint", id: "username-hint" }, t("username_hint")) : null),
      el("div", { class: "field" },
        el("label", { for: "password" }, t("password")), passwordBox(password),
        isNew ? el("p", { class: "hint", id: "password-hint" }, t("password_hint")) : null),
      submit),
    mode === "setup" ? null : el("p", { class: "gate-switch" },
      t(isNew ? "have_account" : "no_account"),
      el("button", { type: "button", class: "link-button", click: () => change(isNew ? "login" : "register") }, t(isNew ? "sign_in" : "register"))));
}

/** @param {HTMLInputElement} input */
function passwordBox(input) {
  const button = el("button", {
    type: "button", class: "icon-button", "aria-label": t("show_password"), "aria-pressed": "false",
    click: () => {
      const shown = input.type === "password";
      input.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
      button.setAttribute("aria-label", t(shown ? "hide_password" : "show_password"));
    },
  }, icon("eye"));
  return el("div", { class: "password" }, input, button);
}

function promises() {
  return el("ul", { class: "gate-promises" },
    el("li", {}, icon("spark"), t("promise_realtime")),
    el("li", {}, icon("key"), t("promise_private")),
    el("li", {}, icon("check"), t("promise_once")));
}
