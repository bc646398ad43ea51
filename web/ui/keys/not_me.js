/**
 * Somebody else may have my password or a browser of mine: others are signed out, and I and every chat get new keys.
 */
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { currentPassword, newPassword } from "../entry/password_field.js";
import { nameForManagers, passwordRefusal } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} [notice]  the sign-in that was not mine
 */
export function openNotMe(store, actions, notice) {
  const username = store.state.me?.username ?? "";
  openDialog({ title: t("rotate_title") }, (close) => {
    const alert = createAlert();
    const old = currentPassword("rotate-password", t("old_password"));
    const fresh = newPassword({ id: "rotate-next", label: t("new_password"), username: () => username });
    const place = el("div", { class: "keys-next" });
    const change = el("input", {
      type: "checkbox",
      id: "rotate-change",
      checked: true,
      change: () => fill(place, change.checked ? fresh.node : null),
    });
    fill(place, fresh.node);
    const submit = el("button", { type: "submit", class: "button button-danger" }, t("rotate_button"));

    /** @param {string} text @param {HTMLInputElement} input */
    const complain = (text, input) => {
      alert.say(text);
      input.setAttribute("aria-invalid", "true");
      input.focus();
    };
    const sent = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      for (const input of [old.input, fresh.input]) input.removeAttribute("aria-invalid");
      if (!old.input.value) return complain(t("need_old_password"), old.input);
      const refusal = change.checked ? await fresh.refusal() : null;
      if (refusal) return complain(refusal, fresh.input);
      const next = change.checked ? fresh.input.value : "";
      if (next === old.input.value) return complain(t("same_password"), fresh.input);
      await busy(submit, alert.say, passwordRefusal, async () => {
        const { left } = await actions.keys.rotate({ password: old.input.value, next, signOutOthers: true });
        if (notice) await actions.keys.dismissNotice(notice).catch(() => {});
        close();
        toast(left ? t("rotate_left", { n: left }) : t("rotate_done"));
      });
    };
    return [
      el(
        "form",
        { class: "dialog-body", novalidate: true, submit: (/** @type {SubmitEvent} */ event) => void sent(event) },
        el("p", { class: "hint" }, t("rotate_lead")),
        nameForManagers(username),
        old.node,
        el("label", { class: "check", for: change.id }, change, el("span", {}, t("rotate_next"))),
        place,
        alert.node,
        dialogFoot(close, submit),
      ),
    ];
  });
}
