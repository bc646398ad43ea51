/** What files take: all together, and the people and rooms that have most. */
import { readFileUsage } from "../../calls/admin.js";
import { sizeText } from "../base/file_words.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { whole } from "./numbers.js";
import { facts } from "./parts.js";
import { loading, troubleWith } from "./table_rows.js";

/** @typedef {import("../../calls/admin.js").FileUsage} FileUsage */

/** So many people and rooms are shown. */
const SHOWN = 5;

/** A list that reads its figures by itself. */
export function createFileUsage() {
  const node = el("div", {}, loading());

  async function load() {
    try {
      fill(node, ...figures(await readFileUsage()));
    } catch (error) {
      fill(node, troubleWith(error, load));
    }
  }

  void load();
  return node;
}

/** @param {FileUsage} usage */
function figures({ total, unsent, free, users, rooms }) {
  const most = [
    ...users.slice(0, SHOWN).map((user) => row(user.displayName || user.username || t("admin_files_nobody"), user)),
    ...rooms.slice(0, SHOWN).map((room) => row(room.name ?? t("admin_files_room", { id: room.id }), room)),
  ];
  return [
    facts([
      row(t("admin_files_sent"), total),
      row(t("admin_files_unsent"), unsent),
      [t("admin_files_free"), free === null ? "–" : sizeText(free)],
    ]),
    most.length ? el("h3", {}, t("admin_files_most")) : null,
    most.length ? facts(most) : null,
  ];
}

/**
 * @param {string} what
 * @param {{ files: number, bytes: number }} count
 * @returns {[string, string]}
 */
function row(what, { files, bytes }) {
  return [what, t("admin_files_count", { size: sizeText(bytes), n: files, files: whole(files) })];
}
