/** Links that let people into a room: made, copied once, revoked. */
import { createInvitation, listInvitations, revokeInvitation } from "../../calls/invites.js";
import { stateOf } from "../../state/invitations.js";
import { copyText } from "../base/clipboard.js";
import { whenOf } from "../base/dates.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert, field, select } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { refusal } from "../base/refusals.js";

const DAY_S = 86_400;

/** @param {string} id */
export function createInviteLinks(id) {
  return new InviteLinks(id).node;
}

class InviteLinks {
  #id;
  #alert = createAlert();
  #made = el("div", { class: "made-link", role: "status" });
  #list = el("ul", { class: "results" });
  #expiry = select(
    "invite-expiry",
    [
      [String(DAY_S), t("one_day")],
      [String(7 * DAY_S), t("one_week")],
      [String(30 * DAY_S), t("one_month")],
      ["", t("span_never")],
    ],
    String(7 * DAY_S),
  );
  #uses = select(
    "invite-uses",
    [
      ["1", t("uses_most", { n: 1 })],
      ["10", t("uses_most", { n: 10 })],
      ["100", t("uses_most", { n: 100 })],
      ["", t("uses_any")],
    ],
    "10",
  );
  #make = el(
    "button",
    {
      type: "button",
      class: "button button-primary",
      click: () =>
        void busy(
          this.#make,
          this.#alert.say,
          (error) => refusal(error, "link"),
          () => this.#create(),
        ),
    },
    icon("link"),
    t("make_link"),
  );

  /** @param {string} id */
  constructor(id) {
    this.#id = id;
    this.node = el(
      "div",
      { class: "dialog-body" },
      el("p", { class: "hint" }, t("invite_links_hint")),
      el("div", { class: "field-pair" }, field(t("link_ends"), this.#expiry), field(t("link_uses"), this.#uses)),
      el("div", { class: "dialog-foot" }, this.#make),
      this.#alert.node,
      this.#made,
      this.#list,
    );
    void this.#draw();
  }

  async #create() {
    const { link } = await createInvitation({
      rooms: [this.#id],
      lifeS: this.#expiry.value ? Number(this.#expiry.value) : null,
      usesMax: this.#uses.value ? Number(this.#uses.value) : null,
    });
    fill(this.#made, newLink(link));
    await this.#draw();
  }

  async #draw() {
    const list = this.#list;
    try {
      const invites = (await listInvitations()).filter((invite) => invite.rooms.some((room) => room.id === this.#id));
      fill(
        list,
        invites.length
          ? drawEach(invites, (invite) => linkRow(invite, () => this.#revoke(invite.id)))
          : el("li", { class: "results-empty" }, t("no_links")),
      );
    } catch (error) {
      fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
    }
  }

  /** @param {string} invitation */
  #revoke(invitation) {
    const draw = () => this.#draw();
    void revokeInvitation(invitation).then(draw, draw);
  }
}

/** @param {string} link */
function newLink(link) {
  const copy = el(
    "button",
    { type: "button", class: "button", click: () => void copyText(link) },
    icon("copy"),
    t("copy"),
  );
  return [
    el(
      "div",
      { class: "field-row" },
      el("code", { class: "link-box", tabindex: "0", "aria-label": t("invite_link") }, link),
      copy,
    ),
    el("p", { class: "hint" }, t("link_once")),
  ];
}

/**
 * @param {import("../../state/types.js").Invitation} invite
 * @param {() => void} revoke
 */
function linkRow(invite, revoke) {
  const over = stateOf(invite) !== "live";
  const used =
    invite.usesMax === null
      ? t("used_times", { n: invite.uses })
      : t("used_of", { n: invite.uses, most: invite.usesMax });
  const until = invite.expiresAt === null ? t("span_never") : whenOf(invite.expiresAt);
  return el(
    "li",
    { class: over ? "option option-still row-over" : "option option-still" },
    el("span", { class: "room-tile", "aria-hidden": "true" }, icon("link")),
    el("span", { class: "option-text" }, el("strong", {}, used), el("small", {}, `${t("link_ends")} ${until}`)),
    over
      ? el("span", { class: "tag" }, t("link_over"))
      : el("button", { type: "button", class: "button button-small", click: revoke }, t("revoke_link")),
  );
}
