/** The sheet of keyboard shortcuts. */
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";

export function openShortcuts() {
  openDialog({ title: t("shortcuts") }, () => {
    const rows = /** @type {[string, string[]][]} */ ([
      [t("shortcut_send"), ["Enter"]],
      [t("shortcut_newline"), ["Shift", "Enter"]],
      [t("shortcut_edit"), ["↑"]],
      [t("shortcut_bold"), ["Ctrl", "B", "I"]],
      [t("shortcut_complete"), ["Tab"]],
      [t("shortcut_switch"), ["Ctrl", "K"]],
      [t("shortcut_search_room"), ["Ctrl", "F"]],
      [t("shortcut_search"), ["Ctrl", "Shift", "F"]],
      [t("shortcut_room"), ["Alt", "↑", "↓"]],
      [t("shortcut_unread"), ["Alt", "Shift", "↑", "↓"]],
      [t("shortcut_lists"), ["↑", "↓", "Home", "End"]],
      [t("shortcut_menu"), ["Enter"]],
      [t("shortcut_escape"), ["Esc"]],
      [t("shortcut_sheet"), ["Ctrl", "/"]],
    ]);
    const list = el(
      "dl",
      { class: "sheet-list" },
      rows.map(([label, keys]) =>
        el(
          "div",
          {},
          el("dt", {}, label),
          el(
            "dd",
            {},
            keys.map((key) => el("kbd", {}, key)),
          ),
        ),
      ),
    );
    return [el("div", { class: "dialog-body", tabindex: "0" }, list)];
  });
}
