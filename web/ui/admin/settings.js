/** What the server is called, who may come in, who may make rooms. Saved together; the last saving can be undone. */
import * as api from "../../calls/admin.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { LANGUAGES } from "../base/language.js";
import { toast } from "../base/toast.js";
import { createFileUsage } from "./file_usage.js";
import { changesBetween, valuesReplaced } from "./changes.js";
import { choices, field, select, textInput, tick } from "./forms.js";
import { refusal, whileBusy } from "./parts.js";
import { loading, troubleWith } from "./table_rows.js";

/** @typedef {import("../../calls/admin.js").ServerSettings} ServerSettings */

const NAME_MAX = "64";
const USERS_MOST = "1000000";
/** Files are counted in bytes, and limited in mebibytes. */
const MEBIBYTE = 1024 ** 2;
const MEBIBYTES_MOST = String(2 ** 30);
/** How long a saving can be taken back, and how long a refusal is shown. */
const UNDO_MS = 8000;
const REFUSAL_MS = 7000;

/** @returns {import("./parts.js").Section} */
export function createSettings() {
  const node = el("div", { class: "admin-settings" }, loading());
  let closed = false;

  async function load() {
    try {
      const settings = await api.readSettings();
      if (!closed) fill(node, new SettingsForm(settings, load).node);
    } catch (error) {
      if (!closed) fill(node, troubleWith(error, again));
    }
  }

  function again() {
    fill(node, loading());
    void load();
  }

  void load();
  return {
    node,
    follow() {},
    close() {
      closed = true;
    },
  };
}

class SettingsForm {
  #saved;
  #reload;
  #fields;
  #alert = el("p", { class: "form-alert", role: "alert", hidden: true });
  #unsaved = el("span", { class: "hint", role: "status" });
  #submit = el("button", { type: "submit", class: "button button-primary" }, t("admin_save_settings"));
  #foot = el("div", { class: "admin-settings-foot" }, this.#unsaved, this.#submit);

  /**
   * @param {ServerSettings} settings
   * @param {() => Promise<void>} reload
   */
  constructor(settings, reload) {
    this.#saved = settings;
    this.#reload = reload;
    this.#fields = createFields(settings);
    const { name, language, registration, invites, most, creation, encryption, files } = this.#fields;
    this.node = el(
      "form",
      {
        class: "admin-settings-form",
        submit: (/** @type {SubmitEvent} */ event) => this.#send(event),
        novalidate: true,
        input: (/** @type {Event} */ event) => {
          /** @type {Element} */ (event.target).removeAttribute("aria-invalid");
          this.#showUnsaved();
        },
      },
      group(
        t("admin_settings_server"),
        field(t("admin_server_name"), name, t("admin_server_name_hint")),
        field(t("admin_default_language"), language, t("admin_default_language_hint")),
      ),
      group(
        t("admin_settings_people"),
        registration.node,
        invites.node,
        field(t("admin_users_most"), most, t("admin_users_most_hint")),
      ),
      group(t("admin_settings_rooms"), creation.node, encryption.node),
      group(
        t("admin_settings_files"),
        field(t("admin_file_size"), files.size, t("admin_file_size_hint")),
        field(t("admin_files_user"), files.user, t("admin_files_hint")),
        field(t("admin_files_room_most"), files.room, t("admin_files_hint")),
        field(t("admin_files_server"), files.server, t("admin_files_hint")),
        createFileUsage(),
      ),
      this.#alert,
      this.#foot,
    );
  }

  #changes() {
    return changesBetween(this.#saved, writtenIn(this.#fields));
  }

