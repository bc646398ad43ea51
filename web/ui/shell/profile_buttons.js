/** What can be done about a person, on their card. */
import { isBlocked } from "../../state/blocks.js";
import { copyText } from "../base/clipboard.js";
import { el } from "../base/element.js";
import { focusComposer } from "../base/focus.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { toast } from "../base/toast.js";
import { blockPerson, unblockPerson } from "../people/blocking.js";
import { openStatus } from "../people/doors.js";
import { openSettings } from "../settings/doors.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {User} user
 * @param {() => void} close
 */
export function buttons(store, actions, user, close) {
  const write = async () => {
    try {
      const room = await actions.rooms.openDirect(user.uid);
      close();
      document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
      navigate(roomPath(room));
      focusComposer();
    } catch (error) {
      toast(errorText(/** @type {{ code?: string }} */ (error)));
    }
  };
  const then = (/** @type {() => void} */ act) => () => {
    close();
    act();
  };
  const mine = user.uid === store.state.me?.uid;
  const blocked = isBlocked(store.state, user.uid);
  return el(
    "div",
    { class: "card-buttons" },
    mine
      ? [
          button(
            "edit",
            t("edit_profile"),
            then(() => openSettings(store, actions, "profile")),
            true,
          ),
          button(
            "smile",
            t("set_status"),
            then(() => openStatus(store, actions)),
          ),
        ]
      : [
          user.disabled || blocked ? null : button("chat", t("write_to"), write, true),
          blocked ? button("undo", t("unblock"), () => void unblockPerson(store, actions, user.uid), true) : null,
          button("at", t("copy_name"), () => void copyText(`@${user.username}`)),
          blocked ? null : button("ban", t("block"), () => void blockPerson(store, actions, user.uid)),
        ],
  );
}

/**
 * @param {string} name
 * @param {string} label
 * @param {() => void} click
 * @param {boolean} [primary]
 */
export function button(name, label, click, primary = false) {
  return el(
    "button",
    { type: "button", class: primary ? "button button-primary" : "button", autofocus: primary, click },
    icon(name),
    label,
  );
}
