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
import { sessionsSection } from "./sessions.js";
import { openShortcuts } from "./shortcuts.js";
import { tokensSection } from "./tokens.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** @typedef {import("./section.js").Name} Name */

/** @type {readonly (readonly [Name, string, import("../base/i18n.js").Key, import("./section.js").Section])[]} */
const SECTIONS = [
  ["profile", "person", "profile", profileSection],
  ["status", "smile", "status", (store, actions) => [statusForm(store, actions)]],
  ["appearance", "palette", "appearance", appearanceSection],
  ["language", "globe", "language", languageSection],
  ["notifications", "bell", "notify", notificationsSection],
  ["privacy", "ban", "privacy", privacySection],
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
  const { state } = store;
  const { me } = state;
  if (!me) return;
  openDialog({ title: t("settings"), bare: true, class: "dialog-settings" }, (close) => {
    const title = el("h2", { tabindex: "-1" });
    const body = el("div", { class: "settings-body" });
    const frame = el("div", { class: "settings", "data-view": start ? "section" : "list" });
    const links = SECTIONS.map(([name, picture, label]) =>
      el(
        "button",
        {
          type: "button",
          class: "settings-link",
          "data-section": name,
          click: () => {
            open(name);
            title.focus();
          },
        },
        icon(picture),
        el("span", {}, t(label)),
        icon("forward"),
      ),
    );

    /** @param {Name} name */
    function open(name) {
      const section = SECTIONS.find(([each]) => each === name) ?? SECTIONS[0];
      if (!section) return;
      frame.dataset["view"] = "section";
      links.forEach((link) => {
        if (link.dataset["section"] === name) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
      title.textContent = t(section[2]);
      fill(body, section[3](store, actions, { close, reopen: (next) => openSettings(store, actions, next) }));
      body.scrollTop = 0;
    }

    const back = () => {
      frame.dataset["view"] = "list";
      links.find((link) => link.hasAttribute("aria-current"))?.focus();
    };
    const shut = () =>
      el("button", { type: "button", class: "icon-button", "aria-label": t("close"), click: close }, icon("close"));
    fill(
      frame,
      el(
        "nav",
        { class: "settings-nav", "aria-label": t("settings") },
        el("header", { class: "settings-head" }, el("h2", {}, t("settings")), shut()),
        el(
          "p",
          { class: "settings-me" },
          avatar(state, me.uid, { size: "small" }),
          el("span", { dir: "auto" }, chosenNameOf(state, me.uid), el("small", {}, `@${me.username}`)),
        ),
        el("div", { class: "settings-links" }, links),
        el(
          "div",
          { class: "settings-links settings-more" },
          el(
            "button",
            {
              type: "button",
              class: "settings-link",
              click: () => {
                close();
                openShortcuts();
              },
            },
            icon("keyboard"),
            el("span", {}, t("shortcuts")),
          ),
          el(
            "button",
            { type: "button", class: "settings-link", click: () => void signOut(actions, close) },
            icon("leave"),
            el("span", {}, t("sign_out")),
          ),
        ),
      ),
      el(
        "section",
        { class: "settings-section" },
        el(
          "header",
          { class: "settings-head" },
          el(
            "button",
            { type: "button", class: "icon-button settings-back", "aria-label": t("settings"), click: back },
            icon("back"),
          ),
          title,
          shut(),
        ),
        body,
      ),
    );
    for (const link of links)
      if (link.dataset["section"] === "invites") link.hidden = !me.admin && !state.info?.memberInvites;
    open(start ?? "profile");
    if (!start) frame.dataset["view"] = "list";
    return [frame];
  });
}

/**
 * @param {Actions} actions
 * @param {() => void} close
 */
async function signOut(actions, close) {
  if (!(await ask({ title: t("sign_out"), text: t("sign_out_question"), confirm: t("sign_out") }))) return;
  close();
  await actions.session.signOut();
  redirect("/login");
}
