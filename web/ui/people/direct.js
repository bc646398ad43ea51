/**
 * Beginning direct chats, with the questions that come first: whether one without encryption will do, and whether an
 * account that signs in by another name is the one that is meant.
 */
import { ask } from "../base/dialog.js";
import { focusComposer } from "../base/focus.js";
import { errorText, t } from "../base/i18n.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { toast } from "../base/toast.js";
import { nameOf, namesOf } from "./people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * The id of the direct chat with these people; null if the reader decided otherwise when asked.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string[]} uids
 * @returns {Promise<string | null>}
 */
export function openDirect(store, actions, uids) {
  return asking(store, actions, uids, () => actions.rooms.openDirect(...uids));
}

/** Whether an encrypted chat of the same people could stand beside it. @param {Room} room */
export function isPlainDirect({ kind, e2ee, others }) {
  return kind === "dm" && !e2ee && others.length > 0;
}

/**
 * A new encrypted chat beside a plain one of the same people.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {Room} room
 */
export function beginBeside(store, actions, { others }) {
  return goTo(() => asking(store, actions, others, () => actions.encrypted.begin(others)));
}

/** A new chat with the same people, where nobody is left who can sign. @param {Actions} actions @param {string} id */
export function beginAnew(actions, id) {
  return goTo(() => actions.encrypted.beginAnew(id));
}

/** @param {() => Promise<string | null>} begin */
async function goTo(begin) {
  try {
    const room = await begin();
    if (room === null) return;
    navigate(roomPath(room));
    focusComposer();
  } catch (error) {
    toast(errorText(/** @type {{ code?: string }} */ (error)));
  }
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string[]} uids
 * @param {() => Promise<string>} open
 * @returns {Promise<string | null>}
 */
async function asking(store, actions, uids, open) {
  /** @type {string[]} */
  const agreed = [];
  for (;;) {
    try {
      return await (agreed.length ? actions.encrypted.begin(uids, { agreed }) : open());
    } catch (error) {
      const refusal = /** @type {{ code?: string, uids?: string[], uid?: string, login?: string, name?: string }} */ (
        error
      );
      if (refusal.code === "no_keys")
        return (await isPlainAgreed(store, refusal.uids ?? uids)) ? actions.encrypted.openPlain(...uids) : null;
      const { uid = "" } = refusal;
      const question = questionOf(store, refusal);
      if (!question || agreed.includes(uid)) throw error;
      if (!(await ask(question))) return null;
      agreed.push(uid);
    }
  }
}

/** @param {Store} store @param {string[]} uids */
function isPlainAgreed(store, uids) {
  return ask({
    title: t("no_keys_title"),
    text: t("no_keys_text", { names: namesOf(store.state, uids) }),
    confirm: t("begin_plain"),
  });
}

/**
 * What has to be asked before a chat with this account is begun, if anything can be.
 *
 * @param {Store} store
 * @param {{ code?: string, uid?: string, login?: string, name?: string }} refusal
 */
function questionOf({ state }, { code, uid = "", login = "", name = "" }) {
  if (code === "name_differs") {
    const text = t("name_differs_text", { login, name });
    return { title: t("name_differs_title"), text, confirm: t("name_differs_yes") };
  }
  if (code !== "keys_reset") return null;
  const text = t("keys_reset_text", { name: nameOf(state, uid) });
  return { title: t("keys_reset_title"), text, confirm: t("name_differs_yes") };
}
