/**
 * Sign in, or register where the server lets people in: it says itself whether it is open, by invitation, or closed.
 */
import { readInfo } from "../../calls/account.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { wishLanguage } from "../base/language.js";
import { navigate, redirect } from "../base/navigation.js";
import { parseRoute, roomPath } from "../base/routes.js";
import { demoPeople } from "./demo.js";
import { accountForm, createPage, head, notice } from "./parts.js";
import { recoverForm } from "./recover.js";

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
  const entry = new Entry(store, actions, start);
  return { node: entry.node, update() {} };
}

class Entry {
  #store;
  #actions;
  #mode;
  #page = createPage();
  /** @type {Info | null} */
  #info = null;
  /** Above the form, on a demo. */
  #above = el("div", { class: "entry-above" });
  #below = el("div", { class: "entry-below" });
  node = this.#page.node;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {Mode} start
   */
  constructor(store, actions, start) {
    this.#store = store;
    this.#actions = actions;
    this.#mode = start;
    this.#draw();
    readInfo().then(
      (info) => this.#showInfo(info),
      () => {},
    );
  }

  /** @param {Info} info  what the server says about itself */
  #showInfo(info) {
    this.#info = info;
    if (wishLanguage({ server: info.defaultLocale ?? "" })) return;
    // What is typed already stays, unless this page cannot be.
    if (this.#mode === "register" && info.registration !== "open") return this.#draw();
    if (info.demo) {
      fill(
        this.#above,
        demoPeople(info.demo, async (account) => {
          await this.#actions.session.signIn(account);
          arrive();
        }),
      );
    }
    this.#drawBelow();
    const eyebrow = serverName(info);
    if (eyebrow)
      this.node.querySelector(".entry-head h1")?.before(el("p", { class: "entry-eyebrow", dir: "auto" }, eyebrow));
  }

  /**
   * The address of a room stays: it is where one goes afterwards.
   *
   * @param {Mode} next
   */
  #change(next) {
    if (parseRoute(location).name !== "room") return navigate(`/${next}`);
    this.#mode = next;
    this.#draw();
  }

  #draw() {
    this.#drawBelow();
    const info = this.#info;
    if (this.#mode === "login") this.#showSignIn();
    else if (info?.registration === "closed") this.#showClosed();
    else if (info?.registration === "invite" && !info.setup)
      this.#page.show(head(t("invite_only_title"), t("invite_only_lead")), pasteForm(), this.#below);
    else this.#showRegister();
  }

  #showSignIn() {
    const ended = this.#store.state.wasEnded;
    this.#page.show(
      head(
        t("sign_in_title"),
        ended ? el("span", { role: "status" }, t("error_unauthorized")) : t("tagline"),
        undefined,
        serverName(this.#info),
      ),
      this.#above,
      signInForm(this.#actions, () => this.#drawBelow("forgotten")),
      this.#below,
    );
  }

  #showRecover() {
    const typed = this.node.querySelector("#username");
    this.#page.show(
      head(t("recover_title"), t("recover_lead"), undefined, serverName(this.#info)),
      recoverForm({
        username: typed instanceof HTMLInputElement ? typed.value : "",
        act: async (choice) => {
          await this.#actions.session.recover(choice);
          arrive();
        },
      }),
      el(
        "p",
        { class: "entry-switch" },
        switchButton(t("sign_in"), () => this.#draw()),
      ),
    );
  }

  #showClosed() {
    this.#page.show(
      ...notice({
        picture: "lock",
        title: t("closed_title"),
        lead: t("closed_lead"),
        button: { label: t("sign_in"), act: () => this.#change("login") },
      }),
    );
  }

  #showRegister() {
    this.#page.show(
      head(t("register_title"), t("tagline"), undefined, serverName(this.#info)),
      accountForm({
        isNew: true,
        button: t("register"),
        working: t("working_register"),
        act: async (account) => {
          await this.#actions.session.register(account);
          arrive();
        },
      }),
      this.#below,
    );
  }

  /**
   * The line below the form.
   *
   * @param {"forgotten"} [why]  a wrong password was typed
   */
  #drawBelow(why) {
    fill(
      this.#below,
      why ? el("p", { class: "hint" }, t("forgot_hint")) : null,
      why
        ? el(
            "p",
            { class: "entry-switch" },
            switchButton(t("recover_link"), () => this.#showRecover()),
          )
        : null,
      this.#info?.setup ? el("p", { class: "form-note" }, t("setup_waiting")) : null,
      this.#switch(),
    );
  }

  /** The way to the other form, or why there is none. */
  #switch() {
    const line = (/** @type {import("../base/element.js").Child[]} */ ...children) =>
      el("p", { class: "entry-switch" }, children);
    if (this.#mode === "register")
      return line(
        t("have_account"),
        switchButton(t("sign_in"), () => this.#change("login")),
      );
    if (!this.#info) return null;
    switch (this.#info.registration) {
      case "open":
        return line(
          t("no_account"),
          switchButton(t("register"), () => this.#change("register")),
        );
      case "invite":
        return line(t("no_account_invite"));
      default:
        return line(t("no_account_closed"));
    }
  }
}

/**
 * @param {string} text
 * @param {() => void} click
 */
function switchButton(text, click) {
  return el("button", { type: "button", class: "link-button", click }, text);
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
