/** What I may do about a member of a room; what cannot be taken back asks once. */
import * as api from "../../calls/rooms.js";
import { clock } from "../../state/clock.js";
import { iMay } from "../../state/rights.js";
import { whenOf } from "../base/dates.js";
import { ask, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { nameOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../calls/rooms.js").Member} Member */
/** @typedef {{ label: string, picture: string, danger?: boolean, act: () => Promise<unknown> }} Act */

const YEAR_MS = 365 * 86_400_000;
/** How long a mute may last; ten years mean until somebody unmutes. */
const MUTES = /** @type {const} */ ([
  ["mute_10m", 600_000],
  ["mute_1h", 3_600_000],
  ["mute_1d", 86_400_000],
  ["mute_ever", 10 * YEAR_MS],
]);

/**
 * @param {Store} store
 * @param {import("../../state/types.js").Room} room
 * @param {Member} member
 * @returns {Act[]}
 */
export function actsOn(store, room, { uid, role, mutedUntil }) {
  const { state } = store;
  const { id } = room;
  const name = nameOf(state, uid);
  const change = (/** @type {{ role?: string, mutedUntil?: number | null }} */ to) => () =>
    api.changeMember(id, uid, to);
  if (uid === state.me?.uid)
    return role === "owner" ? [{ label: t("step_down"), picture: "shield", act: change({ role: "admin" }) }] : [];

  const can = (/** @type {import("../../state/rights.js").Action} */ action) => iMay(state, room, action, role);
  /** @type {Act[]} */
  const acts = [];
  if (can("role")) {
    if (role !== "owner") acts.push({ label: t("make_owner"), picture: "key", act: change({ role: "owner" }) });
    if (role !== "admin") acts.push({ label: t("make_room_admin"), picture: "shield", act: change({ role: "admin" }) });
    if (role !== "member") acts.push({ label: t("make_member"), picture: "person", act: change({ role: "member" }) });
  }
  if (can("mute")) {
    acts.push(
      mutedUntil
        ? { label: t("unmute_member"), picture: "chat", act: change({ mutedUntil: null }) }
        : { label: t("mute_member"), picture: "clock", act: () => chooseMute(id, uid, name) },
    );
  }
  if (can("remove"))
    acts.push({
      label: t("remove_member"),
      picture: "leave",
      danger: true,
      act: () => sure("remove_member", "remove_member_text", name, () => api.removeMember(id, uid)),
    });
  if (can("ban"))
    acts.push({
      label: t("ban_member"),
      picture: "ban",
      danger: true,
      act: () => sure("ban_member", "ban_member_text", name, () => api.ban(id, uid)),
    });
  return acts;
}

/** @param {number} until */
export function mutedText(until) {
  return until - clock.now() > YEAR_MS ? t("mute_ever") : t("muted_until", { time: whenOf(until) });
}

/**
 * @param {"remove_member" | "ban_member"} title
 * @param {"remove_member_text" | "ban_member_text"} text
 * @param {string} name
 * @param {() => Promise<unknown>} act
 */
async function sure(title, text, name, act) {
  if (await ask({ title: t(title), text: t(text, { name }), confirm: t(title), danger: true })) await act();
}

/**
 * @param {string} id
 * @param {string} uid
 * @param {string} name
 * @returns {Promise<void>}
 */
function chooseMute(id, uid, name) {
  return new Promise((resolve, reject) => {
    openDialog({ title: t("mute_member_title", { name }), class: "dialog-narrow", closed: resolve }, (shut) => [
      el(
        "div",
        { class: "menu" },
        MUTES.map(([key, span]) =>
          el(
            "button",
            {
              type: "button",
              class: "menu-item",
              click: () =>
                void api.changeMember(id, uid, { mutedUntil: clock.now() + span }).then(shut, (error) => {
                  reject(error);
                  shut();
                }),
            },
            icon("clock"),
            el("span", {}, t(key)),
          ),
        ),
      ),
    ]);
  });
}
