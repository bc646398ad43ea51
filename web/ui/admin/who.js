/** An account as a picture, a name and a few marks. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { face as faceOf } from "../people/people.js";
import { stamp } from "./parts.js";

/** @typedef {import("../../calls/admin.js").Account} Account */
/**
 * @typedef {Pick<import("../../calls/admin.js").Account, "uid" | "username" | "displayName" | "presence" | "avatar">}
 *   Who
 */

/** @param {Who} user */
export function nameOf(user) {
  return user.displayName || user.username || t("former_member");
}

/**
 * @param {Who} user
 * @param {"small" | "large"} [size]
 */
export function face(user, size) {
  return faceOf(
    { uid: user.uid, name: nameOf(user), avatar: user.avatar, removed: !user.username },
    { ...(size ? { size } : {}), ...(user.presence ? { presence: user.presence } : {}) },
  );
}

/**
 * What is to be known about an account at a glance.
 *
 * @param {Account} user
 */
export function marks(user) {
  return el(
    "span",
    { class: "stamps" },
    user.state === "removed"
      ? stamp(t("admin_is_removed"), "bad")
      : user.state === "disabled"
        ? stamp(t("admin_is_disabled"), "waiting")
        : user.new
          ? null
          : stamp(t("admin_is_active"), "good"),
    user.new && user.state === "active" ? stamp(t("admin_is_new"), "plain") : null,
    user.admin ? stamp(t("admin_is_admin"), "spark", "shield") : null,
  );
}
