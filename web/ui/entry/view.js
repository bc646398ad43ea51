/**
 * Sign in, or register where the server lets people in: it says itself whether it is open, by invitation, or closed.
 */
import { readInfo } from "../../calls/account.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { wishLanguage } from "../base/language.js";
import { navigate, redirect } from "../base/navigation.js";
import { parseRoute, roomPath } from "../base/routes.js";
import { accountForm, createPage, head, notice } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Info} Info */
/** @typedef {"login" | "register"} Mode */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {Mode} start
 * @returns {import("../base/view.js").View}
 */
export function createEntry(store, actions, start) {
  const page = createPage();
  /** @type {Info | null} */
  let info = null;
  let mode = start;
  const below = el("div", { class: "entry-below" });

  // The address of a room stays: it is where one goes afterwards.
  const change = (/** @type {Mode} */ next) => {
    if (parseRoute(location).name !== "room") return navigate(`/${next}`);
    mode = next;
    draw();
  };

  function draw() {
    drawBelow();
    if (mode === "login")
      return page.show(
        head(
          t("sign_in_title"),
          store.state.wasEnded ? el("span", { role: "status" }, t("error_unauthorized")) : t("tagline"),
          undefined,
          serverName(info),
        ),
        signInForm(actions, () => drawBelow(true)),
        below,
      );
    if (info?.registration === "closed")
      return page.show(
        ...notice({
          picture: "lock",
          title: t("closed_title"),
          lead: t("closed_lead"),
          button: { label: t("sign_in"), act: () => change("login") },
        }),
      );
    if (info?.registration === "invite" && !info.setup)
      return page.show(head(t("invite_only_title"), t("invite_only_lead")), pasteForm(), below);
    page.show(
      head(t("register_title"), t("tagline"), undefined, serverName(info)),
      accountForm({
        isNew: true,
        button: t("register"),
        working: t("working_register"),
        act: async (account) => {
          await actions.session.register(account);
          arrive();
        },
      }),
      below,
    );
  }

  /** The line below the form; after a wrong password it also says what helps. */
  function drawBelow(forgot = false) {
    const to = (/** @type {Mode} */ next) =>
      el(
        "button",
        { type: "button", class: "link-button", click: () => change(next) },
        t(next === "login" ? "sign_in" : "register"),
      );
    fill(
      below,
      forgot ? el("p", { class: "hint" }, t("forgot_hint")) : null,
      info?.setup ? el("p", { class: "form-note" }, t("setup_waiting")) : null,
      mode === "register"
        ? el("p", { class: "entry-switch" }, t("have_account"), to("login"))
        : info?.registration === "open"
          ? el("p", { class: "entry-switch" }, t("no_account"), to("register"))
          : info
            ? el(
                "p",
                { class: "entry-switch" },
                t(info.registration === "invite" ? "no_account_invite" : "no_account_closed"),
              )
            : null,
    );
  }

  draw();
  readInfo().then(
    (answer) => {
      info = answer;
      if (wishLanguage({ server: answer.defaultLocale ?? "" })) return;
      // What is typed already stays, unless this page cannot be.
      if (mode === "register" && answer.registration !== "open") draw();
      else {
        drawBelow();
        const eyebrow = serverName(answer);
        if (eyebrow)
          page.node.querySelector(".entry-head h1")?.before(el("p", { class: "entry-eyebrow", dir: "auto" }, eyebrow));
      }
    },
    () => {},
  );
  return { node: page.node, update() {} };
}

/**
 * @param {Actions} actions
 * @param {() => void} refused
 */
function signInForm(actions, refused) {
  return accountForm({
    isNew: false,
    button: t("sign_in"),
    working: t("working_sign_in"),
    act: async (account) => {
      await actions.session.signIn(account);
      arrive();
    },
    refused: (error) => {
      if (error.code === "bad_credentials") refused();
    },
  });
}

/**
 * For who was sent a link and came without it.
 *
 */
function pasteForm() {
  const link = el("input", {
    class: "input",
    id: "invite-link",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    placeholder: `${location.origin}/invite#…`,
  });
  return el(
    "form",
    {
      novalidate: true,
      submit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        const code = link.value.trim().replace(/^.*#/, "");
        if (code) navigate(`/invite#${encodeURIComponent(code)}`);
        else link.focus();
      },
    },
    el("div", { class: "field" }, el("label", { for: link.id }, t("invite_link")), link),
    el("button", { type: "submit", class: "button button-primary button-wide" }, t("invite_open")),
  );
}

/**
 * Signed in: back to the room or the page of the administration whose link brought one here, else to the rooms.
 *
 */
function arrive() {
  const route = parseRoute(location);
  if (route.name === "admin") return redirect(location.pathname + location.search);
  redirect(route.name === "room" ? roomPath(route.room, route.mid ?? undefined) : "/");
}

/** The server's own name, where it has one. @param {Info | null} info */
function serverName(info) {
  return info && info.name !== t("app_name") ? info.name : "";
}
