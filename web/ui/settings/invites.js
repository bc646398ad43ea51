/** Settings: the invitations I have made, how often each was used, and an end to any of them. */
import { listInvitations, revokeInvitation } from "../../calls/invites.js";
import { stateOf } from "../../state/invitations.js";
import { agoOf, whenOf } from "../base/dates.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openInvite } from "../people/invite_people.js";
import { row, waitingRow } from "./access_row.js";

/** @type {import("./section.js").Section} */
export function invitesSection(store, actions) {
  const alert = createAlert();
  const list = el("ul", { class: "access-list", "aria-busy": "true" }, waitingRow());

  async function draw() {
    const invites = (await listInvitations()).filter((invite) => stateOf(invite) === "live");
    list.removeAttribute("aria-busy");
    fill(
      list,
      invites.length
        ? drawEach(invites, (invite) =>
            row(
              {
                picture: "link",
                tag: "",
                at: invite.createdAt,
                name:
                  invite.label ||
                  (invite.rooms.length ? invite.rooms.map(({ name }) => name).join(", ") : t("invite_no_room")),
                detail: [
                  t("invite_used", { n: invite.uses }),
                  invite.expiresAt ? t("status_until", { time: whenOf(invite.expiresAt) }) : t("invite_forever"),
                  agoOf(invite.createdAt),
                ].join(" · "),
                button: [t("token_revoke"), () => revokeInvitation(invite.id)],
              },
              alert.say,
              draw,
            ),
          )
        : el("li", { class: "results-empty" }, t("no_invites")),
    );
  }

  draw().catch((error) => fill(list, el("li", { class: "results-empty" }, errorText(error))));
  return [
    el("p", { class: "hint" }, t("invites_hint")),
    el(
      "div",
      {},
      el(
        "button",
        {
          type: "button",
          class: "button button-primary",
          click: () => openInvite(store, actions, undefined, () => void draw()),
        },
        icon("plus"),
        t("invite_people"),
      ),
    ),
    alert.node,
    list,
  ];
}
