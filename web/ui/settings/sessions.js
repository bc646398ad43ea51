/** Settings: the browsers I am signed in with. Each can be shut out at once. */
import { endOtherSessions, endSession, listSessions } from "../../calls/account.js";
import { agoOf } from "../base/dates.js";
import { deviceText } from "../base/devices.js";
import { ask } from "../base/dialog.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { row, waitingRow } from "./access_row.js";

/** @type {import("./section.js").Section} */
export function sessionsSection(store, actions) {
  const alert = createAlert();
  const list = el("ul", { class: "access-list", "aria-busy": "true" }, waitingRow());
  const others = el(
    "button",
    { type: "button", class: "button button-danger-soft", hidden: true, click: () => void endOthers() },
    icon("leave"),
    t("end_others"),
  );

  async function draw() {
    const sessions = await listSessions();
    sessions.sort((a, b) => Number(b.current) - Number(a.current) || b.seenAt - a.seenAt);
    others.hidden = sessions.length < 2;
    list.removeAttribute("aria-busy");
    fill(
      list,
      drawEach(sessions, (session) =>
        row(
          {
            picture: /Android|iPhone|iPad/.test(session.name) ? "phone" : "screen",
            name: deviceText(session.name) || t("session_unnamed"),
            tag: session.current ? t("session_current") : "",
            detail: [
              session.current ? "" : t("session_seen", { time: agoOf(session.seenAt) }),
              t("session_since", { time: agoOf(session.createdAt) }),
            ]
              .filter(Boolean)
              .join(" · "),
            at: session.createdAt,
            button: session.current ? null : [t("end_session"), () => endSession(session.id)],
          },
          alert.say,
          draw,
        ),
      ),
    );
  }

  async function endOthers() {
    if (
      !(await ask({ title: t("end_others"), text: t("end_others_question"), confirm: t("end_others"), danger: true }))
    )
      return;
    await busy(others, alert.say, errorText, async () => {
      await endOtherSessions();
      await draw();
      toast(t("ended_others"));
    });
  }

  draw().catch((error) => fill(list, el("li", { class: "results-empty" }, errorText(error))));
  return [
    el("p", { class: "hint" }, t("sessions_hint")),
    list,
    alert.node,
    el("div", { class: "dialog-foot" }, others),
  ];
}
