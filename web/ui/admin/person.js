/** One person beside the list: what is known, and what an administrator can do. */
import * as api from "../../calls/admin.js";
import { ask, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { deed, refusal } from "./parts.js";
import { openRemovePerson, openRenamePerson, openResetPerson } from "./person_forms.js";
import { profile } from "./person_profile.js";
import { loading, troubleWith } from "./table_rows.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */
/** @typedef {import("./parts.js").Admin} Admin */

/**
 * @param {Admin} admin
 * @param {string} uid
 * @param {{ changed: (user: Account) => void, closed: () => void }} events
 */
export function openPerson(admin, uid, events) {
  const body = el("div", { class: "dialog-body", "aria-live": "off" }, loading());
  const dialog = openDialog({ title: t("admin_person"), class: "dialog-side", closed: events.closed }, () => [body]);

  async function load() {
    try {
      const user = await api.readUser(uid);
      show(user);
      return user;
    } catch (error) {
      fill(
        body,
        troubleWith(error, () => {
          fill(body, loading());
          void load();
        }),
      );
      return null;
    }
  }

  /** @param {Account} user */
  function show(user) {
    const within = body.contains(document.activeElement);
    dialog.node.setAttribute("aria-label", nameOf(user));
    fill(body, profile(user), deeds(user));
    if (within) /** @type {HTMLElement | null} */ (body.querySelector(".deed"))?.focus();
    events.changed(user);
  }

  /**
   * Does one thing, shows the outcome, and offers the way back where there is one. A refusal is explained by how the
   * person is now: an administrator who still is one was the last.
   *
   * @param {() => Promise<unknown>} act
   * @param {{ said: string, undo?: () => Promise<unknown>, takesAdmin?: boolean }} outcome
   */
  async function perform(act, { said, undo, takesAdmin = false }) {
    try {
      await act();
      toast(
        said,
        undo ? { label: t("undo"), act: () => void perform(undo, { said: t("admin_undone") }) } : undefined,
        undo ? 8000 : undefined,
      );
      await load();
    } catch (error) {
      const now = await load();
      toast(refusal(error, takesAdmin && now?.admin && now.state === "active"), undefined, 7000);
    }
  }

  /** @param {Account} user */
  function deeds(user) {
    const name = nameOf(user);
    if (user.state === "removed") {
      return el(
        "div",
        { class: "deeds" },
        deed(
          "undo",
          t("admin_restore"),
          t("admin_restore_person_hint"),
          () => void perform(() => api.restoreUser(uid), { said: t("admin_restored", { name }) }),
        ),
      );
    }
    const again = { changed: () => void load() };
    return el(
      "div",
      { class: "deeds" },
      deed("edit", t("admin_rename"), t("admin_rename_person_hint"), () => openRenamePerson(user, again)),
      user.admin
        ? deed("shield", t("admin_demote"), t("admin_demote_hint"), () => void demote(user))
        : deed("shield", t("admin_promote"), t("admin_promote_hint"), () => void promote(user)),
      user.state === "disabled"
        ? null
        : deed("key", t("admin_reset"), t("admin_reset_hint"), () => openResetPerson(admin, user, again)),
      user.sessions
        ? deed(
            "leave",
            t("admin_end_sessions"),
            t("admin_end_sessions_hint", { n: user.sessions }),
            () => void endSessions(user),
          )
        : null,
      user.state === "disabled"
        ? deed(
            "check",
            t("admin_enable"),
            t("admin_enable_hint"),
            () => void perform(() => api.changeUser(uid, { disabled: false }), { said: t("admin_enabled", { name }) }),
          )
        : deed("ban", t("admin_disable"), t("admin_disable_hint"), () => void disable(user)),
      deed(
        "trash",
        t("admin_remove"),
        t("admin_remove_person_hint"),
        () =>
          openRemovePerson(user, {
            changed: () => {
              toast(
                t("admin_removed", { name }),
                {
                  label: t("undo"),
                  act: () => void perform(() => api.restoreUser(uid), { said: t("admin_restored", { name }) }),
                },
                8000,
              );
              void load();
            },
          }),
        true,
      ),
    );
  }

  /** @param {Account} user */
  async function promote(user) {
    const name = nameOf(user);
    if (
      !(await ask({
        title: t("admin_promote_question", { name }),
        text: t("admin_promote_text"),
        confirm: t("admin_promote"),
      }))
    )
      return;
    await perform(() => api.changeUser(uid, { admin: true }), {
      said: t("admin_promoted", { name }),
      undo: () => api.changeUser(uid, { admin: false }),
    });
  }

  /** @param {Account} user */
  async function demote(user) {
    const name = nameOf(user);
    const self = uid === admin.store.state.me?.uid;
    if (
      !(await ask({
        title: t("admin_demote_question", { name }),
        text: t(self ? "admin_demote_self" : "admin_demote_text"),
        confirm: t("admin_demote"),
        danger: true,
      }))
    )
      return;
    await perform(() => api.changeUser(uid, { admin: false }), {
      said: t("admin_demoted", { name }),
      takesAdmin: true,
      ...(self ? {} : { undo: () => api.changeUser(uid, { admin: true }) }),
    });
  }

  /** @param {Account} user */
  async function disable(user) {
    const name = nameOf(user);
    if (
      !(await ask({
        title: t("admin_disable_question", { name }),
        text: t("admin_disable_text"),
        confirm: t("admin_disable"),
        danger: true,
      }))
    )
      return;
    await perform(() => api.changeUser(uid, { disabled: true }), {
      said: t("admin_disabled", { name }),
      undo: () => api.changeUser(uid, { disabled: false }),
      takesAdmin: true,
    });
  }

  /** @param {Account} user */
  async function endSessions(user) {
    if (
      !(await ask({
        title: t("admin_end_question", { name: nameOf(user) }),
        text: t("admin_end_text"),
        confirm: t("admin_end_sessions"),
      }))
    )
      return;
    await perform(() => api.endSessions(uid), { said: t("admin_sessions_ended") });
  }

  void load();
  return { uid, close: dialog.close };
}
