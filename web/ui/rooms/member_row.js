/** A member in the list of a room, and the menu of what may be done about them. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openMenu } from "../base/menu.js";
import { avatar, botTag, chosenNameOf, nameOf, presenceNow, presenceText, userOf } from "../people/people.js";
import { mutedText } from "./member_acts.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../calls/rooms.js").Member} Member */

/**
 * @param {State} state
 * @param {Member} member
 * @param {((name: string, button: Element) => void) | null} openActs  null where nothing may be done
 */
export function memberRow(state, member, openActs) {
  const name = nameOf(state, member.uid);
  const presence = presenceNow(state, member.state);
  const username = userOf(state, member.uid)?.username;
  const isBot = Boolean(userOf(state, member.uid)?.bot);
  return el(
    "li",
    { class: "option option-still", "data-member": member.uid },
    avatar(state, member.uid, { size: "small", presence, opens: true }),
    el(
      "span",
      { class: "option-text" },
      nameAndTags(state, member),
      el("small", { dir: "auto" }, username && !isBot ? `@${username} · ` : "", isBot ? "" : presenceText(presence)),
    ),
    openActs
      ? el(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-haspopup": "menu",
            "aria-label": t("member_actions", { name }),
            click: (/** @type {MouseEvent} */ event) => openActs(name, /** @type {Element} */ (event.currentTarget)),
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
    botTag(state, uid),
    role !== "member"
      ? el("span", { class: "tag tag-spark" }, t(role === "owner" ? "role_owner" : "role_admin"))
      : null,
    mutedUntil ? el("span", { class: "tag tag-bad", title: mutedText(mutedUntil) }, t("member_muted")) : null,
  );
}

/**
 * @param {string} name
 * @param {import("../base/beside.js").Anchor | null} anchor
 * @param {import("./member_acts.js").Act[]} acts
 * @param {(act: () => Promise<unknown>) => Promise<void>} carryOut
 */
export function openMemberMenu(name, anchor, acts, carryOut) {
  openMenu(
    { title: name, heading: name, anchor },
    acts.map(({ label, picture, danger, act }) => ({ label, picture, danger, act: () => carryOut(act) })),
  );
}
