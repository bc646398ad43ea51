/** What can be done about a person, on their card. */
import { isBlocked } from "../../state/blocks.js";
import { copyText } from "../base/clipboard.js";
import { el } from "../base/element.js";
import { composerIsOpen, focusComposer, writeIntoComposer } from "../base/focus.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { toast } from "../base/toast.js";
import { blockPerson, unblockPerson } from "../people/blocking.js";
import { openDirect } from "../people/direct.js";
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
      const room = await openDirect(store, actions, [user.uid]);
      if (room === null) return;
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
  if (mine)
    return row(
      "card-buttons",
      button(
        "edit",
        t("edit_profile"),
        "primary",
        then(() => openSettings(store, actions, "profile")),
      ),
      button(
        "smile",
        t("set_status"),
        "plain",
        then(() => openStatus(store, actions)),
      ),
    );
  const reach = user.disabled || blocked ? null : button("chat", t("write_to"), "primary", write);
  const name = `@${user.username}`;
  return [
    row(
      "card-buttons",
      reach,
      composerIsOpen()
        ? button(
            "at",
            t("mention"),
            "plain",
            then(() => writeIntoComposer(`${name} `)),
          )
        : null,
      blocked ? button("undo", t("unblock"), "primary", () => void unblockPerson(store, actions, user.uid)) : null,
    ),
    row(
      "card-more",
      button("copy", t("copy_name"), "quiet", () => void copyText(name)),
      blocked ? null : button("ban", t("block"), "quiet", () => void blockPerson(store, actions, user.uid)),
    ),
  ];
}

/**
 * @param {string} kind
 * @param {...(HTMLElement | null)} buttons
 */
function row(kind, ...buttons) {
  return el("div", { class: kind }, buttons);
}

const LOOKS = {
  primary: "button button-primary",
  plain: "button",
  quiet: "button button-small button-quiet",
};

/**
 * @param {string} name
 * @param {string} label
 * @param {keyof typeof LOOKS} look
 * @param {() => void} click
 */
function button(name, label, look, click) {
  return el("button", { type: "button", class: LOOKS[look], autofocus: look === "primary", click }, icon(name), label);
}
