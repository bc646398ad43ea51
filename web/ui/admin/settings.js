/** What the server is called, who may come in, who may make rooms. Saved together; the last saving can be undone. */
import * as api from "../../calls/admin.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { LANGUAGES } from "../base/language.js";
import { toast } from "../base/toast.js";
import { choices, field, select, textInput, tick } from "./forms.js";
import { refusal, whileBusy } from "./parts.js";
import { loading, troubleWith } from "./table_rows.js";

/** @typedef {import("../../calls/admin.js").ServerSettings} ServerSettings */

const NAME_MAX = "64";
const USERS_MOST = "1000000";

/**
 * @param {import("./parts.js").Admin} admin
 * @returns {import("./parts.js").Section}
 */
export function createSettings(admin) {
  const node = el("div", { class: "admin-settings" }, loading());
  let closed = false;

  async function load() {
    try {
      const settings = await api.readSettings();
      if (!closed) fill(node, form(admin, settings, load));
    } catch (error) {
      if (!closed)
        fill(
          node,
          troubleWith(error, () => {
            fill(node, loading());
            void load();
          }),
        );
    }
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

/**
 * @param {import("./parts.js").Admin} admin
 * @param {ServerSettings} settings
 * @param {() => Promise<void>} reload
 */
function form(admin, settings, reload) {
  let saved = settings;
  const name = textInput({ maxlength: NAME_MAX, required: true, value: settings.name });
  const language = select([...LANGUAGES], settings.defaultLocale);
  const registration = choices(
    t("admin_registration"),
    "registration",
    [
      ["open", t("admin_registration_open"), t("admin_registration_open_hint")],
      ["invite", t("admin_registration_invite"), t("admin_registration_invite_hint")],
      ["closed", t("admin_registration_closed"), t("admin_registration_closed_hint")],
    ],
    settings.registration,
  );
  const invites = tick(t("admin_member_invites"), t("admin_member_invites_hint"), settings.memberInvites);
  const most = textInput({
    type: "number",
    min: "1",
    max: USERS_MOST,
    step: "1",
    inputmode: "numeric",
    value: settings.usersMax ?? "",
    placeholder: t("admin_unlimited"),
  });
  const creation = choices(
    t("admin_room_creation"),
    "room_creation",
    [
      ["members", t("admin_creation_members"), t("admin_creation_members_hint")],
      ["admins", t("admin_creation_admins"), t("admin_creation_admins_hint")],
    ],
    settings.roomCreation,
  );
  const alert = el("p", { class: "form-alert", role: "alert", hidden: true });
  const submit = el("button", { type: "submit", class: "button button-primary" }, t("admin_save_settings"));
  const foot = el("div", { class: "admin-settings-foot" }, el("span", { class: "hint", role: "status" }), submit);

  /** @returns {ServerSettings} */
  const written = () => ({
    name: name.value.trim(),
    defaultLocale: language.value,
    registration: /** @type {ServerSettings["registration"]} */ (registration.value),
    memberInvites: invites.input.checked,
    roomCreation: /** @type {ServerSettings["roomCreation"]} */ (creation.value),
    usersMax: most.value === "" ? null : Number(most.value),
  });

  /** Only what differs is sent, so two administrators who change different things do not undo each other. */
  function difference() {
    const now = written();
    return Object.fromEntries(
      Object.entries(now).filter(([key, value]) => value !== saved[/** @type {keyof ServerSettings} */ (key)]),
    );
  }

  function showDirty() {
    const dirty = Object.keys(difference()).length > 0;
    foot.classList.toggle("admin-settings-dirty", dirty);
    /** @type {HTMLElement} */ (foot.firstElementChild).textContent = dirty ? t("admin_unsaved") : "";
  }

  /** @param {SubmitEvent} event */
  async function sent(event) {
    event.preventDefault();
    alert.hidden = true;
    const wrong = [name, most].find((input) => !input.checkValidity());
    if (wrong) {
      wrong.setAttribute("aria-invalid", "true");
      return wrong.focus();
    }
    const change = difference();
    if (!Object.keys(change).length) return toast(t("saved"));
    const before = Object.fromEntries(
      Object.keys(change).map((key) => [key, saved[/** @type {keyof ServerSettings} */ (key)]]),
    );
    await whileBusy(submit, async () => {
      try {
        saved = await api.changeSettings(change, before);
        showDirty();
        toast(t("admin_settings_saved"), { label: t("undo"), act: () => void undo(before, change) }, 8000);
      } catch (error) {
        if (/** @type {{ code?: string }} */ (error).code === "conflict") {
          toast(refusal(error), undefined, 7000);
          return reload();
        }
        alert.textContent = refusal(error);
        alert.hidden = false;
      }
    });
  }

  /** @param {Partial<ServerSettings>} before @param {Partial<ServerSettings>} now */
  async function undo(before, now) {
    try {
      await api.changeSettings(before, now);
      toast(t("admin_undone"));
    } catch (error) {
      toast(refusal(error));
    }
    await reload();
  }

  const node = el(
    "form",
    {
      class: "admin-settings-form",
      submit: sent,
      novalidate: true,
      input: (/** @type {Event} */ event) => {
        /** @type {Element} */ (event.target).removeAttribute("aria-invalid");
        showDirty();
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
    group(t("admin_settings_rooms"), creation.node),
    alert,
    foot,
  );
  return node;
}

/**
 * @param {string} title
 * @param {...HTMLElement} parts
 */
function group(title, ...parts) {
  return el("section", { class: "plate admin-settings-group" }, el("h2", {}, title), parts);
}
