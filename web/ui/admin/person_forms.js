/** The questions about a person that need an answer of their own: add, rename, a new password, remove. */
import * as api from "../../calls/admin.js";
import { errorText, t } from "../base/i18n.js";
import { choices, field, openForm, showLink, textInput, tick } from "./forms.js";
import { refusal } from "./parts.js";
import { nameOf } from "./who.js";

/** @typedef {import("../../calls/admin.js").Account} Account */
/** @typedef {import("./parts.js").Admin} Admin */

const NAME_MAX = "32";
const DISPLAY_NAME_MAX = "64";

/** Here a conflict is a name that somebody has. @param {unknown} error */
function nameRefusal(error) {
  return errorText(/** @type {{ code?: string }} */ (error));
}

/**
 * @param {Admin} admin
 * @param {() => void} added
 */
export function openAddPerson(admin, added) {
  const username = textInput({ maxlength: NAME_MAX, required: true, autocapitalize: "none", autofocus: true });
  const displayName = textInput({ maxlength: DISPLAY_NAME_MAX });
  const rights = tick(t("admin_make_admin"), t("admin_make_admin_hint"));
  openForm({
    title: t("admin_add_person"),
    text: t("admin_add_person_text"),
    submit: t("admin_add"),
    explain: nameRefusal,
    fields: [
      field(t("username"), username, t("username_hint")),
      field(t("display_name"), displayName, t("admin_optional")),
      rights.node,
    ],
    act: async () => {
      const shown = displayName.value.trim();
      const made = await api.addUser({
        username: username.value.trim(),
        ...(shown ? { displayName: shown } : {}),
        ...(rights.input.checked ? { admin: true } : {}),
      });
      added();
      return () =>
        showLink({
          title: t("admin_added", { name: nameOf(made) }),
          text: t("admin_added_text", { name: nameOf(made) }),
          path: made.path,
          expires: made.expiresAt,
        });
    },
  });
}

/**
 * @param {Account} user
 * @param {{ changed: () => void }} events
 */
export function openRenamePerson(user, events) {
  const username = textInput({ maxlength: NAME_MAX, required: true, autocapitalize: "none", value: user.username });
  const displayName = textInput({ maxlength: DISPLAY_NAME_MAX, value: user.displayName ?? "", autofocus: true });
  openForm({
    title: t("admin_rename_question", { name: nameOf(user) }),
    submit: t("save"),
    explain: nameRefusal,
    fields: [field(t("display_name"), displayName), field(t("username"), username, t("admin_username_hint"))],
    act: async () => {
      const change = {
        ...(displayName.value.trim() === (user.displayName ?? "") ? {} : { displayName: displayName.value.trim() }),
        ...(username.value.trim() === user.username ? {} : { username: username.value.trim() }),
      };
      if (Object.keys(change).length) await api.changeUser(user.uid, change);
      events.changed();
    },
  });
}

/**
 * @param {Admin} admin
 * @param {Account} user
 * @param {{ changed: () => void }} events
 */
export function openResetPerson(admin, user, events) {
  const why = choices(
    t("admin_reset_why"),
    "why",
    [
      ["forgotten", t("admin_reset_forgotten"), t("admin_reset_forgotten_hint")],
      ["compromised", t("admin_reset_compromised"), t("admin_reset_compromised_hint")],
    ],
    "forgotten",
  );
  openForm({
    title: t("admin_reset_question", { name: nameOf(user) }),
    text: t("admin_reset_text"),
    submit: t("admin_make_link"),
    fields: why.node,
    act: async () => {
      const ticket = await api.resetUser(user.uid, why.value === "compromised");
      events.changed();
      return () =>
        showLink({
          title: t("admin_reset_link"),
          text: t("admin_reset_link_text", { name: nameOf(user) }),
          path: ticket.path,
          expires: ticket.expiresAt,
        });
    },
  });
}

/**
 * @param {Account} user
 * @param {{ changed: () => void }} events
 */
export function openRemovePerson(user, events) {
  const messages = choices(
    t("admin_messages_of"),
    "messages",
    [
      ["keep", t("admin_messages_keep"), t("admin_messages_keep_hint")],
      ["erase", t("admin_messages_erase"), t("admin_messages_erase_hint")],
    ],
    "keep",
  );
  openForm({
    title: t("admin_remove_question", { name: nameOf(user) }),
    text: t("admin_remove_person_text"),
    submit: t("admin_remove"),
    danger: true,
    fields: messages.node,
    explain: async (error) => {
      const now = await api.readUser(user.uid).catch(() => user);
      return refusal(error, now.admin && now.state === "active");
    },
    act: async () => {
      await api.removeUser(user.uid, messages.value === "erase" ? "erase" : "keep");
      events.changed();
    },
  });
}
