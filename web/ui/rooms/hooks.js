/** Addresses by which other programs write into a room: made, copied once, renamed, given a picture, revoked. */
import { createHook, listHooks, putHookPicture, renameHook, revokeHook } from "../../calls/hooks.js";
import { copyText } from "../base/clipboard.js";
import { agoOf, fullTimeOf } from "../base/dates.js";
import { ask, dialogFoot, openDialog } from "../base/dialog.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert, field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openMenu } from "../base/menu.js";
import { refusal } from "../base/refusals.js";

/** @typedef {import("../../state/types.js").Hook} Hook */

const NAME_MAX = 64;
const PICTURES = "image/png,image/jpeg,image/webp,image/gif";

/** @param {string} room */
export function createHooks(room) {
  return new Hooks(room).node;
}

class Hooks {
  #room;
  #alert = createAlert();
  #made = el("div", { class: "made-link", role: "status" });
  #list = el("ul", { class: "results" });
  #name = nameField("hook-name", "");
  #picture = pictureField("hook-picture");
  #make = el("button", { type: "submit", class: "button button-primary" }, icon("plus"), t("hook_make"));

  /** @param {string} room */
  constructor(room) {
    this.#room = room;
    this.node = el(
      "div",
      { class: "dialog-body" },
      el("p", { class: "hint" }, t("hooks_hint")),
      el(
        "form",
        {
          novalidate: true,
          class: "settings-form",
          submit: (/** @type {SubmitEvent} */ event) => this.#send(event),
        },
        el("div", { class: "field-pair" }, field(t("hook_name"), this.#name), field(t("hook_picture"), this.#picture)),
        el("div", { class: "dialog-foot" }, this.#make),
      ),
      this.#alert.node,
      this.#made,
      this.#list,
    );
    void this.#draw();
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    event.preventDefault();
    const name = this.#name.value.trim();
    if (!name) return this.#name.focus();
    await busy(
      this.#make,
      this.#alert.say,
      (error) => refusal(error, "hook"),
      () => this.#create(name),
    );
  }

  /** @param {string} name */
  async #create(name) {
    const hook = await createHook(this.#room, name);
    // From here on it exists, whatever becomes of its picture: its address must be seen.
    this.#name.value = "";
    this.#showNew(hook.address);
    const file = this.#picture.files?.[0];
    this.#picture.value = "";
    try {
      if (file) await putHookPicture(this.#room, hook.id, file);
    } finally {
      await this.#draw();
    }
  }

  /** @param {string} address */
  #showNew(address) {
    const example = `curl -d '${t("hook_hello").replaceAll("'", "’")}' ${address}`;
    const rows = [copyRow(t("hook_address"), address), copyRow(t("hook_example"), example)];
    fill(this.#made, el("p", { class: "hint" }, el("strong", {}, t("link_once"))), rows);
    /** @type {HTMLElement | null} */ (this.#made.querySelector("button"))?.focus();
  }

  async #draw() {
    try {
      const hooks = await listHooks(this.#room);
      fill(
        this.#list,
        hooks.length ? drawEach(hooks, (hook) => this.#row(hook)) : el("li", { class: "results-empty" }, t("no_hooks")),
      );
    } catch (error) {
      fill(this.#list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
    }
  }

  /** @param {Hook} hook */
  #row(hook) {
    const used = hook.usedAt === null ? t("hook_unused") : t("hook_used", { time: agoOf(hook.usedAt) });
    const more = el(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-haspopup": "menu",
        "aria-label": t("hook_actions", { name: hook.name }),
        click: () => this.#openMenu(hook, more),
      },
      icon("more"),
    );
    return el(
      "li",
      { class: "option option-still", "data-hook": hook.id },
      hook.avatar
        ? el("span", { class: "avatar avatar-small" }, el("img", { src: hook.avatar.small, alt: "" }))
        : el("span", { class: "room-tile", "aria-hidden": "true" }, icon("code")),
      el(
        "span",
        { class: "option-text" },
        el("strong", { dir: "auto" }, hook.name),
        el("small", { title: hook.usedAt === null ? "" : fullTimeOf(hook.usedAt) }, used),
      ),
      more,
    );
  }

  /** @param {Hook} hook @param {Element} anchor */
  #openMenu(hook, anchor) {
    openMenu({ title: hook.name, heading: hook.name, anchor }, [
      { label: t("hook_rename"), picture: "edit", act: () => this.#rename(hook) },
      { label: t("picture_choose"), picture: "camera", act: () => this.#choosePicture(hook) },
      { label: t("hook_revoke"), picture: "trash", danger: true, act: () => void this.#revoke(hook) },
    ]);
  }

  /** @param {Hook} hook */
  #rename(hook) {
    const alert = createAlert();
    const name = nameField("hook-new-name", hook.name);
    const save = el("button", { type: "submit", class: "button button-primary" }, t("save"));
    const dialog = openDialog({ title: t("hook_rename"), class: "dialog-narrow" }, (close) => [
      el(
        "form",
        {
          class: "dialog-body",
          novalidate: true,
          submit: (/** @type {SubmitEvent} */ event) => {
            event.preventDefault();
            if (!name.value.trim()) return name.focus();
            void busy(
              save,
              alert.say,
              (error) => refusal(error, "hook"),
              async () => {
                await renameHook(this.#room, hook.id, name.value.trim());
                dialog.close();
                await this.#draw();
              },
            );
          },
        },
        field(t("hook_name"), name),
        alert.node,
        dialogFoot(close, save),
      ),
    ]);
    name.select();
  }

  /** @param {Hook} hook */
  #choosePicture(hook) {
    const input = pictureField("hook-new-picture");
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (!file) return;
      this.#alert.say("");
      putHookPicture(this.#room, hook.id, file)
        .then(() => this.#draw())
        .catch((error) => this.#alert.say(errorText(error)));
    });
    input.click();
  }

  /** @param {Hook} hook */
  async #revoke(hook) {
    const question = {
      title: t("hook_revoke"),
      text: t("hook_revoke_text", { name: hook.name }),
      confirm: t("hook_revoke"),
      danger: true,
    };
    if (!(await ask(question))) return;
    try {
      await revokeHook(this.#room, hook.id);
    } catch (error) {
      this.#alert.say(errorText(/** @type {{ code?: string }} */ (error)));
    }
    await this.#draw();
  }
}

/** @param {string} id @param {string} value */
function nameField(id, value) {
  return el("input", {
    class: "input",
    id,
    value,
    maxlength: String(NAME_MAX),
    required: true,
    autocomplete: "off",
    dir: "auto",
  });
}

/** @param {string} id */
function pictureField(id) {
  return el("input", { class: "input", id, type: "file", accept: PICTURES });
}

/** @param {string} label @param {string} text */
function copyRow(label, text) {
  return el(
    "div",
    { class: "field-row" },
    el("code", { class: "link-box", tabindex: "0", "aria-label": label }, text),
    el(
      "button",
      { type: "button", class: "button", "aria-label": `${t("copy")}: ${label}`, click: () => void copyText(text) },
      icon("copy"),
      t("copy"),
    ),
  );
}
