/** What a direct chat without encryption says of itself, and the way to an encrypted one. */
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { beginBeside } from "../people/direct.js";

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {string} id
 */
export function openPlainNote(store, actions, id) {
  openDialog({ title: t("not_encrypted"), class: "dialog-narrow" }, (close) => [
    el(
      "div",
      { class: "dialog-body" },
      el("p", {}, t("plain_what")),
      el(
        "div",
        { class: "dialog-foot" },
        el(
          "button",
          {
            type: "button",
            class: "button button-primary",
            autofocus: true,
            click: () => {
              const room = store.state.rooms.get(id);
              close();
              if (room) void beginBeside(store, actions, room);
            },
          },
          icon("shield"),
          t("begin_encrypted"),
        ),
      ),
    ),
  ]);
}
