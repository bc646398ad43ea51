/** The log of what administrators and moderators did, newest first, and the proof that nobody rewrote it. */
import * as api from "../../calls/admin.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { ACTION_GROUPS, actionName, detailWords, targetName } from "./audit_words.js";
import { exactMoment, whole } from "./numbers.js";
import { PAGE, PagedTable } from "./paged_table.js";
import { nothing, whileBusy } from "./parts.js";
import { createPersonPicker } from "./person_picker.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").AuditEntry} AuditEntry */
/** @typedef {import("./parts.js").Admin} Admin */

const HASH_SHOWN = 10;

/**
 * @param {Admin} admin
 * @returns {import("./parts.js").Section}
 */
export function createAudit(admin) {
  let wanted = { action: "", actor: "" };
  let loaded = false;
  const action = el(
    "select",
    {
      class: "input select",
      "aria-label": t("admin_audit_action"),
      change: () => admin.filter({ action: action.value || null }),
    },
    el("option", { value: "" }, t("admin_audit_every_action")),
    ACTION_GROUPS.map(([label, names]) =>
      el(
        "optgroup",
        { label: t(label) },
        names.map((name) => el("option", { value: name }, actionName(name))),
      ),
    ),
  );
  const actor = createPersonPicker({
    label: t("admin_audit_by"),
    chosen: (user) => {
      if (user) admin.filter({ actor: user.uid });
    },
  });
  const clear = el(
    "button",
    {
      type: "button",
      class: "button button-small",
      hidden: true,
      click: () => admin.filter({ action: null, actor: null }),
    },
    icon("close"),
    t("admin_audit_clear"),
  );
  const verdict = el("div", { class: "verdict", role: "status", hidden: true });
  const verify = el(
    "button",
    { type: "button", class: "button", click: () => whileBusy(verify, check) },
    icon("shield"),
    t("admin_verify"),
  );
  const table = new PagedTable({
    label: t("admin_audit"),
    columns: columns(admin),
    id: (/** @type {AuditEntry} */ entry) => String(entry.n),
    load: async (before) => {
      const { entries, more } = await api.listAudit({
        action: wanted.action,
        actor: wanted.actor,
        before,
        limit: PAGE,
      });
      return { items: entries, next: more ? String(entries.at(-1)?.n) : undefined };
    },
    empty: () => nothing("history", t(wanted.action || wanted.actor ? "no_match" : "admin_audit_empty")),
  });

  async function check() {
    try {
      const { ok, entries, head, brokenAt } = await api.verifyAudit();
      verdict.className = ok ? "verdict verdict-good" : "verdict verdict-bad";
      fill(
        verdict,
        icon(ok ? "check" : "alert"),
        el(
          "div",
          {},
          el("strong", {}, ok ? t("admin_verify_good", { n: entries }) : t("admin_verify_bad", { n: brokenAt ?? 0 })),
          el("p", {}, ok ? t("admin_verify_good_hint") : t("admin_verify_bad_hint")),
          head ? el("code", { class: "hash-full" }, head) : null,
        ),
      );
    } catch (error) {
      verdict.className = "verdict verdict-bad";
      fill(verdict, icon("alert"), el("p", {}, errorText(/** @type {{ code?: string }} */ (error))));
    }
    verdict.hidden = false;
  }

  /** @param {string} uid */
  async function nameActor(uid) {
    const user = uid ? await api.readUser(uid).catch(() => null) : null;
    if (wanted.actor === uid && document.activeElement !== actor.input)
      actor.input.value = uid ? (user ? nameOf(user) : `#${uid}`) : "";
  }

  return {
    node: el("div", {}, el("div", { class: "toolbar" }, action, actor.node, clear), verdict, table.node),
    tools: [verify],
    follow(query) {
      const next = { action: query.get("action") ?? "", actor: query.get("actor") ?? "" };
      action.value = next.action;
      if (action.value !== next.action) action.value = "";
      clear.hidden = !next.action && !next.actor;
      if (loaded && next.action === wanted.action && next.actor === wanted.actor) return;
      if (next.actor !== wanted.actor) {
        actor.clear();
        void nameActor(next.actor);
      }
      wanted = next;
      loaded = true;
      void nameActor(next.actor);
      void table.reload();
    },
    close: () => table.close(),
  };
}

/**
 * @param {Admin} admin
 * @returns {import("./table_options.js").Column<AuditEntry>[]}
 */
function columns(admin) {
  return [
    {
      label: t("admin_audit_what"),
      class: "cell-main",
      cell: (entry) => {
        const details = detailWords(entry);
        return el(
          "span",
          { class: "audit-what" },
          el("strong", {}, actionName(entry.action)),
          target(admin, entry),
          details.length ? el("small", { dir: "auto" }, details.join(" · ")) : null,
        );
      },
    },
    { label: t("admin_audit_by"), cell: (entry) => el("span", { dir: "auto" }, actorName(entry.actor)) },
    { label: t("admin_audit_when"), cell: (entry) => el("time", { class: "cell-time" }, exactMoment(entry.at)) },
    {
      label: t("admin_audit_entry"),
      class: "cell-number",
      cell: (entry) =>
        el(
          "span",
          { class: "audit-proof" },
          el("span", {}, `#${whole(entry.n)}`),
          el("code", { class: "hash", title: entry.hash }, entry.hash.slice(0, HASH_SHOWN)),
        ),
    },
  ];
}

/**
 * Who it was: a person, the command line, or the server itself (a purge after thirty days).
 *
 * @param {AuditEntry["actor"]} actor
 */
function actorName({ uid, name }) {
  if (uid) return name;
  return t(name === "command line" ? "admin_audit_command_line" : "admin_audit_server");
}

/**
 * Whom or what it was done to, as a link where there is a page about it.
 *
 * @param {Admin} admin
 * @param {AuditEntry} entry
 */
function target(admin, entry) {
  const name = targetName(entry);
  const { kind, id } = entry.target ?? {};
  if (!name) return null;
  if (kind === "user" && id)
    return el(
      "button",
      { type: "button", class: "link-button audit-target", dir: "auto", click: () => admin.open("users", { id }) },
      name,
    );
  if (kind === "room")
    return el(
      "button",
      { type: "button", class: "link-button audit-target", dir: "auto", click: () => admin.open("rooms", { q: name }) },
      name,
    );
  return el("span", { dir: "auto" }, name);
}
