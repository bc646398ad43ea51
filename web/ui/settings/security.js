/** Settings: my keys, where they are kept, what brings them back, and with whom I have compared them. */
import { t } from "../base/i18n.js";
import { el, fill } from "../base/element.js";
import { icon } from "../base/icons.js";
import { askPassword, openCompare, openNewCode, openNotMe, openUnlock } from "../keys/doors.js";
import { avatar, nameOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/keys_state.js").KeysState} KeysState */
/** @typedef {import("../base/i18n.js").Key} Key */

/** @type {Record<KeysState["phase"], Key>} */
const PHASES = {
  unknown: "security_opening",
  ready: "security_ready",
  none: "security_none",
  unlock: "security_unlock",
  locked: "security_locked",
  unsupported: "security_unsupported",
  failed: "security_failed",
};

/** @type {import("./section.js").Section} */
export function securitySection(store, actions, { reopen }) {
  const place = el("div", { class: "security" });
  let drawn = "";
  const draw = () => {
    const { keys, users } = store.state;
    const next = JSON.stringify([{ ...keys, contacts: [...keys.contacts] }, users.size]);
    if (next === drawn) return;
    drawn = next;
    const at = [...place.querySelectorAll("button")].findIndex((button) => button === document.activeElement);
    fill(place, parts(store, actions, reopen));
    if (at >= 0) place.querySelectorAll("button")[at]?.focus();
  };
  actions.keys.load().then(
    () => {},
    () => {},
  );
  draw();
  const stop = store.subscribe(() => {
    // The settings were closed, or another section is open.
    if (place.isConnected) draw();
    else stop();
  });
  return [place];
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {import("./section.js").Frame["reopen"]} reopen
 */
function parts(store, actions, reopen) {
  const { keys } = store.state;
  const isHere = keys.phase === "ready";
  return [
    part(
      t("security_keys"),
      [t(PHASES[keys.phase]), isHere ? t(`security_level_${keys.level}`) : "", keys.isClosed ? t("alarm_closed") : ""],
      asks(keys) ? button("key", t("unlock_enter"), () => openUnlock(store, actions)) : null,
    ),
    isHere
      ? part(
          t("security_code"),
          [t(keys.hasCode ? "security_code_yes" : "security_code_no")],
          button("key", t(keys.hasCode ? "security_code_new" : "security_code_make"), () =>
            openNewCode(store, actions),
          ),
        )
      : null,
    isHere ? numbers(store, actions) : null,
    part(
      t("security_browsers"),
      [t("security_browsers_hint")],
      button("screen", t("security_browsers_open"), () => reopen("sessions")),
      isHere ? button("leave", t("rotate_title"), () => openNotMe(store, actions), "button-danger-soft") : null,
    ),
    counters(keys),
    forgetting(store, actions),
  ];
}

/** @param {KeysState} keys */
function asks({ phase }) {
  return phase === "none" || phase === "unlock" || phase === "locked";
}

/** @param {Store} store @param {Actions} actions */
function numbers(store, actions) {
  const { state } = store;
  const known = [...state.keys.contacts].filter(([uid, { isKnown }]) => isKnown && uid !== state.me?.uid);
  const list = el(
    "ul",
    { class: "access-list" },
    known.map(([uid, contact]) => {
      const isVerified = contact.verifiedAt !== null && contact.warning === null;
      const compare = el(
        "button",
        {
          type: "button",
          class: "button button-small",
          "aria-label": `${t("safety_compare")}: ${nameOf(state, uid)}`,
          click: () => openCompare(store, actions, uid),
        },
        t("safety_compare"),
      );
      return el(
        "li",
        { class: "access" },
        avatar(state, uid, { size: "small" }),
        el(
          "span",
          { class: "option-text" },
          el("strong", { dir: "auto" }, nameOf(state, uid)),
          el("small", {}, t(isVerified ? "safety_verified" : "safety_not_verified")),
        ),
        compare,
      );
    }),
  );
  return part(
    t("security_numbers"),
    [t("security_numbers_hint"), known.length ? "" : t("security_numbers_none")],
    known.length ? list : null,
  );
}

/** @param {KeysState} keys */
function counters({ failed, missing }) {
  const count = (/** @type {Key} */ label, /** @type {number} */ n) =>
    el("div", {}, el("dt", {}, t(label)), el("dd", { "data-bad": n ? "" : null }, n));
  return part(
    t("security_counters"),
    [t("security_counters_hint")],
    el("dl", { class: "facts" }, count("security_failed_checks", failed), count("security_missing_keys", missing)),
  );
}

/**
 * Only where the server's list is another one, or an older one, than this browser knows.
 *
 * @param {Store} store
 * @param {Actions} actions
 */
function forgetting(store, actions) {
  if (!store.state.keys.alarms.some(({ kind }) => kind === "fork" || kind === "rollback")) return null;
  const act = () => askPassword(store, t("security_forget"), (password) => actions.keys.forgetDirectory(password));
  return part(
    t("security_forget"),
    [t("security_forget_hint")],
    button("trash", t("security_forget"), act, "button-danger-soft"),
  );
}

/**
 * @param {string} title
 * @param {string[]} texts
 * @param {...(HTMLElement | null)} acts
 */
function part(title, texts, ...acts) {
  return el(
    "section",
    { class: "security-part" },
    el("h3", {}, title),
    texts.filter(Boolean).map((text) => el("p", { class: "hint" }, text)),
    acts.some(Boolean) ? el("div", { class: "security-acts" }, acts) : null,
  );
}

/**
 * @param {string} picture
 * @param {string} label
 * @param {() => void} click
 * @param {string} [look]
 */
function button(picture, label, click, look = "") {
  return el("button", { type: "button", class: `button button-small ${look}`, click }, icon(picture), label);
}
