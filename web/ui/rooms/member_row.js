/** A member in the list of a room, and the menu of what may be done about them. */
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { avatar, chosenNameOf, nameOf, presenceText, userOf } from "../people/people.js";
import { mutedText } from "./member_acts.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../calls/rooms.js").Member} Member */

/**
 * @param {State} state
 * @param {Member} member
 * @param {((name: string) => void) | null} openMenu  null where nothing may be done
 */
export function memberRow(state, member, openMenu) {
  const name = nameOf(state, member.uid);
  const username = userOf(state, member.uid)?.username;
  return el(
    "li",
    { class: "option option-still", "data-member": member.uid },
    avatar(state, member.uid, { size: "small", presence: member.state, opens: true }),
    el(
      "span",
      { class: "option-text" },
      nameAndTags(state, member),
      el("small", { dir: "auto" }, username ? `@${username} · ` : "", presenceText(member.state)),
    ),
    openMenu
      ? el(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-haspopup": "dialog",
            "aria-label": t("member_actions", { name }),
            click: () => openMenu(name),
          },
          icon("more"),
        )
      : null,
  );
}

/** @param {State} state @param {Member} member */
function nameAndTags(state, { uid, role, mutedUntil }) {
  return el(
    "span",
    { class: "member-name" },
    el(
      "button",
      { type: "button", class: "name-button", dir: "auto", "data-person": uid },
      chosenNameOf(state, uid),
      uid === state.me?.uid ? ` (${t("you")})` : "",
    ),
    role !== "member"
      ? el("span", { class: "tag tag-spark" }, t(role === "owner" ? "role_owner" : "role_admin"))
      : null,
    mutedUntil ? el("span", { class: "tag tag-bad", title: mutedText(mutedUntil) }, t("member_muted")) : null,
  );
}

/**
 * @param {string} name
 * @param {import("./member_acts.js").Act[]} acts
 * @param {(act: () => Promise<unknown>) => Promise<void>} carryOut
 */
export function openMemberMenu(name, acts, carryOut) {
  openDialog({ title: name, bare: true, class: "dialog-menu" }, (close) => [
    el(
      "div",
      { class: "menu" },
      el("p", { class: "menu-title", dir: "auto" }, name),
      acts.map(({ label, picture, danger, act }) =>
        el(
          "button",
          {
            type: "button",
            class: danger ? "menu-item menu-danger" : "menu-item",
            click: () => {
              close();
              void carryOut(act);
            },
          },
          icon(picture),
          el("span", {}, label),
        ),
      ),
    ),
  ]);
}
