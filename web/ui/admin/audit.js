/** The log of what administrators and moderators did, newest first, and the proof that nobody rewrote it. */
import * as api from "../../calls/admin.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { ACTION_GROUPS, actionName, detailWords, targetName } from "./audit_words.js";
import { exactMoment, whole } from "./numbers.js";
import { PAGE, PagedTable } from "./paged_table.js";
import { nothing, whileBusy } from "./parts.js";
import { PersonPicker } from "./person_picker.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").AuditEntry} AuditEntry */
/** @typedef {import("./parts.js").Admin} Admin */

const HASH_SHOWN = 10;

/**
 * @param {Admin} admin
 * @returns {import("./parts.js").Section}
 */
export function createAudit(admin) {
  const log = new AuditLog(admin);
  return { node: log.node, tools: log.tools, follow: (query) => log.follow(query), close: () => log.close() };
}

class AuditLog {
  #wanted = { action: "", actor: "" };
  #loaded = false;
  #action;
  #actor;
  #clear;
  #verdict = el("div", { class: "verdict", role: "status", hidden: true });
  #verify = el(
    "button",
    { type: "button", class: "button", click: () => whileBusy(this.#verify, () => this.#check()) },
    icon("shield"),
    t("admin_verify"),
  );
  #table;
  tools = [this.#verify];

  /** @param {Admin} admin */
  constructor(admin) {
    this.#action = actionChoice(admin);
    this.#actor = new PersonPicker({
      label: t("admin_audit_by"),
      chosen: (user) => {
        if (user) admin.filter({ actor: user.uid });
      },
    });
    this.#clear = clearButton(admin);
    this.#table = new PagedTable({
      label: t("admin_audit"),
      columns: columns(admin),
      id: (/** @type {AuditEntry} */ entry) => String(entry.n),
      load: (before) => this.#load(before),
      empty: () => nothing("history", t(this.#wanted.action || this.#wanted.actor ? "no_match" : "admin_audit_empty")),
    });
    this.node = el(
      "div",
      {},
      el("div", { class: "toolbar" }, this.#action, this.#actor.node, this.#clear),
      this.#verdict,
      this.#table.node,
    );
  }

  /** @param {URLSearchParams} query */
  follow(query) {
    const next = { action: query.get("action") ?? "", actor: query.get("actor") ?? "" };
    this.#action.value = next.action;
    if (this.#action.value !== next.action) this.#action.value = "";
    this.#clear.hidden = !next.action && !next.actor;
    if (this.#loaded && next.action === this.#wanted.action && next.actor === this.#wanted.actor) return;
    if (next.actor !== this.#wanted.actor) this.#actor.clear();
    this.#wanted = next;
    this.#loaded = true;
    void this.#nameActor(next.actor);
    void this.#table.reload();
  }

  close() {
    this.#table.close();
  }

  /** @param {string | undefined} before */
  async #load(before) {
    const { entries, more } = await api.listAudit({ ...this.#wanted, before, limit: PAGE });
    return { items: entries, next: more ? String(entries.at(-1)?.n) : undefined };
  }

  async #check() {
    try {
      const answer = await api.verifyAudit();
      this.#verdict.className = answer.ok ? "verdict verdict-good" : "verdict verdict-bad";
      fill(this.#verdict, verdictOn(answer));
    } catch (error) {
      this.#verdict.className = "verdict verdict-bad";
      fill(this.#verdict, icon("alert"), el("p", {}, errorText(/** @type {{ code?: string }} */ (error))));
    }
    this.#verdict.hidden = false;
  }

  /** @param {string} uid */
  async #nameActor(uid) {
    const { input } = this.#actor;
    const user = uid ? await api.readUser(uid).catch(() => null) : null;
    if (this.#wanted.actor === uid && document.activeElement !== input)
      input.value = uid ? (user ? nameOf(user) : `#${uid}`) : "";
  }
}

/** @param {Admin} admin */
function actionChoice(admin) {
  const select = el(
    "select",
    {
      class: "input select",
      "aria-label": t("admin_audit_action"),
      change: () => admin.filter({ action: select.value || null }),
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
  return select;
}

/** @param {Admin} admin */
function clearButton(admin) {
  return el(
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
}

/** @param {Awaited<ReturnType<typeof api.verifyAudit>>} answer */
function verdictOn({ ok, entries, head, brokenAt }) {
  return [
    icon(ok ? "check" : "alert"),
    el(
      "div",
      {},
      el("strong", {}, ok ? t("admin_verify_good", { n: entries }) : t("admin_verify_bad", { n: brokenAt ?? 0 })),
      el("p", {}, ok ? t("admin_verify_good_hint") : t("admin_verify_bad_hint")),
      head ? el("code", { class: "hash-full" }, head) : null,
    ),
  ];
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
