/** What an account says of itself, for administrators. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { date, moment, whole } from "./numbers.js";
import { facts } from "./parts.js";
import { face, marks, nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */

/** @param {Account} user */
export function profile(user) {
  return el(
    "div",
    { class: "portrait" },
    el(
      "div",
      { class: "portrait-head" },
      face(user, "large"),
      el(
        "div",
        {},
        el("h3", { dir: "auto" }, nameOf(user)),
        user.username ? el("p", { class: "hint", dir: "auto" }, `@${user.username}`) : null,
      ),
    ),
    marks(user),
    user.state === "removed"
      ? el(
          "p",
          { class: "notice" },
          el(
            "span",
            {},
            user.purgeAt ? t("admin_purge_on", { date: date(user.purgeAt) }) : t("admin_is_removed"),
            user.erases ? ` ${t("admin_erases")}` : null,
          ),
        )
      : null,
    user.new ? el("p", { class: "notice" }, el("span", {}, t("admin_new_hint"))) : null,
    facts([
      [t("admin_sessions"), whole(user.sessions)],
      [t("admin_rooms"), user.rooms === undefined ? undefined : whole(user.rooms)],
      [
        t("admin_seen"),
        user.presence && user.presence !== "offline"
          ? t("admin_seen_now")
          : user.seenAt
            ? moment(user.seenAt)
            : t("admin_seen_never"),
      ],
      [t("admin_created"), moment(user.createdAt)],
      [t("admin_removed_at"), user.removedAt ? moment(user.removedAt) : undefined],
    ]),
  );
}
