/**
 * An invitation: who sends it, to which rooms. Somebody without an account makes one with it, somebody who has one
 * signs in, and somebody who is signed in already only accepts.
 */
import { acceptInvitation, previewInvitation } from "../../calls/invites.js";
import { forgetSecret, takeSecret } from "../../platform/links.js";
import { whenOf } from "../base/dates.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { redirect } from "../base/navigation.js";
import { refusal } from "../base/refusals.js";
import { roomPath } from "../base/routes.js";
import { face, nameOf, tintOf } from "../people/people.js";
import { accountForm, createPage, head, notice, unreadable, waiting } from "./parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").InvitationPreview} Invite */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createInvite(store, actions) {
  const page = createPage();
  const code = takeSecret("invite");

  async function load() {
    page.show(waiting());
    try {
      if (!code) throw { code: "not_found" };
      draw(await previewInvitation(code));
    } catch (error) {
      const failure = /** @type {{ code?: string }} */ (error);
      if (failure.code === "not_found" || failure.code === "bad_request") return page.show(...spent(store));
      page.show(...unreadable(failure, () => void load()));
    }
  }

  /** @param {Invite} invite */
  function draw(invite) {
    const { me } = store.state;
    const { by, server } = invite;
    const lead = t(invite.rooms.length ? "invite_rooms_lead" : "invite_server_lead");
    // Whoever reads it may know neither of two people of that name.
    const name = by.name === by.username ? by.name : `${by.name} (@${by.username})`;
    // Made in the server's shell it is nobody's in particular.
    const top = by.username
      ? head(
          t("invite_title", { name, server: server || t("app_name") }),
          lead,
          face({ uid: by.uid, name: by.name, avatar: by.avatar }, { size: "large" }),
        )
      : head(t("invite_title_plain", { server: server || t("app_name") }), lead);
    const until = invite.expiresAt
      ? el("p", { class: "entry-small" }, t("invite_until", { time: whenOf(invite.expiresAt) }))
      : null;
    const below = me ? joining(store, actions, code, invite) : entering(actions, code, invite);
    page.show(top, invite.rooms.length ? rooms(invite) : null, below, until);
  }

  void load();
  return { node: page.node, update() {} };
}

/** @param {Invite} invite */
function rooms(invite) {
  return el(
    "ul",
    { class: "entry-rooms", "aria-label": t("rooms") },
    invite.rooms.map((room) =>
      el(
        "li",
        {},
        el(
          "span",
          { class: `room-tile ${tintOf("room" + room.id)}`, "aria-hidden": "true" },
          icon(room.kind === "closed" ? "lock" : "hash"),
        ),
        el(
          "span",
          { class: "option-text" },
          el("strong", { dir: "auto" }, room.name),
          room.topic ? el("small", { dir: "auto" }, room.topic) : null,
        ),
        el("small", { class: "entry-count" }, t("member_count", { n: room.memberCount })),
      ),
    ),
  );
}

/**
 * Not signed in: a new account, or the one there is.
 *
 * @param {Actions} actions
 * @param {string} code
 * @param {Invite} invite
 */
function entering(actions, code, invite) {
  const node = el("div", { class: "entry-form" });
  const draw = (/** @type {boolean} */ isNew) => {
    fill(
      node,
      accountForm({
        isNew,
        button: t(isNew ? "invite_register" : "invite_sign_in"),
        working: t(isNew ? "working_register" : "working_sign_in"),
        act: async (account) => {
          if (isNew) await actions.session.register({ ...account, invite: code });
          else {
            await actions.session.signIn(account);
            await acceptInvitation(code);
          }
          enter(invite.rooms[0]?.id);
        },
      }),
      invite.registration
        ? el(
            "p",
            { class: "entry-switch" },
            t(isNew ? "have_account" : "no_account"),
            el(
              "button",
              { type: "button", class: "link-button", click: () => draw(!isNew) },
              t(isNew ? "sign_in" : "register"),
            ),
          )
        : el("p", { class: "entry-small" }, t("invite_members_only")),
    );
    const field = node.querySelector("input");
    if (matchMedia("(hover: hover)").matches) field?.focus();
  };
  draw(invite.registration);
  return node;
}

/**
 * Signed in: one button.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} code
 * @param {Invite} invite
 */
function joining(store, actions, code, invite) {
  const { state } = store;
  const alert = el("p", { class: "form-alert", role: "alert", hidden: true });
  const all = invite.rooms.length > 0 && invite.rooms.every((room) => state.rooms.has(room.id));
  const join = el(
    "button",
    {
      type: "button",
      class: "button button-primary button-wide",
      click: async () => {
        join.disabled = true;
        try {
          const [first] = await acceptInvitation(code);
          enter(first);
        } catch (error) {
          alert.textContent = refusal(error, "accept");
          alert.hidden = false;
          join.disabled = false;
        }
      },
    },
    t(
      !invite.rooms.length
        ? "to_rooms"
        : all
          ? "open_room"
          : invite.rooms.length > 1
            ? "invite_join_all"
            : "invite_join",
    ),
  );
  return el(
    "div",
    { class: "entry-form" },
    alert,
    join,
    el(
      "p",
      { class: "entry-switch" },
      t("invite_as", { name: nameOf(state, state.me?.uid ?? "") }),
      el(
        "button",
        {
          type: "button",
          class: "link-button",
          click: () => {
            forgetSecret("invite");
            redirect("/");
          },
        },
        t("not_now"),
      ),
    ),
  );
}

/**
 * @param {string | undefined} room
 */
function enter(room) {
  forgetSecret("invite");
  redirect(room ? roomPath(room) : "/");
}

/** @param {Store} store */
function spent(store) {
  const signedIn = store.state.phase === "signed_in";
  return notice({
    picture: "link",
    title: t("invite_spent_title"),
    lead: t("invite_spent_lead"),
    button: {
      label: t(signedIn ? "to_rooms" : "sign_in"),
      act: () => {
        forgetSecret("invite");
        redirect(signedIn ? "/" : "/login");
      },
    },
  });
}
