/** Who I am here, how it looks, and the sheet of shortcuts. Every choice takes effect at once. */
import { ask, openDialog } from "./dialog.js";
import { el, fill } from "./element.js";
import { currentLanguage, errorText, LANGUAGES, t, useLanguage } from "./i18n.js";
import { icon } from "./icons.js";
import { allowNotifications, mayAskForNotifications } from "./notify.js";
import { preferences, useTheme } from "./preferences.js";

/** @typedef {import("./context.js").Context} Context */

/**
 * @param {Context} context
 * @param {"profile"} [_section]
 */
export function openSettings(context, _section) {
  const { me } = context.store.state;
  if (!me) return;
  openDialog({ title: t("settings") }, (close) => {
    const name = el("input", { class: "input", id: "display-name", maxlength: "80", value: me.displayName ?? "", placeholder: me.username, dir: "auto", autocomplete: "nickname" });
    const saved = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      try {
        await context.actions.updateProfile({ displayName: name.value.trim() });
        context.toast(t("saved"));
      } catch (error) {
        context.toast(errorText(/** @type {{ code?: string }} */ (error)));
      }
    };
    const relabel = () => { close(); useLanguage(); context.relabel(); openSettings(context); };
    return [el("div", { class: "dialog-body" },
      el("form", { class: "field", submit: saved }, el("label", { for: "display-name" }, t("display_name")),
        el("div", { class: "field-row" }, name, el("button", { type: "submit", class: "button" }, t("save")))),
      segments(t("theme"), "theme", [["", t("theme_system")], ["light", t("theme_light")], ["dark", t("theme_dark")]], preferences.get("theme") ?? "",
        (value) => { preferences.set("theme", value); useTheme(); }),
      segments(t("language"), "language", [...LANGUAGES], currentLanguage(), (value) => { preferences.set("language", value); relabel(); }),
      mayAskForNotifications() ? el("button", {
        type: "button", class: "button",
        click: (/** @type {Event} */ event) => { /** @type {HTMLElement} */ (event.currentTarget).hidden = true; void allowNotifications(); },
      }, icon("bell"), t("notify_allow")) : null,
      el("div", { class: "dialog-foot dialog-foot-split" },
        el("button", { type: "button", class: "button", click: () => { close(); openShortcuts(); } }, icon("keyboard"), t("shortcuts")),
        el("button", { type: "button", class: "button", click: () => void signOut(context, close) }, icon("leave"), t("sign_out"))))];
  });
}

export function openShortcuts() {
  openDialog({ title: t("shortcuts") }, () => {
    const rows = /** @type {[string, string[]][]} */ ([
      [t("shortcut_send"), ["Enter"]],
      [t("shortcut_newline"), ["Shift", "Enter"]],
      [t("shortcut_edit"), ["↑"]],
      [t("shortcut_bold"), ["Ctrl", "B", "I"]],
      [t("shortcut_complete"), ["Tab"]],
      [t("shortcut_switch"), ["Ctrl", "K"]],
      [t("shortcut_room"), ["Alt", "↑", "↓"]],
      [t("shortcut_unread"), ["Alt", "Shift", "↑", "↓"]],
      [t("shortcut_escape"), ["Esc"]],
      [t("shortcut_sheet"), ["Ctrl", "/"]],
    ]);
    const list = el("dl", { class: "sheet-list" });
    fill(list, rows.map(([label, keys]) => el("div", {}, el("dt", {}, label), el("dd", {}, keys.map((key) => el("kbd", {}, key))))));
    return [el("div", { class: "dialog-body", tabindex: "0" }, list)];
  });
}

/**
 * @param {Context} context
 * @param {() => void} close
 */
async function signOut(context, close) {
  if (!(await ask({ title: t("sign_out"), text: t("sign_out_question"), confirm: t("sign_out") }))) return;
  close();
  await context.actions.signOut();
  context.go("/login", true);
}

/**
 * @param {string} label
 * @param {string} name
 * @param {(readonly [string, string])[]} options
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
export function segments(label, name, options, chosen, choose) {
  return el("fieldset", { class: "field plain" }, el("legend", { class: "label" }, label),
    el("div", { class: "segments" }, options.map(([value, text]) => el("label", {},
      el("input", { type: "radio", name, value, checked: value === chosen, change: () => choose(value) }), text))));
}
