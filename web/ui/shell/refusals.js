/** Says what was taken back, or was not sent, where the page does not show it by itself. */
import { errorText, t } from "../base/i18n.js";
import { addressedRoom, navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { toast } from "../base/toast.js";
import { nameOf, roomName } from "../people/people.js";

/** Long enough to be read by somebody who has just written something else. */
const SHOWN_MS = 8000;

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 */
export function bindRefusals(store, actions) {
  actions.messages.watchRefusals(({ kind, room, error }) => {
    const why = errorText(error);
    if (kind === "reaction") return toast(t("reaction_taken_back", { why }), undefined, SHOWN_MS);
    if (kind === "deletion") return toast(t("deletion_taken_back", { why }), undefined, SHOWN_MS);
    const known = store.state.rooms.get(room);
    if (!known || room === addressedRoom()) return;
    const show = { label: t("show"), act: () => navigate(roomPath(room)) };
    toast(t("not_sent_in", { room: roomName(store.state, known), why }), show, SHOWN_MS);
  });
  let wasTaken = false;
  store.subscribe(() => {
    const { tookOver, me } = store.state;
    if (tookOver && !wasTaken && me) toast(t("taken_over", { name: nameOf(store.state, me.uid) }), undefined, SHOWN_MS);
    wasTaken = tookOver;
  });
}
