/** Blocking somebody: the question before it, the note after it with the way back, and the list in the settings. */
import { isBlocked } from "../../state/blocks.js";
import { ask } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { agoOf, errorText, fullTimeOf, t } from "../base/i18n.js";
import { avatar, nameOf, userOf } from "./people.js";
import { waitingRow } from "../settings/access.js";
import { busy, createAlert } from "../base/form_parts.js";

/** @typedef {import("../context.js").Context} Context */

/** Long enough to read it and to change one's mind. */
const UNDO_MS = 8000;

/**
 * Asks, and blocks.
 *
 * @param {Context} context
 * @param {string} uid
 */
export async function blockPerson(context, uid) {
  const name = nameOf(context.store.state, uid);
  if (!(await ask({ title: t("block_question", { name }), text: t("block_text"), confirm: t("block") }))) return;
  try {
    await context.actions.blocks.block(uid);
    context.toast(
      t("blocked_note", { name }),
      { label: t("undo"), act: () => void unblockPerson(context, uid) },
      UNDO_MS,
    );
  } catch (error) {
    context.toast(refusal(error));
  }
}

/**
 * @param {Context} context
 * @param {string} uid
 */
export async function unblockPerson(context, uid) {
  const name = nameOf(context.store.state, uid);
  try {
    await context.actions.blocks.unblock(uid);
    context.toast(t("unblocked_note", { name }));
  } catch (error) {
    context.toast(errorText(/** @type {{ code?: string }} */ (error)));
  }
}

/** @param {Context} context @param {string} uid */
export function toggleBlock(context, uid) {
  return isBlocked(context.store.state, uid) ? unblockPerson(context, uid) : blockPerson(context, uid);
}

/** Settings: whom I have blocked, each with an end to it. @type {import("../settings/dialog.js").Section} */
export function privacySection(context) {
  const alert = createAlert();
  const list = el("ul", { class: "access-list", "aria-busy": "true", "aria-label": t("blocked_people") }, waitingRow());

  async function draw() {
    const blocks = await context.actions.blocks.list();
    list.removeAttribute("aria-busy");
    fill(
      list,
      blocks.length
        ? blocks.map(({ uid, at }) => row(uid, at))
        : el("li", { class: "results-empty" }, t("nobody_blocked")),
    );
  }

  /** @param {string} uid @param {number} at */
  function row(uid, at) {
    const { state } = context.store;
    const user = userOf(state, uid);
    const name = nameOf(state, uid);
    const button = el(
      "button",
      {
        type: "button",
        class: "button button-small",
        "aria-label": `${t("unblock")}: ${name}`,
        click: () =>
          void busy(button, alert.say, errorText, async () => {
            await context.actions.blocks.unblock(uid);
            const [next] = [...list.querySelectorAll("button")].filter((each) => each !== button);
            await draw();
            // The row is gone, and the focus with it.
            if (document.activeElement === document.body || !document.activeElement)
              (next?.isConnected ? next : list.querySelector("button"))?.focus();
            context.toast(
              t("unblocked_note", { name }),
              {
                label: t("undo"),
                act: () =>
                  void context.actions.blocks
                    .block(uid)
                    .then(draw)
                    .catch((error) => alert.say(refusal(error))),
              },
              UNDO_MS,
            );
          }),
      },
      t("unblock"),
    );
    return el(
      "li",
      { class: "access" },
      avatar(state, uid, { size: "small" }),
      el(
        "span",
        { class: "option-text" },
        el("strong", { dir: "auto" }, name),
        el(
          "small",
          { title: fullTimeOf(at) },
          user?.username && !user.removed ? `@${user.username} · ` : "",
          t("blocked_since", { time: agoOf(at) }),
        ),
      ),
      button,
    );
  }

  draw().catch((error) => fill(list, el("li", { class: "results-empty" }, errorText(error))));
  return [
    el("h3", { class: "label" }, t("blocked_people")),
    el("p", { class: "hint" }, t("privacy_hint")),
    alert.node,
    list,
  ];
}

/** @param {unknown} error */
function refusal(error) {
  const { code } = /** @type {{ code?: string }} */ (error);
  return code === "conflict" ? t("blocked_too_many") : errorText(/** @type {{ code?: string }} */ (error));
}