  #showUnsaved() {
    const unsaved = Object.keys(this.#changes()).length > 0;
    this.#foot.classList.toggle("admin-settings-dirty", unsaved);
    this.#unsaved.textContent = unsaved ? t("admin_unsaved") : "";
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    event.preventDefault();
    this.#alert.hidden = true;
    const { name, most, files } = this.#fields;
    const wrong = [name, most, ...Object.values(files)].find((input) => !input.checkValidity());
    if (wrong) {
      wrong.setAttribute("aria-invalid", "true");
      return wrong.focus();
    }
    const change = this.#changes();
    if (!Object.keys(change).length) return toast(t("saved"));
    await whileBusy(this.#submit, () => this.#save(change));
  }

  /** @param {Partial<ServerSettings>} change */
  async #save(change) {
    const before = valuesReplaced(this.#saved, change);
    try {
      this.#saved = await api.changeSettings(change, before);
      this.#showUnsaved();
      toast(t("admin_settings_saved"), { label: t("undo"), act: () => void this.#undo(before, change) }, UNDO_MS);
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code === "conflict") {
        toast(refusal(error), undefined, REFUSAL_MS);
        return this.#reload();
      }
      this.#alert.textContent = refusal(error);
      this.#alert.hidden = false;
    }
  }

  /**
   * @param {Partial<ServerSettings>} before
   * @param {Partial<ServerSettings>} now
   */
  async #undo(before, now) {
    try {
      await api.changeSettings(before, now);
      toast(t("admin_undone"));
    } catch (error) {
      toast(refusal(error));
    }
    await this.#reload();
  }
}

/** @param {ServerSettings} settings */
function createFields(settings) {
  return {
    name: textInput({ maxlength: NAME_MAX, required: true, value: settings.name }),
    language: select([...LANGUAGES], settings.defaultLocale),
    registration: choices(
      t("admin_registration"),
      "registration",
      [
        ["open", t("admin_registration_open"), t("admin_registration_open_hint")],
        ["invite", t("admin_registration_invite"), t("admin_registration_invite_hint")],
        ["closed", t("admin_registration_closed"), t("admin_registration_closed_hint")],
      ],
      settings.registration,
    ),
    invites: tick(t("admin_member_invites"), t("admin_member_invites_hint"), settings.memberInvites),
    most: textInput({
      type: "number",
      min: "1",
      max: USERS_MOST,
      step: "1",
      inputmode: "numeric",
      value: settings.usersMax ?? "",
      placeholder: t("admin_unlimited"),
    }),
    creation: choices(
      t("admin_room_creation"),
      "room_creation",
      [
        ["members", t("admin_creation_members"), t("admin_creation_members_hint")],
        ["admins", t("admin_creation_admins"), t("admin_creation_admins_hint")],
      ],
      settings.roomCreation,
    ),
    encryption: choices(
      t("admin_encryption"),
      "encryption",
      [
        ["on", t("admin_encryption_on"), t("admin_encryption_on_hint")],
        ["required", t("admin_encryption_required"), t("admin_encryption_required_hint")],
        ["off", t("admin_encryption_off"), t("admin_encryption_off_hint")],
      ],
      settings.encryption,
    ),
    files: {
      size: mebibytes(settings.fileSizeMax, true),
      user: mebibytes(settings.filesUserMax),
      room: mebibytes(settings.filesRoomMax),
      server: mebibytes(settings.filesServerMax),
    },
  };
}

/**
 * @param {number | null} bytes
 * @param {boolean} [required]
 */
function mebibytes(bytes, required = false) {
  return textInput({
    type: "number",
    min: "0.001",
    max: MEBIBYTES_MOST,
    step: "any",
    inputmode: "decimal",
    required,
    value: bytes === null ? "" : bytes / MEBIBYTE,
    placeholder: required ? "" : t("admin_unlimited"),
  });
}

/** @param {HTMLInputElement} input */
function bytesIn(input) {
  return input.value === "" ? null : Math.round(Number(input.value) * MEBIBYTE);
}

/**
 * @param {ReturnType<typeof createFields>} fields
 * @returns {ServerSettings}
 */
function writtenIn({ name, language, registration, invites, most, creation, encryption, files }) {
  return {
    name: name.value.trim(),
    defaultLocale: language.value,
    registration: /** @type {ServerSettings["registration"]} */ (registration.value),
    memberInvites: invites.input.checked,
    roomCreation: /** @type {ServerSettings["roomCreation"]} */ (creation.value),
    encryption: /** @type {ServerSettings["encryption"]} */ (encryption.value),
    usersMax: most.value === "" ? null : Number(most.value),
    fileSizeMax: bytesIn(files.size) ?? 0,
    filesUserMax: bytesIn(files.user),
    filesRoomMax: bytesIn(files.room),
    filesServerMax: bytesIn(files.server),
  };
}

/**
 * @param {string} title
 * @param {...HTMLElement} parts
 */
function group(title, ...parts) {
  return el("section", { class: "plate admin-settings-group" }, el("h2", {}, title), parts);
}
