/** Settings: whom I have blocked. */
import { agoOf, fullTimeOf } from "../base/dates.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { blockRefusal } from "../people/blocking.js";
import { avatar, nameOf, userOf } from "../people/people.js";
import { waitingRow } from "./access_row.js";

/** Long enough to read it and to change one's mind. */
const UNDO_MS = 8000;

/** Everybody blocked, each with an end to it. @type {import("./section.js").Section} */
export function privacySection(store, actions) {
  const alert = createAlert();
  const list = el("ul", { class: "access-list", "aria-busy": "true", "aria-label": t("blocked_people") }, waitingRow());

  async function draw() {
    const blocks = await actions.blocks.list();
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
    const { state } = store;
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
            await actions.blocks.unblock(uid);
            const [next] = [...list.querySelectorAll("button")].filter((each) => each !== button);
            await draw();
            // The row is gone, and the focus with it.
            if (document.activeElement === document.body || !document.activeElement)
              (next?.isConnected ? next : list.querySelector("button"))?.focus();
            toast(
              t("unblocked_note", { name }),
              {
                label: t("undo"),
                act: () =>
                  void actions.blocks
                    .block(uid)
                    .then(draw)
                    .catch((error) => alert.say(blockRefusal(error))),
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
