/** One person beside the list: what is known, and what an administrator can do. */
import * as api from "../../calls/admin.js";
import { ask, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { actionButton, refusal } from "./parts.js";
import { openRemovePerson, openRenamePerson, openResetPerson } from "./person_forms.js";
import { profile } from "./person_profile.js";
import { loading, troubleWith } from "./table_rows.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */
/** @typedef {import("./parts.js").Admin} Admin */

/** The details of an account in a dialog at the side, with everything that can be done to it. */
export class PersonDialog {
  #admin;
  #events;
  #body = el("div", { class: "dialog-body", "aria-live": "off" }, loading());
  #dialog;

  /**
   * @param {import("./parts.js").Admin} admin
   * @param {string} uid
   * @param {{ changed: (user: Account) => void, closed: () => void }} events
   */
  constructor(admin, uid, events) {
    this.#admin = admin;
    this.uid = uid;
    this.#events = events;
    this.#dialog = openDialog({ title: t("admin_person"), class: "dialog-side", closed: events.closed }, () => [
      this.#body,
    ]);
    void this.#load();
  }

  close() {
    this.#dialog.close();
  }

  async #load() {
    try {
      const user = await api.readUser(this.uid);
      this.#show(user);
      return user;
    } catch (error) {
      fill(
        this.#body,
        troubleWith(error, () => {
          fill(this.#body, loading());
          void this.#load();
        }),
      );
      return null;
    }
  }

  /** @param {Account} user */
  #show(user) {
    const within = this.#body.contains(document.activeElement);
    this.#dialog.node.setAttribute("aria-label", nameOf(user));
    fill(this.#body, profile(user), this.#actionsFor(user));
    if (within) /** @type {HTMLElement | null} */ (this.#body.querySelector(".action"))?.focus();
    this.#events.changed(user);
  }

  /**
   * Does one thing, shows the outcome, and offers the way back where there is one. A refusal is explained by how the
   * person is now: an administrator who still is one was the last.
   *
   * @param {() => Promise<unknown>} act
   * @param {{ said: string, undo?: () => Promise<unknown>, takesAdmin?: boolean }} outcome
   */
  async #perform(act, { said, undo, takesAdmin = false }) {
    try {
      await act();
      toast(
        said,
        undo ? { label: t("undo"), act: () => void this.#perform(undo, { said: t("admin_undone") }) } : undefined,
        undo ? 8000 : undefined,
      );
      await this.#load();
    } catch (error) {
      const now = await this.#load();
      toast(refusal(error, takesAdmin && now?.admin && now.state === "active"), undefined, 7000);
    }
  }

  /** @param {Account} user */
  #actionsFor(user) {
    const name = nameOf(user);
    if (user.state === "removed") {
      return el(
        "div",
        { class: "actions" },
        actionButton(
          "undo",
          t("admin_restore"),
          t("admin_restore_person_hint"),
          () => void this.#perform(() => api.restoreUser(this.uid), { said: t("admin_restored", { name }) }),
        ),
      );
    }
    const again = { changed: () => void this.#load() };
    return el(
      "div",
      { class: "actions" },
      actionButton("edit", t("admin_rename"), t("admin_rename_person_hint"), () => openRenamePerson(user, again)),
      user.admin
        ? actionButton("shield", t("admin_demote"), t("admin_demote_hint"), () => void this.#demote(user))
        : actionButton("shield", t("admin_promote"), t("admin_promote_hint"), () => void this.#promote(user)),
      user.state === "disabled"
        ? null
        : actionButton("key", t("admin_reset"), t("admin_reset_hint"), () => openResetPerson(this.#admin, user, again)),
      user.sessions
        ? actionButton(
            "leave",
            t("admin_end_sessions"),
            t("admin_end_sessions_hint", { n: user.sessions }),
            () => void this.#endSessions(user),
          )
        : null,
      user.state === "disabled"
        ? actionButton(
            "check",
            t("admin_enable"),
            t("admin_enable_hint"),
            () =>
              void this.#perform(() => api.changeUser(this.uid, { disabled: false }), {
                said: t("admin_enabled", { name }),
              }),
          )
        : actionButton("ban", t("admin_disable"), t("admin_disable_hint"), () => void this.#disable(user)),
      actionButton(
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
                  act: () =>
                    void this.#perform(() => api.restoreUser(this.uid), { said: t("admin_restored", { name }) }),
                },
                8000,
              );
              void this.#load();
            },
          }),
        true,
      ),
    );
  }

  /** @param {Account} user */
  async #promote(user) {
    const name = nameOf(user);
    if (
      !(await ask({
        title: t("admin_promote_question", { name }),
        text: t("admin_promote_text"),
        confirm: t("admin_promote"),
      }))
    )
      return;
    await this.#perform(() => api.changeUser(this.uid, { admin: true }), {
      said: t("admin_promoted", { name }),
      undo: () => api.changeUser(this.uid, { admin: false }),
    });
  }

  /** @param {Account} user */
  async #demote(user) {
    const name = nameOf(user);
    const self = this.uid === this.#admin.store.state.me?.uid;
    if (
      !(await ask({
        title: t("admin_demote_question", { name }),
        text: t(self ? "admin_demote_self" : "admin_demote_text"),
        confirm: t("admin_demote"),
        danger: true,
      }))
    )
      return;
    await this.#perform(() => api.changeUser(this.uid, { admin: false }), {
      said: t("admin_demoted", { name }),
      takesAdmin: true,
      ...(self ? {} : { undo: () => api.changeUser(this.uid, { admin: true }) }),
    });
  }

  /** @param {Account} user */
  async #disable(user) {
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
    await this.#perform(() => api.changeUser(this.uid, { disabled: true }), {
      said: t("admin_disabled", { name }),
      undo: () => api.changeUser(this.uid, { disabled: false }),
      takesAdmin: true,
    });
  }

  /** @param {Account} user */
  async #endSessions(user) {
    if (
      !(await ask({
        title: t("admin_end_question", { name: nameOf(user) }),
        text: t("admin_end_text"),
        confirm: t("admin_end_sessions"),
      }))
    )
      return;
    await this.#perform(() => api.endSessions(this.uid), { said: t("admin_sessions_ended") });
  }
}
