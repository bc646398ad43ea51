/** The people of this server: found, filtered, added; one of them opens beside the list. */
import * as api from "../../calls/admin.js";
import { distanceOf } from "../base/dates.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { moment, whole } from "./numbers.js";
import { PAGE, PagedTable } from "./paged_table.js";
import { addButton, createToolbar, nothing, rowButton } from "./parts.js";
import { PersonDialog } from "./person.js";
import { openAddPerson } from "./person_forms.js";
import { face, marks, nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */
/** @typedef {import("./parts.js").Admin} Admin */

/**
 * @param {Admin} admin
 * @returns {import("./parts.js").Section}
 */
export function createPeople(admin) {
  const toolbar = createToolbar(admin, {
    search: t("admin_find_people"),
    label: t("admin_state"),
    states: [
      ["", t("admin_state_all")],
      ["active", t("admin_state_active")],
      ["admin", t("admin_state_admins")],
      ["disabled", t("admin_state_disabled")],
      ["removed", t("admin_state_removed")],
    ],
  });
  const table = new PagedTable({
    label: t("admin_people"),
    columns: columns(admin),
    id: (/** @type {Account} */ user) => user.uid,
    load: async (after) => {
      const { users, next, total } = await api.listUsers({ q: wanted.q, state: wanted.state, after, limit: PAGE });
      return { items: users, next, total };
    },
    count: (n) => t("admin_people_count", { n }),
    empty: () => nothing("people", t(wanted.q || wanted.state ? "no_match" : "admin_nobody")),
    rowClass: (user) => (user.state === "active" ? "" : "row-faded"),
  });
  let wanted = { q: "", state: "" };
  let loaded = false;
  /** @type {PersonDialog | null} */
  let open = null;

  /** @param {string | null} uid */
  function openOne(uid) {
    if (open?.uid === uid) return;
    open?.close();
    open = null;
    if (!uid) return;
    const mine = (open = new PersonDialog(admin, uid, {
      changed: (user) => table.replace(uid, user),
      closed: () => {
        if (open !== mine) return;
        open = null;
        if (admin.query().get("id") === uid) admin.filter({ id: null }, true);
        if (document.activeElement === document.body) table.focus(uid);
      },
    }));
  }

  return {
    node: el("div", {}, toolbar.node, table.node),
    tools: [addButton(t("admin_add_person"), () => openAddPerson(admin, () => void table.reload()))],
    follow(query) {
      toolbar.follow(query);
      const next = { q: query.get("q") ?? "", state: query.get("state") ?? "" };
      if (!loaded || next.q !== wanted.q || next.state !== wanted.state) {
        wanted = next;
        loaded = true;
        void table.reload();
      }
      openOne(query.get("id"));
    },
    close() {
      open?.close();
      toolbar.close();
      table.close();
    },
  };
}

/**
 * @param {Admin} admin
 * @returns {import("./table_options.js").Column<Account>[]}
 */
function columns(admin) {
  return [
    {
      label: t("admin_name"),
      class: "cell-main",
      cell: (user) => {
        const { uid } = user;
        return el(
          "span",
          { class: "who" },
          face(user),
          el(
            "span",
            { class: "who-text" },
            rowButton(nameOf(user), () => admin.filter({ id: uid })),
            el("small", { dir: "auto" }, user.username ? `@${user.username}` : ""),
          ),
        );
      },
    },
    { label: t("admin_state"), class: "cell-marks", bare: true, cell: (user) => marks(user) },
    { label: t("admin_sessions"), class: "cell-number", cell: (user) => whole(user.sessions) },
    { label: t("admin_seen"), cell: (user) => seen(user) },
    {
      label: t("admin_created"),
      cell: (user) => el("time", { title: moment(user.createdAt) }, distanceOf(user.createdAt)),
    },
  ];
}

/** @param {Account} user */
function seen(user) {
  if (user.presence && user.presence !== "offline") return t("admin_seen_now");
  return user.seenAt ? el("time", { title: moment(user.seenAt) }, distanceOf(user.seenAt)) : t("admin_seen_never");
}
