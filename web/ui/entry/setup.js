/** The first run: the account that becomes the administrator, and then the link that brings the others. */
import { readInfo } from "../../calls/account.js";
import { createInvitation } from "../../calls/invites.js";
import { forgetSecret, takeSecret } from "../../platform/links.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { redirect } from "../base/navigation.js";
import { linkToSend } from "../people/invite_people.js";
import { nameOf } from "../people/people.js";
import { accountForm, createPage, head, notice, refusalOf, waiting } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createSetup(store, actions) {
  const page = createPage();
  const code = takeSecret("setup");
  const { me } = store.state;

  function draw() {
    if (me && !me.admin)
      return page.show(
        ...notice({
          picture: "person",
          title: t("setup_signed_in", { name: nameOf(store.state, me.uid) }),
          lead: t("setup_signed_in_lead"),
          button: { label: t("setup_sign_out"), act: () => void actions.session.signOut() },
        }),
        el("p", { class: "entry-switch" }, toRooms("link-button")),
      );
    page.show(
      head(t("setup_title"), t("setup_lead")),
      steps(1),
      accountForm({
        isNew: true,
        button: t("setup_button"),
        working: t("working_register"),
        act: async (account) => {
          // With the code still kept, this address is the welcome page now.
          await actions.session.register({ ...account, ...(code ? { setup: code } : {}) });
        },
        explain: (error) =>
          error.code === "forbidden" || error.code === "registration_closed" ? t("setup_refused") : refusalOf(error),
      }),
    );
  }

  draw();
  readInfo().then(
    (info) => {
      if (info.setup || !page.node.isConnected) return;
      page.show(
        ...notice({
          picture: "check",
          title: t("setup_done_title"),
          lead: me ? "" : t("setup_done_lead"),
          button: { label: t(me ? "to_rooms" : "sign_in"), act: () => leave(me ? "/" : "/login") },
        }),
      );
    },
    () => {},
  );
  return { node: page.node, update() {} };
}

/** Made once, whatever is drawn again. @type {ReturnType<typeof createInvitation> | null} */
let invitation = null;

/**
 * After the first account: everything is ready, and here is the link to send.
 *
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createWelcome(actions) {
  const page = createPage();
  const place = el("div", { class: "entry-link" }, waiting());
  page.show(
    head(t("welcome_title"), t("welcome_lead"), el("span", { class: "entry-sign entry-sign-good" }, icon("check"))),
    steps(2),
    place,
    toRooms("button button-primary button-wide"),
  );
  invitation ??= createInvitation({ label: t("welcome_label") });
  invitation.then(
    ({ link }) => {
      fill(
        place,
        el("h2", { class: "label" }, t("invite_people")),
        el("p", { class: "hint" }, t("invite_people_hint")),
        ...linkToSend(link),
      );
    },
    () => {
      invitation = null;
      fill(place, el("p", { class: "hint" }, t("invite_later")));
    },
  );
  return { node: page.node, update() {} };
}

/**
 * @param {string} className
 */
function toRooms(className) {
  return el("button", { type: "button", class: className, click: () => leave("/") }, t("to_rooms"));
}

/**
 * @param {string} path
 */
function leave(path) {
  forgetSecret("setup");
  redirect(path);
}

/** @param {1 | 2} now */
function steps(now) {
  const names = /** @type {const} */ (["step_account", "step_invite"]);
  return el(
    "ol",
    { class: "entry-steps" },
    names.map((name, index) =>
      el(
        "li",
        { "aria-current": index + 1 === now ? "step" : null, "data-done": index + 1 < now ? "" : null },
        el("span", { "aria-hidden": "true" }, index + 1 < now ? icon("check") : index + 1),
        t(name),
      ),
    ),
  );
}
