/** A ticket from an administrator: its owner chooses the password, of a new account or instead of a forgotten one. */
import { readTicket } from "../../calls/account.js";
import { forgetSecret, takeSecret } from "../../platform/links.js";
import { t } from "../base/i18n.js";
import { redirect } from "../base/navigation.js";
import { toast } from "../base/toast.js";
import { accountForm, createPage, head, notice, unreadable, waiting } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createReset(store, actions) {
  const page = createPage();
  const ticket = takeSecret("reset");

  async function load() {
    page.show(waiting());
    try {
      if (!ticket) throw { code: "not_found" };
      const { username, displayName, isNew } = await readTicket(ticket);
      page.show(
        head(
          isNew ? t("ticket_new_title", { name: displayName || username }) : t("ticket_title"),
          t(isNew ? "ticket_new_lead" : "ticket_lead"),
        ),
        accountForm({
          isNew: true,
          username,
          button: t("ticket_button"),
          working: t("working_ticket"),
          act: async ({ password }) => {
            // A browser that has the keys of this account lets them go on.
            const isHere = store.state.me?.username === username && (await actions.keys.areHere());
            if (isHere) await actions.keys.redeemTicket({ ticket, password });
            else await actions.session.redeemTicket({ ticket, username, password });
            forgetSecret("reset");
            redirect("/");
            toast(t("password_changed"));
          },
        }),
      );
    } catch (error) {
      const failure = /** @type {{ code?: string }} */ (error);
      if (failure.code === "not_found" || failure.code === "bad_request") return page.show(...spent());
      page.show(...unreadable(failure, () => void load()));
    }
  }

  function spent() {
    return notice({
      picture: "key",
      title: t("ticket_spent_title"),
      lead: t("ticket_spent_lead"),
      button: {
        label: t("sign_in"),
        act: () => {
          forgetSecret("reset");
          redirect("/login");
        },
      },
    });
  }

  void load();
  return { node: page.node, update() {} };
}
