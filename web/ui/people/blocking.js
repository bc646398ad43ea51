/** Blocking somebody: the question before it, and the note after it with a button to undo it. */
import { isBlocked } from "../../state/blocks.js";
import { ask } from "../base/dialog.js";
import { errorText, t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { nameOf } from "./people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** Long enough to read it and to change one's mind. */
const UNDO_MS = 8000;

/**
 * Asks, and blocks.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} uid
 */
export async function blockPerson(store, actions, uid) {
  const name = nameOf(store.state, uid);
  if (!(await ask({ title: t("block_question", { name }), text: t("block_text"), confirm: t("block") }))) return;
  try {
    await actions.blocks.block(uid);
    toast(
      t("blocked_note", { name }),
      { label: t("undo"), act: () => void unblockPerson(store, actions, uid) },
      UNDO_MS,
    );
  } catch (error) {
    toast(blockRefusal(error));
  }
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} uid
 */
export async function unblockPerson(store, actions, uid) {
  const name = nameOf(store.state, uid);
  try {
    await actions.blocks.unblock(uid);
    toast(t("unblocked_note", { name }));
  } catch (error) {
    toast(errorText(/** @type {{ code?: string }} */ (error)));
  }
}

/** @param {Store} store @param {Actions} actions @param {string} uid */
export function toggleBlock(store, actions, uid) {
  return isBlocked(store.state, uid) ? unblockPerson(store, actions, uid) : blockPerson(store, actions, uid);
}

/** Why somebody could not be blocked. @param {unknown} error */
export function blockRefusal(error) {
  const { code } = /** @type {{ code?: string }} */ (error);
  return code === "conflict" ? t("blocked_too_many") : errorText(/** @type {{ code?: string }} */ (error));
}
