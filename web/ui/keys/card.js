/**
 * What calls for its owner above the messages: keys that the password has to bring, sign-ins elsewhere, and what the
 * server does not show as it did before.
 */
import { whenOf } from "../base/dates.js";
import { deviceText } from "../base/devices.js";
import { downloadText } from "../base/download.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { openNotMe, openUnlock } from "./doors.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/keys_state.js").Alarm} Alarm */
/** @typedef {import("../../state/keys_state.js").Notice} Notice */
/** @typedef {import("../base/i18n.js").Key} Key */

/** What is told here of what must not be; the rest fills the screen. @type {Map<Alarm["kind"], Key>} */
const ALARMS = new Map([
  ["fork", "alarm_fork"],
  ["rollback", "alarm_rollback"],
  ["older_keys", "alarm_older_keys"],
  ["spoilt_trust", "alarm_spoilt_trust"],
  ["weaker", "alarm_weaker"],
]);

/** So long a message may take to be sent before it is said that this browser does not keep it. */
const UNKEPT_MS = 2000;
/** What was put off, until the page is loaded again. @type {Set<string>} */
const putOff = new Set();

/**
 * @param {Store} store
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createKeysCard(store, actions) {
  const node = el("div", { class: "keys-cards", role: "status", hidden: true });
  let drawn = "";
  /** @type {number | null} */
  let unkeptSince = null;

  /** @param {Alarm} alarm */
  function alarmRow({ id, kind }) {
    const save = async () => {
      try {
        downloadText("impulse-evidence.json", (await actions.keys.evidence()) ?? "");
      } catch (error) {
        toast(errorText(/** @type {{ code?: string }} */ (error)));
      }
    };
    return row(
      "alert",
      "keys-alarm",
      t(ALARMS.get(kind) ?? "alarm_fork"),
      kind === "fork" ? button(t("alarm_save"), () => void save()) : null,
      kind === "fork" || kind === "rollback" ? null : button(t("not_now"), () => later(id)),
    );
  }

  /** @param {Notice} notice */
  function noticeRow(notice) {
    const seen = () => void actions.keys.dismissNotice(notice.id).catch(() => {});
    return row(
      "key",
      "",
      noticeText(notice),
      button(t("notice_was_me"), seen),
      button(t("notice_not_me"), () => openNotMe(store, actions, notice)),
    );
  }

  /**
   * Where messages go with the page; those that are sent at once are nothing to speak of.
   *
   * @param {State} state
   */
  function isUnkept({ keys }) {
    if (keys.unkept.messages) {
      unkeptSince ??= performance.now();
      const left = unkeptSince + UNKEPT_MS - performance.now();
      if (left <= 0) return true;
      setTimeout(() => store.notifyLater(), left);
    } else unkeptSince = null;
    return false;
  }

  /** @param {State} state */
  function phaseRow({ keys: { phase, isClosed } }) {
    if (phase === "none" && isClosed) return row("lock", "", t("alarm_closed"));
    const text = phase === "locked" ? t("locked_title") : t("unlock_title");
    const label = t(phase === "locked" ? "locked_button" : "unlock_enter");
    return row(
      "lock",
      "",
      text,
      button(label, () => openUnlock(store, actions)),
      button(t("not_now"), () => later(phase)),
    );
  }

  /** @param {string} what */
  function later(what) {
    putOff.add(`${store.state.me?.uid} ${what}`);
    store.notifyLater();
  }

  return {
    node,
    update(state) {
      const isShown = (/** @type {string} */ what) => !putOff.has(`${state.me?.uid} ${what}`);
      const alarms = state.keys.alarms.filter(({ id, kind }) => ALARMS.has(kind) && isShown(id));
      const asks = asksForPassword(state) && isShown(state.keys.phase);
      const { notices, phase, isClosed } = state.keys;
      const unkept = isUnkept(state);
      const next = JSON.stringify([alarms, notices, unkept, asks && [phase, isClosed]]);
      if (next === drawn) return;
      drawn = next;
      const rows = [
        ...alarms.map(alarmRow),
        ...(unkept ? [row("alert", "", t("keep_window_open"))] : []),
        ...notices.map(noticeRow),
        ...(asks ? [phaseRow(state)] : []),
      ];
      node.hidden = rows.length === 0;
      fill(node, rows);
    },
  };
}

/** @param {Notice} notice */
function noticeText({ kind, device, at }) {
  const time = whenOf(at);
  if (kind === "signed_in") return t("notice_signed_in", { device: deviceText(device) || t("notice_unnamed"), time });
  if (!at) return t("notice_changed_away");
  return device ? t("notice_changed", { device: deviceText(device), time }) : t("notice_changed_by_link", { time });
}

/** Where nothing is encrypted nobody is asked for keys. @param {State} state */
function asksForPassword({ keys: { phase }, info, rooms }) {
  if (phase !== "none" && phase !== "unlock" && phase !== "locked") return false;
  return info?.encryption !== "off" || [...rooms.values()].some(({ e2ee }) => e2ee);
}

/**
 * @param {string} picture
 * @param {string} look
 * @param {string} text
 * @param {...(HTMLElement | null)} buttons
 */
function row(picture, look, text, ...buttons) {
  const acts = buttons.filter(Boolean).length ? el("span", { class: "keys-card-acts" }, buttons) : null;
  return el("div", { class: `keys-card ${look}` }, icon(picture), el("span", { class: "keys-card-text" }, text), acts);
}

/** @param {string} label @param {() => void} click */
function button(label, click) {
  return el("button", { type: "button", click }, label);
}
