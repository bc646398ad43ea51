/**
 * The settings: sections at the side, one of them open; on a phone first the list, then the section. Whatever is a
 * mere choice takes effect at once.
 */
import { ask, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { redirect } from "../base/navigation.js";
import { avatar, chosenNameOf } from "../people/people.js";
import { statusForm } from "../people/status.js";
import { accountSection } from "./account.js";
import { invitesSection } from "./invites.js";
import { appearanceSection, languageSection, notificationsSection } from "./appearance.js";
import { passwordSection } from "./password.js";
import { privacySection } from "./privacy.js";
import { profileSection } from "./profile.js";
import { securitySection } from "./security.js";
import { sessionsSection } from "./sessions.js";
import { openShortcuts } from "./shortcuts.js";
import { tokensSection } from "./tokens.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

/** @typedef {import("./section.js").Name} Name */

/** @type {readonly (readonly [Name, string, import("../base/i18n.js").Key, import("./section.js").Section])[]} */
const SECTIONS = [
  ["profile", "person", "profile", profileSection],
  ["status", "smile", "status", (store, actions) => [statusForm(store, actions)]],
  ["appearance", "palette", "appearance", appearanceSection],
  ["language", "globe", "language", languageSection],
  ["notifications", "bell", "notify", notificationsSection],
  ["privacy", "ban", "privacy", privacySection],
  ["security", "lock", "security", securitySection],
  ["password", "key", "password", passwordSection],
  ["sessions", "screen", "sessions", sessionsSection],
  ["tokens", "code", "tokens", tokensSection],
  ["invites", "link", "invites", invitesSection],
  ["account", "shield", "account", accountSection],
];

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {Name} [start]  without it the first section, or on a phone the list
 */
export function openSettings(store, actions, start) {
  const { me } = store.state;
  if (!me) return;
  openDialog({ title: t("settings"), bare: true, class: "dialog-settings" }, (close) => [
    new Settings(store, actions, me, close).show(start),
  ]);
}

class Settings {
  #store;
  #actions;
  #me;
  #close;
  #title = el("h2", { tabindex: "-1" });
  #body = el("div", { class: "settings-body" });
  #frame = el("div", { class: "settings" });
  #links;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {User} me
   * @param {() => void} close
   */
  constructor(store, actions, me, close) {
    this.#store = store;
    this.#actions = actions;
    this.#me = me;
    this.#close = close;
    this.#links = SECTIONS.map(([name, picture, label]) => this.#link(name, picture, t(label)));
    fill(this.#frame, this.#navigation(), this.#section());
  }

  /** @param {Name | undefined} start */
  show(start) {
    this.#open(start ?? "profile");
    if (!start) this.#frame.dataset["view"] = "list";
    return this.#frame;
  }

  /** @param {Name} name */
  #open(name) {
    const section = SECTIONS.find(([each]) => each === name) ?? SECTIONS[0];
    if (!section) return;
    this.#frame.dataset["view"] = "section";
    this.#links.forEach((link) => {
      if (link.dataset["section"] === name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    this.#title.textContent = t(section[2]);
    const reopen = (/** @type {Name} */ next) => openSettings(this.#store, this.#actions, next);
    fill(this.#body, section[3](this.#store, this.#actions, { close: this.#close, reopen }));
    this.#body.scrollTop = 0;
  }

  #back() {
    this.#frame.dataset["view"] = "list";
    this.#links.find((link) => link.hasAttribute("aria-current"))?.focus();
  }

  #navigation() {
    const { state } = this.#store;
    const { uid, username } = this.#me;
    return el(
      "nav",
      { class: "settings-nav", "aria-label": t("settings") },
      el("header", { class: "settings-head" }, el("h2", {}, t("settings")), this.#closeButton()),
      el(
        "p",
        { class: "settings-me" },
        avatar(state, uid, { size: "small" }),
        el("span", { dir: "auto" }, chosenNameOf(state, uid), el("small", {}, `@${username}`)),
      ),
      el("div", { class: "settings-links" }, this.#links),
      el("div", { class: "settings-links settings-more" }, this.#moreLinks()),
    );
  }

  /**
   * @param {Name} name
   * @param {string} picture
   * @param {string} label
   */
  #link(name, picture, label) {
    const open = () => {
      this.#open(name);
      this.#title.focus();
    };
    return el(
      "button",
      {
        type: "button",
        class: "settings-link",
        "data-section": name,
        hidden: name === "invites" && !this.#me.admin && !this.#store.state.info?.memberInvites,
        click: open,
      },
      icon(picture),
      el("span", {}, label),
      icon("forward"),
    );
  }

  #moreLinks() {
    const close = this.#close;
    const shortcuts = () => {
      close();
      openShortcuts();
    };
    return [
      el(
        "button",
        { type: "button", class: "settings-link", click: shortcuts },
        icon("keyboard"),
        el("span", {}, t("shortcuts")),
      ),
      el(
        "button",
        { type: "button", class: "settings-link", click: () => void signOut(this.#store.state, this.#actions, close) },
        icon("leave"),
        el("span", {}, t("sign_out")),
      ),
    ];
  }

  #section() {
    const back = el(
      "button",
      {
        type: "button",
        class: "icon-button settings-back",
        "aria-label": t("settings"),
        click: () => this.#back(),
      },
      icon("back"),
    );
    return el(
      "section",
      { class: "settings-section" },
      el("header", { class: "settings-head" }, back, this.#title, this.#closeButton()),
      this.#body,
    );
  }

  #closeButton() {
    return el(
      "button",
      { type: "button", class: "icon-button", "aria-label": t("close"), click: this.#close },
      icon("close"),
    );
  }
}

/**
 * @param {import("../../state/types.js").State} state
 * @param {Actions} actions
 * @param {() => void} close
 */
async function signOut(state, actions, close) {
  const text = isUnsent(state) ? `${t("sign_out_question")} ${t("sign_out_unsent")}` : t("sign_out_question");
  if (!(await ask({ title: t("sign_out"), text, confirm: t("sign_out") }))) return;
  close();
  await actions.session.signOut();
  redirect("/login");
}

/**
 * Whether something is written here that the server does not have.
 *
 * @param {import("../../state/types.js").State} state
 */
export function isUnsent({ drafts, uploads, setAside, timelines }) {
  const isWaiting = [...timelines.values()].some(({ messages }) => messages.some(({ status }) => status !== "sent"));
  return isWaiting || drafts.size + uploads.size + setAside.length > 0;
}
