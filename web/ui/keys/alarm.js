/** Warnings that fill the screen: somebody bears my name, or the server shows keys of mine that are not mine. */
import { whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openUnlock } from "./unlock.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/keys_state.js").Alarm} Alarm */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {Alarm} alarm
 */
export function openAlarm(store, actions, { kind, at }) {
  const which = kind === "my_name" || kind === "own_reset" ? kind : "own_keys";
  const title = t(`alarm_${which}`);
  openDialog({ title, bare: true, class: "dialog-alarm" }, (close) => {
    const unlock = () => {
      close();
      openUnlock(store, actions);
    };
    return [
      el(
        "div",
        { class: "alarm", role: "alert" },
        el("span", { class: "alarm-sign" }, icon("alert")),
        el("h2", {}, title),
        el("p", {}, t(`alarm_${which}_text`)),
        at ? el("p", { class: "hint" }, t("alarm_when", { time: whenOf(at) })) : null,
        el(
          "div",
          { class: "dialog-foot" },
          el("button", { type: "button", class: "button", autofocus: true, click: close }, t("alarm_go_on")),
          which === "own_reset"
            ? el("button", { type: "button", class: "button button-primary", click: unlock }, t("unlock_enter"))
            : null,
        ),
      ),
    ];
  });
}
