/** One room beside the list: what is known, and what an administrator can do. */
import * as api from "../../calls/admin.js";
import { ask, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { valuesReplaced } from "./changes.js";
import { date, moment, whole } from "./numbers.js";
import { actionButton, facts, refusal } from "./parts.js";
import { openOwner, openRenameRoom } from "./room_forms.js";
import { roomMarks, tile } from "./room_marks.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").RoomEntry} RoomEntry */
/** @typedef {Pick<Parameters<typeof api.changeRoom>[1], "default" | "readOnly" | "archived">} Change */
/** @typedef {{ changed: (room: RoomEntry) => void, lost: () => void, closed: () => void }} Events */

/** How long an act can be taken back, and how long a refusal is shown. */
const UNDO_MS = 8000;
const REFUSAL_MS = 7000;
/** The owners that are named; a room seldom has more. */
const OWNERS_NAMED = 5;

/**
 * @param {RoomEntry} room
 * @param {Events} events
 */
export function openRoom(room, events) {
  const view = new RoomDialog(room, events);
  return { close: () => view.close() };
}

class RoomDialog {
  #room;
  #events;
  #body = el("div", { class: "dialog-body" });
  #owners = el("span", {});
  #dialog;

  /**
   * @param {RoomEntry} room
   * @param {Events} events
   */
  constructor(room, events) {
    this.#room = room;
    this.#events = events;
    this.#dialog = openDialog({ title: t("admin_room"), class: "dialog-side", closed: events.closed }, () => [
      this.#body,
    ]);
    this.#draw();
  }

  close() {
    this.#dialog.close();
  }

  #draw() {
    const body = this.#body;
    const room = this.#room;
    const within = body.contains(document.activeElement);
    this.#dialog.node.setAttribute("aria-label", room.name);
    fill(
      body,
      profile(room, this.#owners),
      el("div", { class: "actions" }, room.state === "removed" ? this.#restoreButton() : this.#buttons()),
    );
    if (within) /** @type {HTMLElement | null} */ (body.querySelector(".action"))?.focus();
    void this.#nameOwners();
  }

  async #nameOwners() {
    const uids = this.#room.owners.slice(0, OWNERS_NAMED);
    const names = await Promise.all(uids.map((uid) => api.readUser(uid).then(nameOf, () => `#${uid}`)));
    fill(this.#owners, names.length ? names.join(", ") : t("admin_no_owner"));
  }

  #buttons() {
    const room = this.#room;
    const took = (/** @type {RoomEntry} */ next) => this.#took(next);
    return [
      actionButton("edit", t("admin_rename"), t("admin_rename_room_hint"), () => openRenameRoom(room, took)),
      room.state === "archived"
        ? null
        : actionButton("key", t("admin_owner"), t("admin_owner_hint"), () => openOwner(room, took)),
      this.#defaultButton(),
      this.#readOnlyButton(),
      this.#archiveButton(),
      actionButton("trash", t("admin_remove"), t("admin_remove_room_hint"), () => void this.#remove(), true),
    ];
  }

  #defaultButton() {
    const { name, default: on } = this.#room;
    return actionButton(
      "star",
      t(on ? "admin_default_off" : "admin_default_on"),
      t(on ? "admin_default_off_hint" : "admin_default_on_hint"),
      () => this.#change({ default: !on }, t(on ? "admin_default_off_done" : "admin_default_on_done", { name })),
    );
  }

  #readOnlyButton() {
    const { name, readOnly: on } = this.#room;
    return actionButton(
      "eye",
      t(on ? "admin_read_only_off" : "admin_read_only_on"),
      t(on ? "admin_read_only_off_hint" : "admin_read_only_on_hint"),
      () => this.#change({ readOnly: !on }, t(on ? "admin_read_only_off_done" : "admin_read_only_on_done", { name })),
    );
  }

  #archiveButton() {
    const { name, state } = this.#room;
    const on = state === "archived";
    return actionButton(
      "archive",
      t(on ? "admin_unarchive" : "admin_archive"),
      t(on ? "admin_unarchive_hint" : "admin_archive_hint"),
      () => this.#change({ archived: !on }, t(on ? "admin_unarchived" : "admin_archived", { name })),
    );
  }

  #restoreButton() {
    const { id, name } = this.#room;
    return actionButton(
      "undo",
      t("admin_restore"),
      t("admin_restore_room_hint"),
      () => void this.#perform(() => api.restoreRoom(id), { said: t("admin_restored", { name }) }),
    );
  }

  /**
   * @param {Change} change
   * @param {string} said
   */
  #change(change, said) {
    const { id } = this.#room;
    // The server leaves out what is false.
    const undo = valuesReplaced({ default: false, readOnly: false, archived: false, ...this.#room }, change);
    void this.#perform(() => api.changeRoom(id, change), { said, undo: () => api.changeRoom(id, undo) });
  }

  async #remove() {
    const { id, name, members } = this.#room;
    const confirmed = await ask({
      title: t("admin_remove_question", { name }),
      text: t("admin_remove_room_text", { n: members }),
      confirm: t("admin_remove"),
      danger: true,
    });
    if (!confirmed) return;
    await this.#perform(() => api.removeRoom(id), {
      said: t("admin_removed", { name }),
      gone: true,
      undo: async () => {
        await api.restoreRoom(id);
      },
    });
  }

  /**
   * @param {() => Promise<RoomEntry | void>} act
   * @param {{ said: string, undo?: () => Promise<RoomEntry | void>, gone?: boolean }} outcome
   */
  async #perform(act, { said, undo, gone = false }) {
    try {
      const next = await act();
      if (next) this.#took(next);
      toast(
        said,
        undo ? { label: t("undo"), act: () => void this.#perform(undo, { said: t("admin_undone") }) } : undefined,
        undo ? UNDO_MS : undefined,
      );
      if (!next || gone) this.#leave();
    } catch (error) {
      toast(refusal(error), undefined, REFUSAL_MS);
      // Somebody else was faster, or it is gone: the list knows how it is now.
      if (["conflict", "not_found"].includes(/** @type {{ code: string }} */ (error).code)) this.#leave();
    }
  }

  /** @param {RoomEntry} next */
  #took(next) {
    this.#room = { ...this.#room, ...next };
    this.#events.changed(this.#room);
    if (this.#dialog.node.isConnected) this.#draw();
  }

  /** What is shown is no longer there: the list is read again. */
  #leave() {
    this.#dialog.close();
    this.#events.lost();
  }
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
