/**
 * Making an invitation: to which room, for how long, how often. The link is shown once, so it has its copy button.
 */
import { createInvitation } from "../../calls/invites.js";
import { copyText } from "../base/clipboard.js";
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert, field, select } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { refusal } from "../base/refusals.js";
import { roomName } from "./people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */

const DAY_S = 24 * 3600;
const LIVES_DAYS = [1, 7, 30];
const USES = [1, 10, 100];

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} [room]  the one it leads to; without it one may be chosen
 * @param {() => void} [made]
 */
export function openInvite(store, actions, room, made = () => {}) {
  openDialog({ title: t("invite_people") }, (close) => {
    const alert = createAlert();
    const { rooms, life, uses } = createChoices(store, room);
    const submit = el(
      "button",
      { type: "submit", class: "button button-primary", autofocus: true },
      icon("link"),
      t("invite_make"),
    );
    const form = el(
      "form",
      {
        class: "dialog-body",
        novalidate: true,
        submit: (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          void busy(
            submit,
            alert.say,
            (error) => refusal(error, "link"),
            async () => {
              const { link } = await createInvitation({
                rooms: rooms.value ? [rooms.value] : [],
                lifeS: life.value ? Number(life.value) : null,
                usesMax: uses.value ? Number(uses.value) : null,
              });
              made();
              fill(
                form,
                ...linkToSend(link),
                el(
                  "div",
                  { class: "dialog-foot" },
                  el("button", { type: "button", class: "button", click: close }, t("close")),
                ),
              );
              /** @type {HTMLElement | null} */ (form.querySelector(".button-primary"))?.focus();
            },
          );
        },
      },
      field(t("invite_leads_to"), rooms),
      el("div", { class: "field-pair" }, field(t("invite_lasts"), life), field(t("invite_uses"), uses)),
      alert.node,
      dialogFoot(close, submit),
    );
    return [form];
  });
}

/**
 * @param {Store} store
 * @param {string | undefined} room  the one that is chosen
 */
function createChoices(store, room) {
  const option = (/** @type {string | number} */ value, /** @type {string} */ text) =>
    /** @type {[string, string]} */ ([String(value), text]);
  return {
    rooms: select(
      "invite-room",
      [
        option("", t("invite_no_room")),
        ...roomsToOpen(store).map((each) => option(each.id, roomName(store.state, each))),
      ],
      room ?? "",
    ),
    life: select(
      "invite-life",
      [
        ...LIVES_DAYS.map((days) => option(days * DAY_S, t("invite_days", { n: days }))),
        option("", t("invite_forever")),
      ],
      String(7 * DAY_S),
    ),
    uses: select(
      "invite-uses",
      [...USES.map((n) => option(n, t("invite_times", { n }))), option("", t("invite_unlimited"))],
      "",
    ),
  };
}

/**
 * @param {string} link
 */
export function linkToSend(link) {
  return [
    el(
      "div",
      { class: "field-row link-row" },
      el("code", { class: "link-box", tabindex: "0", "aria-label": t("invite_link") }, link),
      el(
        "button",
        { type: "button", class: "button button-primary", click: () => void copyText(link) },
        icon("copy"),
        t("copy"),
      ),
    ),
    el("p", { class: "hint" }, t("invite_once")),
    isLocal() ? el("p", { class: "form-note" }, t("link_is_local")) : null,
  ];
}

/**
 * Rooms this person may add people to.
 *
 * @param {Store} store
 * @returns {Room[]}
 */
function roomsToOpen(store) {
  const { state } = store;
  return [...state.rooms.values()]
    .filter(
      (room) =>
        room.kind === "open" ||
        (room.kind === "closed" && (room.role === "owner" || room.role === "admin" || state.me?.admin)),
    )
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** An address that means this computer to everybody. */
function isLocal() {
  return /^(localhost|127\.|\[::1\])/.test(location.hostname);
}
