/** What calls for attention in the title and on the icon of the tab. */
import { attentionOfAll } from "../../state/attention.js";
import { t } from "../base/i18n.js";
import { roomName } from "../people/people.js";

export function createTitle() {
  const icon = document.getElementById("favicon");

  return {
    /**
     * @param {import("../../state/types.js").State} state
     * @param {string | null} open
     * @param {string} [screen]  what is shown when it is no room
     */
    update(state, open, screen) {
      const room = open ? state.rooms.get(open) : undefined;
      const place = room ? roomName(state, room) : screen;
      const title = place ? `${place} · ${t("app_name")}` : t("app_name");
      const { unread } = attentionOfAll(state);
      const text = unread ? t("unread_title", { n: unread, title }) : title;
      if (document.title !== text) document.title = text;
      const href = unread ? "/icons/favicon-unread.svg" : "/icons/favicon.svg";
      if (icon && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
    },
  };
}
