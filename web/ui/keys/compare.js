/** Safety numbers: two people look at the same number, and say so. */
import { whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { nameOf } from "../people/people.js";
import { numberGroups } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} uid
 */
export function openCompare(store, actions, uid) {
  const name = nameOf(store.state, uid);
  openDialog({ title: t("safety_title", { name }), class: "dialog-safety" }, (close) => {
    const alert = createAlert();
    const place = el("div", { class: "safety-place", "aria-busy": "true" }, el("span", { class: "spinner" }));
    const mark = el("button", { type: "button", class: "button button-primary", disabled: true }, t("safety_same"));
    const foot = el("div", { class: "dialog-foot" });

    const verify = (/** @type {boolean} */ isVerified) =>
      busy(mark, alert.say, errorText, async () => {
        await actions.keys.verify(uid, isVerified);
        close();
        if (isVerified) toast(t("safety_marked", { name }));
      });
    const draw = async () => {
      await actions.keys.look(uid);
      const number = await actions.keys.safetyNumber(uid);
      const contact = store.state.keys.contacts.get(uid);
      place.removeAttribute("aria-busy");
      const verifiedAt = contact?.verifiedAt ?? null;
      const isStale = contact?.warning === "reset";
      fill(
        place,
        contact?.name ? el("p", { class: "hint" }, t("safety_name", { name: contact.name })) : null,
        numberGroups(number),
        verifiedAt && !isStale
          ? el(
              "p",
              { class: "safety-verified" },
              icon("check"),
              t("safety_verified_since", { time: whenOf(verifiedAt) }),
            )
          : null,
      );
      const isVerified = verifiedAt !== null && !isStale;
      mark.textContent = t(isVerified ? "safety_undo" : "safety_same");
      mark.className = isVerified ? "button" : "button button-primary";
      mark.disabled = false;
      mark.onclick = () => void verify(!isVerified);
    };
    fill(foot, el("button", { type: "button", class: "button", click: close }, t("close")), mark);
    draw().catch((error) => {
      fill(place);
      place.removeAttribute("aria-busy");
      alert.say(error.code === "no_keys" ? t("safety_no_keys") : errorText(error));
    });
    return [el("div", { class: "dialog-body" }, el("p", {}, t("safety_lead", { name })), place, alert.node, foot)];
  });
}
