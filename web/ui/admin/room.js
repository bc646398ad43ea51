/** One room beside the list: what is known, and what an administrator can do. */
import * as api from "../../calls/admin.js";
import { ask, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { date, moment, whole } from "./numbers.js";
import { actionButton, facts, refusal } from "./parts.js";
import { openOwner, openRenameRoom } from "./room_forms.js";
import { roomMarks, tile } from "./room_marks.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").RoomEntry} RoomEntry */
/** @typedef {Parameters<typeof api.changeRoom>[1]} Change */

/**
 * @param {import("./parts.js").Admin} admin
 * @param {RoomEntry} first
 * @param {{ changed: (room: RoomEntry) => void, lost: () => void, closed: () => void }} events
 */
export function openRoom(admin, first, events) {
  const { id } = first;
  let room = first;
  const body = el("div", { class: "dialog-body" });
  const owners = el("span", {});
  const dialog = openDialog({ title: t("admin_room"), class: "dialog-side", closed: events.closed }, () => [body]);

  function draw() {
    const within = body.contains(document.activeElement);
    dialog.node.setAttribute("aria-label", room.name);
    fill(
      body,
      profile(room, owners),
      el("div", { class: "actions" }, room.state === "removed" ? restoring() : actionsFor()),
    );
    if (within) /** @type {HTMLElement | null} */ (body.querySelector(".action"))?.focus();
    void nameOwners();
  }

  async function nameOwners() {
    const uids = room.owners.slice(0, 5);
    const names = await Promise.all(uids.map((uid) => api.readUser(uid).then(nameOf, () => `#${uid}`)));
    fill(owners, names.length ? names.join(", ") : t("admin_no_owner"));
  }

  /** @param {RoomEntry} next */
  function took(next) {
    room = { ...room, ...next };
    events.changed(room);
    if (dialog.node.isConnected) draw();
  }

  /**
   * @param {() => Promise<RoomEntry | void>} act
   * @param {{ said: string, undo?: () => Promise<RoomEntry | void>, gone?: boolean }} outcome
   */
  async function perform(act, { said, undo, gone = false }) {
    try {
      const next = await act();
      if (next) took(next);
      toast(
        said,
        undo ? { label: t("undo"), act: () => void perform(undo, { said: t("admin_undone") }) } : undefined,
        undo ? 8000 : undefined,
      );
      if (!next || gone) {
        dialog.close();
        events.lost();
      }
    } catch (error) {
      toast(refusal(error), undefined, 7000);
      // Somebody else was faster, or it is gone: the list knows how it is now.
      if (["conflict", "not_found"].includes(/** @type {{ code: string }} */ (error).code)) {
        dialog.close();
        events.lost();
      }
    }
  }

  /** @param {Change} change @param {string} said */
  function set(change, said) {
    const undo = Object.fromEntries(
      Object.keys(change).map((key) => [
        key,
        /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (room))[key] ?? false,
      ]),
    );
    void perform(() => api.changeRoom(id, change), { said, undo: () => api.changeRoom(id, undo) });
  }

  function actionsFor() {
    const { name } = room;
    const archived = room.state === "archived";
    return [
      actionButton("edit", t("admin_rename"), t("admin_rename_room_hint"), () => openRenameRoom(room, took)),
      archived ? null : actionButton("key", t("admin_owner"), t("admin_owner_hint"), () => openOwner(room, took)),
      actionButton(
        "star",
        t(room.default ? "admin_default_off" : "admin_default_on"),
        t(room.default ? "admin_default_off_hint" : "admin_default_on_hint"),
        () =>
          set(
            { default: !room.default },
            t(room.default ? "admin_default_off_done" : "admin_default_on_done", { name }),
          ),
      ),
      actionButton(
        "eye",
        t(room.readOnly ? "admin_read_only_off" : "admin_read_only_on"),
        t(room.readOnly ? "admin_read_only_off_hint" : "admin_read_only_on_hint"),
        () =>
          set(
            { readOnly: !room.readOnly },
            t(room.readOnly ? "admin_read_only_off_done" : "admin_read_only_on_done", { name }),
          ),
      ),
      actionButton(
        "archive",
        t(archived ? "admin_unarchive" : "admin_archive"),
        t(archived ? "admin_unarchive_hint" : "admin_archive_hint"),
        () => set({ archived: !archived }, t(archived ? "admin_unarchived" : "admin_archived", { name })),
      ),
      actionButton("trash", t("admin_remove"), t("admin_remove_room_hint"), () => void remove(), true),
    ];
  }

  function restoring() {
    return actionButton(
      "undo",
      t("admin_restore"),
      t("admin_restore_room_hint"),
      () => void perform(() => api.restoreRoom(id), { said: t("admin_restored", { name: room.name }) }),
    );
  }

  async function remove() {
    const { name } = room;
    if (
      !(await ask({
        title: t("admin_remove_question", { name }),
        text: t("admin_remove_room_text", { n: room.members }),
        confirm: t("admin_remove"),
        danger: true,
      }))
    )
      return;
    await perform(() => api.removeRoom(id), {
      said: t("admin_removed", { name }),
      gone: true,
      undo: async () => {
        await api.restoreRoom(id);
      },
    });
  }

  draw();
  return { close: dialog.close };
}

/**
 * @param {RoomEntry} room
 * @param {HTMLElement} owners
 */
function profile(room, owners) {
  return el(
    "div",
    { class: "portrait" },
    el(
      "div",
      { class: "portrait-head" },
      tile(room),
      el(
        "div",
        {},
        el("h3", { dir: "auto" }, room.name),
        room.topic ? el("p", { class: "hint", dir: "auto" }, room.topic) : null,
      ),
    ),
    roomMarks(room),
    room.state === "removed" && room.purgeAt
      ? el("p", { class: "notice" }, el("span", {}, t("admin_purge_on", { date: date(room.purgeAt) })))
      : null,
    facts([
      [t("members"), whole(room.members)],
      [t("admin_owners"), owners],
      [t("admin_changes"), whole(room.seq)],
      [t("admin_created"), moment(room.createdAt)],
      [t("admin_removed_at"), room.removedAt ? moment(room.removedAt) : undefined],
    ]),
  );
}
