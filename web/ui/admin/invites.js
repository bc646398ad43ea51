/** Invitation links: who made them, what they open, how often they were used; made and revoked here. */
import { listAllInvitations, revokeInvitation } from "../../calls/invites.js";
import { distanceOf } from "../base/dates.js";
import { stateOf } from "../../state/invitations.js";
import { ask } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { openAddInvite } from "./invite_form.js";
import { date, moment, whole } from "./numbers.js";
import { PAGE, PagedTable } from "./paged_table.js";
import { addButton, nothing, refusal, stamp } from "./parts.js";

/** @typedef {import("../../state/types.js").Invitation} Invitation */
/** @typedef {import("./parts.js").Admin} Admin */

/**
 * @param {Admin} admin
 * @returns {import("./parts.js").Section}
 */
export function createInvites(admin) {
  let live = false;
  let loaded = false;
  const states = [
    ["", t("admin_state_all")],
    ["live", t("admin_invite_live")],
  ].map(([value, text]) =>
    el(
      "label",
      {},
      el("input", { type: "radio", name: "state", value, change: () => admin.filter({ state: value || null }) }),
      text,
    ),
  );
  const toolbar = el(
    "div",
    { class: "toolbar" },
    el(
      "fieldset",
      { class: "plain" },
      el("legend", { class: "hidden-visually" }, t("admin_state")),
      el("div", { class: "segments" }, states),
    ),
  );
  const table = new PagedTable({
    label: t("admin_invites"),
    columns: columns(revoke),
    id: (/** @type {Invitation} */ invite) => invite.id,
    load: async (after) => {
      const { invitations, next, total } = await listAllInvitations({ state: live ? "live" : "", after, limit: PAGE });
      return { items: invitations, next, total };
    },
    count: (n) => t("admin_invites_count", { n }),
    empty: () => nothing("link", t("admin_no_invites"), addButton(t("admin_add_invite"), add)),
    rowClass: (invite) => (stateOf(invite) === "live" ? "" : "row-faded"),
  });

  /** @param {string} id */
  async function revoke(id) {
    const invite = table.find(id);
    if (
      !invite ||
      !(await ask({
        title: t("admin_revoke_question", { name: labelOf(invite) }),
        text: t("admin_revoke_text"),
        confirm: t("admin_revoke"),
        danger: true,
      }))
    )
      return;
    try {
      await revokeInvitation(id);
      toast(t("admin_revoked"));
      table.replace(id, live ? null : { ...invite, revoked: true });
    } catch (error) {
      toast(refusal(error));
      void table.reload();
    }
  }

  const add = () => openAddInvite(admin, () => void table.reload());

  return {
    node: el("div", {}, toolbar, table.node),
    tools: [addButton(t("admin_add_invite"), add)],
    follow(query) {
      const next = query.get("state") === "live";
      for (const input of toolbar.querySelectorAll("input")) input.checked = (input.value === "live") === next;
      if (loaded && next === live) return;
      live = next;
      loaded = true;
      void table.reload();
    },
    close: () => table.close(),
  };
}

/**
 * @param {(id: string) => void} revoke
 * @returns {import("./table_options.js").Column<Invitation>[]}
 */
function columns(revoke) {
  return [
    {
      label: t("admin_label"),
      class: "cell-main",
      cell: (invite) =>
        el(
          "span",
          { class: "who" },
          el("span", { class: "admin-tile", "aria-hidden": "true" }, icon("link")),
          el(
            "span",
            { class: "who-text" },
            el("strong", { dir: "auto" }, labelOf(invite)),
            el("small", { dir: "auto" }, authorOf(invite)),
          ),
        ),
    },
    {
      label: t("admin_state"),
      class: "cell-marks",
      bare: true,
      cell: (invite) => el("span", { class: "stamps" }, stateChip(stateOf(invite))),
    },
    {
      label: t("admin_rooms"),
      cell: (invite) =>
        invite.rooms.length
          ? el("span", { dir: "auto" }, invite.rooms.map((room) => room.name).join(", "))
          : t("admin_invite_no_rooms"),
    },
    {
      label: t("admin_uses"),
      class: "cell-number",
      cell: (invite) =>
        invite.usesMax === null
          ? whole(invite.uses)
          : t("admin_uses_of", { uses: whole(invite.uses), most: whole(invite.usesMax) }),
    },
    {
      label: t("admin_expires"),
      cell: (invite) =>
        invite.expiresAt
          ? el("time", { title: moment(invite.expiresAt) }, distanceOf(invite.expiresAt))
          : t("admin_never"),
    },
    {
      label: t("admin_actions"),
      class: "cell-action",
      bare: true,
      cell: (invite) => {
        const { id } = invite;
        return stateOf(invite) === "live"
          ? el(
              "button",
              {
                type: "button",
                class: "button button-small",
                "aria-label": `${t("admin_revoke")}: ${labelOf(invite)}`,
                click: () => revoke(id),
              },
              t("admin_revoke"),
            )
          : null;
      },
    },
  ];
}

/** @param {ReturnType<typeof stateOf>} state */
function stateChip(state) {
  if (state === "live") return stamp(t("admin_invite_live"), "good");
  if (state === "revoked") return stamp(t("admin_invite_revoked"), "bad");
  return stamp(t(state === "used" ? "admin_invite_used" : "admin_invite_expired"), "waiting");
}

/** @param {Invitation} invite */
function labelOf(invite) {
  return invite.label || t("admin_invite_of", { date: date(invite.createdAt) });
}

/** @param {Invitation} invite */
function authorOf({ by }) {
  return t("admin_made_by", { name: by || t("admin_audit_command_line") });
}
