/** The log in words: names of actions, of what they were done to, and of what changed. */
import { messages } from "../../locales/admin.en.js";
import { t } from "../base/i18n.js";
import { moment, whole } from "./numbers.js";

/** @typedef {import("../../calls/admin.js").AuditEntry} AuditEntry */
/** @typedef {import("../base/i18n.js").Key} Key */

/** Every action the server writes down, as it is offered for filtering. @type {[Key, string[]][]} */
export const ACTION_GROUPS = [
  [
    "admin_people",
    [
      "user.create",
      "user.update",
      "user.promote",
      "user.demote",
      "user.disable",
      "user.enable",
      "user.remove",
      "user.restore",
      "user.purge",
      "user.sessions",
      "user.reset",
      "user.delete_self",
      "password.reset",
      "password.recover",
      "keys.reset",
      "keys.restore",
      "token.issue",
    ],
  ],
  [
    "admin_rooms",
    [
      "room.create",
      "room.update",
      "room.owner",
      "room.archive",
      "room.unarchive",
      "room.remove",
      "room.restore",
      "room.purge",
    ],
  ],
  [
    "members",
    ["member.add", "member.join", "member.role", "member.remove", "member.ban", "member.unban", "member.silence"],
  ],
  ["admin_invites", ["invite.create", "invite.revoke"]],
  ["admin_settings", ["settings.update", "server.restore", "server.restored", "directory.open", "directory.adopt"]],
];

const LONGEST = 120;

/** @param {string} action */
export function actionName(action) {
  const key = `audit_${action.replace(".", "_")}`;
  return key in messages ? t(/** @type {Key} */ (key)) : action;
}

/** @param {AuditEntry} entry */
export function targetName(entry) {
  const { kind, name, id } = entry.target ?? {};
  if (kind === "settings" || kind === "server" || kind === "directory") return "";
  return name || (id ? `#${id}` : "");
}

/**
 * What changed, one phrase a field: "Topic: old → new". A field without words of its own keeps its name, so nothing
 * that was written down is hidden.
 *
 * @param {AuditEntry} entry
 * @returns {string[]}
 */
export function detailWords(entry) {
  const detail = entry.detail ?? {};
  // An id beside its name says nothing more to a person.
  const said = Object.entries(detail).filter(
    ([field, value]) =>
      value !== null && value !== "" && !(Array.isArray(value) && !value.length) && !(`${field}_name` in detail),
  );
  return said.map(([field, value]) => {
    const key = `audit_field_${field}`;
    return `${key in messages ? t(/** @type {Key} */ (key)) : field}: ${valueWords(field, value)}`;
  });
}

/**
 * @param {string} field
 * @param {unknown} value
 * @returns {string}
 */
function valueWords(field, value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return t(value ? "admin_yes" : "admin_no");
  if (typeof value === "number") return /(_at|until)$/.test(field) ? moment(value) : whole(value);
  if (Array.isArray(value)) return value.map((each) => valueWords(field, each)).join(", ");
  if (typeof value === "object") {
    const parts = /** @type {Record<string, unknown>} */ (value);
    if (typeof parts["name"] === "string") return parts["name"];
    if ("from" in parts || "to" in parts)
      return `${valueWords(field, parts["from"])} → ${valueWords(field, parts["to"])}`;
    return Object.entries(parts)
      .map(([name, each]) => `${name} ${valueWords(name, each)}`)
      .join(", ");
  }
  const word = `audit_value_${value}`;
  const text = word in messages ? t(/** @type {Key} */ (word)) : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
