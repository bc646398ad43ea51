/** Removing a room, and handing it over. */
import * as api from "../../calls/rooms.js";
import { ask, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { navigate, redirect } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { toast } from "../base/toast.js";
import { whileLeaving } from "./leaving.js";
import { memberSearch } from "./people_search.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** How long the way back stays on the screen after a room was removed. */
const UNDO_MS = 12_000;

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {() => void} close
 * @param {(error: unknown) => void} failed
 */
export async function remove(store, actions, id, close, failed) {
  const name = store.state.rooms.get(id)?.name ?? "";
  if (
    !(await ask({
      title: t("remove_room"),
      text: t("remove_room_text", { room: name }),
      confirm: t("remove_room"),
      danger: true,
    }))
  )
    return;
  await whileLeaving(id, async () => {
    try {
      await actions.rooms.remove(id);
      close();
      redirect("/");
      toast(t("room_removed", { room: name }), { label: t("undo"), act: () => void undo(actions, id) }, UNDO_MS);
    } catch (error) {
      failed(error);
    }
  });
}

/**
 * @param {Actions} actions
 * @param {string} id
 */
async function undo(actions, id) {
  try {
    await actions.rooms.restore(id);
    navigate(roomPath(id));
  } catch (error) {
    toast(errorText(/** @type {{ code?: string }} */ (error)));
  }
}

/**
 * Another owner first, then I step back: between the two the room has both.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
export function handOver(store, actions, id) {
  const dialog = openDialog({ title: t("hand_over") }, () => [
    el("p", { class: "dialog-lead" }, t("hand_over_hint")),
    memberSearch(
      store,
      actions,
      id,
      async (user) => {
        await api.changeMember(id, user.uid, { role: "owner" });
        await api.changeMember(id, store.state.me?.uid ?? "", { role: "admin" });
        dialog.close();
        toast(t("handed_over", { name: user.displayName || user.username }));
      },
      () => t("hand_over_to"),
    ),
  ]);
}
