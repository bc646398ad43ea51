/** The people who are banned from a room, and lifting a ban. */
import * as api from "../../calls/rooms.js";
import { whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { avatar, nameOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * Who may not come back, and letting them.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
export function openBans(store, actions, id) {
  openDialog({ title: t("banned") }, () => {
    const list = el("ul", { class: "results" }, el("li", { class: "results-empty" }, t("loading")));
    const draw = async () => {
      try {
        const bans = await actions.users.read(
          () => api.listBans(id),
          (found) => found.map(({ user }) => user),
        );
        const { state } = store;
        fill(
          list,
          bans.length
            ? drawEach(bans, ({ uid, at }) =>
                el(
                  "li",
                  { class: "option option-still" },
                  avatar(state, uid, { size: "small" }),
                  el(
                    "span",
                    { class: "option-text" },
                    el("strong", { dir: "auto" }, nameOf(state, uid)),
                    el("small", {}, whenOf(at)),
                  ),
                  el(
                    "button",
                    {
                      type: "button",
                      class: "button button-small",
                      "aria-label": `${t("unban")}: ${nameOf(state, uid)}`,
                      click: () => void api.unban(id, uid).then(draw, draw),
                    },
                    t("unban"),
                  ),
                ),
              )
            : el("li", { class: "results-empty" }, t("nobody_banned")),
        );
      } catch (error) {
        fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
      }
    };
    void draw();
    return [list];
  });
}
