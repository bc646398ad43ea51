/**
 * The strip below the rooms: my face and name, which open the status, and the ways to the administration and the
 * settings.
 */
import { chosenOf, statusOf } from "../../state/people_status.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { avatar, lookOf, nameOf, presenceText } from "../people/people.js";
import { openStatus } from "../people/doors.js";
import { openSettings } from "../settings/doors.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createMe(store, actions) {
  const strip = el("button", { type: "button", class: "me-status", click: () => openStatus(store, actions) });
  const administration = el(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": t("administration"),
      title: t("administration"),
      hidden: true,
      click: () => navigate("/admin"),
    },
    icon("shield"),
  );
  const node = el(
    "div",
    { class: "me" },
    strip,
    administration,
    el(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": t("settings"),
        title: t("settings"),
        click: () => openSettings(store, actions),
      },
      icon("gear"),
    ),
  );
  let drawn = "";

  return {
    node,
    update(state) {
      const { me } = state;
      if (!me) return;
      administration.hidden = !me.admin;
      const presence = state.connection.isLost ? "offline" : chosenOf(me);
      const next = `${lookOf(state, me.uid)}/${presence}`;
      if (next === drawn) return;
      drawn = next;
      const { text } = statusOf(me);
      strip.title = t("set_status");
      fill(
        strip,
        avatar(state, me.uid, { presence }),
        el(
          "span",
          { class: "me-name" },
          el("strong", { dir: "auto" }, nameOf(state, me.uid)),
          el("small", { dir: "auto" }, text || presenceText(presence)),
          el("span", { class: "hidden-visually" }, `. ${text ? `${presenceText(presence)}. ` : ""}${t("set_status")}`),
        ),
      );
    },
  };
}
