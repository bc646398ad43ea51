/**
 * Somebody else may have my password or a browser of mine: one browser or all others are signed out, and I and every
 * chat get new keys.
 */
import { deviceText } from "../base/devices.js";
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { busy, complainAbout, createAlert } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { currentPassword, newPassword } from "../entry/password_field.js";
import { nameForManagers, passwordRefusal } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/keys_state.js").Notice} Notice */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {Notice} [notice]  what was not mine
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
    // Only a sign-in says whose session has to end.
    const session = notice?.kind === "signed_in" ? notice.id : null;
    const everywhere = el("input", { type: "checkbox", id: "rotate-everywhere" });
    const submit = el("button", { type: "submit", class: "button button-danger" }, t("rotate_button"));

    const complain = (/** @type {string} */ text, /** @type {HTMLElement} */ input) =>
      complainAbout(alert, text, input);
    const explain = (/** @type {{ code?: string, message?: string }} */ error) => {
      // Who has changed the password knows another one than I do.
      const isTaken = notice?.kind === "changed" && error.code === "bad_credentials";
      return isTaken ? t("rotate_taken") : passwordRefusal(error);
    };
    const sent = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      for (const input of [old.input, fresh.input]) input.removeAttribute("aria-invalid");
      if (!old.input.value) return complain(t("need_old_password"), old.input);
      const refusal = change.checked ? await fresh.refusal() : null;
      if (refusal) return complain(refusal, fresh.input);
      const next = change.checked ? fresh.input.value : "";
      if (next === old.input.value) return complain(t("same_password"), fresh.input);
      const ends = session && !everywhere.checked ? { session } : "others";
      await busy(submit, alert.say, explain, async () => {
        const { left } = await actions.keys.rotate({ password: old.input.value, next, ends });
        if (notice) await actions.keys.dismissNotice(notice.id).catch(() => {});
        close();
        toast(left ? t("rotate_left", { n: left }) : t(ends === "others" ? "rotate_done" : "rotate_done_one"));
      });
    };
    return [
      el(
        "form",
        { class: "dialog-body", novalidate: true, submit: (/** @type {SubmitEvent} */ event) => void sent(event) },
        el("p", { class: "hint" }, t(session ? "rotate_lead_one" : "rotate_lead", { device: deviceOf(notice) })),
        nameForManagers(username),
        old.node,
        session ? check(everywhere, t("rotate_everywhere")) : null,
        check(change, t("rotate_next")),
        place,
        alert.node,
        dialogFoot(close, submit),
      ),
    ];
  });
}

/** @param {HTMLInputElement} input @param {string} label */
function check(input, label) {
  return el("label", { class: "check", for: input.id }, input, el("span", {}, label));
}

/** @param {Notice} [notice] */
function deviceOf(notice) {
  return deviceText(notice?.device ?? "") || t("notice_unnamed");
}
