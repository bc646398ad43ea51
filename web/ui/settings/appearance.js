/** Settings: theme, language and notifications. */
import { allowNotifications, notificationPermission } from "../../platform/notifications.js";
import { preferences, useTheme } from "../../platform/preferences.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { chooseLanguage, currentLanguage, LANGUAGES } from "../base/language.js";

/** @type {import("./section.js").Section} */
export function appearanceSection() {
  const chosen = preferences.get("theme") ?? "";
  const themes = /** @type {const} */ ([
    ["", "theme_system"],
    ["light", "theme_light"],
    ["dark", "theme_dark"],
  ]);
  return [
    el(
      "fieldset",
      { class: "field plain" },
      el("legend", { class: "label" }, t("theme")),
      el(
        "div",
        { class: "themes" },
        themes.map(([value, label]) =>
          el(
            "label",
            { class: "theme" },
            el("input", {
              type: "radio",
              name: "theme",
              value,
              class: "hidden-visually",
              checked: value === chosen,
              change: () => {
                preferences.set("theme", value);
                useTheme();
              },
            }),
            el(
              "span",
              { class: "theme-picture", "data-look": value || "system", "aria-hidden": "true" },
              value ? miniature() : [miniature(), miniature()],
            ),
            el("span", { class: "theme-name" }, t(label)),
          ),
        ),
      ),
      el("p", { class: "hint" }, t("theme_hint")),
    ),
  ];
}

/** The page in small: the rooms, the panel, two bubbles. */
function miniature() {
  return el("span", { class: "miniature" }, el("i"), el("span", {}, el("b"), el("b")));
}

/** @type {import("./section.js").Section} */
export function languageSection(_store, actions, { close, reopen }) {
  const choose = async (/** @type {string} */ value) => {
    await chooseLanguage(value);
    // For the other browsers of this person; this one keeps its choice.
    actions.profile.change({ locale: value }).catch(() => {});
    close();
    reopen("language");
  };
  return [
    el(
      "fieldset",
      { class: "field plain" },
      el("legend", { class: "hidden-visually" }, t("language")),
      el(
        "div",
        { class: "choices" },
        LANGUAGES.map(([value, name]) =>
          el(
            "label",
            { class: "choice" },
            el("input", {
              type: "radio",
              name: "language",
              value,
              checked: value === currentLanguage(),
              change: () => void choose(value),
            }),
            el("strong", { lang: value }, name),
          ),
        ),
      ),
    ),
    el("p", { class: "hint" }, t("language_hint")),
  ];
}

/** @type {import("./section.js").Section} */
export function notificationsSection() {
  const node = el("div", { class: "settings-card" });
  const draw = () => {
    const answer = notificationPermission();
    const text = t(answer === "granted" ? "notify_on" : answer === "denied" ? "notify_denied" : "notify_ask");
    fill(
      node,
      el("span", { class: "settings-sign", "data-on": answer === "granted" ? "true" : null }, icon("bell")),
      el("p", {}, text),
      answer === "default"
        ? el(
            "button",
            { type: "button", class: "button button-primary", click: () => void allowNotifications().then(draw) },
            t("notify_allow"),
          )
        : null,
    );
  };
  draw();
  return [node, el("p", { class: "hint" }, t("notify_per_room")), el("p", { class: "hint" }, t("notify_dnd"))];
}
