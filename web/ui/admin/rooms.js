/** The rooms of this server except direct ones, which are private. */
import * as api from "../../calls/admin.js";
import { distanceOf } from "../base/dates.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { moment, whole } from "./numbers.js";
import { PAGE, PagedTable } from "./paged_table.js";
import { addButton, createToolbar, nothing, rowButton } from "./parts.js";
import { openRoom } from "./room.js";
import { openAddRoom } from "./room_forms.js";
import { roomMarks, tile } from "./room_marks.js";

/** @typedef {import("../../calls/admin.js").RoomEntry} RoomEntry */
/** @typedef {import("./parts.js").Admin} Admin */

/**
 * @param {Admin} admin
 * @returns {import("./parts.js").Section}
 */
export function createRooms(admin) {
  const toolbar = createToolbar(admin, {
    search: t("admin_find_rooms"),
    label: t("admin_state"),
    states: [
      ["", t("admin_state_all")],
      ["active", t("admin_state_active")],
      ["archived", t("admin_state_archived")],
      ["removed", t("admin_state_removed")],
    ],
  });
  const table = new PagedTable({
    label: t("admin_rooms"),
    columns: columns(show),
    id: (/** @type {RoomEntry} */ room) => room.id,
    load: async (after) => {
      const { rooms, next, total } = await api.listRooms({ q: wanted.q, state: wanted.state, after, limit: PAGE });
      return { items: rooms, next, total };
    },
    count: (n) => t("admin_rooms_count", { n }),
    empty: () => nothing("hash", t(wanted.q || wanted.state ? "no_match" : "admin_no_rooms")),
    rowClass: (room) => (room.state === "active" ? "" : "row-faded"),
  });
  let wanted = { q: "", state: "" };
  let loaded = false;
  /** @type {ReturnType<typeof openRoom> | null} */
  let open = null;

  /** @param {string} id */
  function show(id) {
    const room = table.find(id);
    if (!room) return;
    open = openRoom(room, {
      changed: (next) => table.replace(id, next),
      lost: () => void table.reload(),
      closed: () => {
        open = null;
        if (document.activeElement === document.body) table.focus(id);
      },
    });
  }

  return {
    node: el("div", {}, toolbar.node, table.node),
    tools: [addButton(t("admin_add_room"), () => openAddRoom(admin, () => void table.reload()))],
    follow(query) {
      toolbar.follow(query);
      const next = { q: query.get("q") ?? "", state: query.get("state") ?? "" };
      if (loaded && next.q === wanted.q && next.state === wanted.state) return;
      wanted = next;
      loaded = true;
      void table.reload();
    },
    close() {
      open?.close();
      toolbar.close();
      table.close();
    },
  };
}

/**
 * @param {(id: string) => void} show
 * @returns {import("./table_options.js").Column<RoomEntry>[]}
 */
function columns(show) {
  return [
    {
      label: t("admin_name"),
      class: "cell-main",
      cell: (room) => {
        const { id } = room;
        return el(
          "span",
          { class: "who" },
          tile(room),
          el(
            "span",
            { class: "who-text" },
            rowButton(room.name, () => show(id)),
            el("small", { dir: "auto" }, room.topic ?? ""),
          ),
        );
      },
    },
    { label: t("admin_state"), class: "cell-marks", bare: true, cell: (room) => roomMarks(room) },
    { label: t("members"), class: "cell-number", cell: (room) => whole(room.members) },
    { label: t("admin_activity"), class: "cell-number", cell: (room) => whole(room.seq) },
    {
      label: t("admin_created"),
      cell: (room) => el("time", { title: moment(room.createdAt) }, distanceOf(room.createdAt)),
    },
  ];
}
