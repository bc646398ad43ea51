/** Making an invitation: for which rooms, how long, how often. */
import { listRooms } from "../../calls/admin.js";
import { createInvitation } from "../../calls/invites.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { refusal } from "../base/refusals.js";
import { field, openForm, select, showLink, textInput } from "./forms.js";
import { span, whole } from "./numbers.js";
import { tile } from "./room_marks.js";
import { loading } from "./table_rows.js";

const LABEL_MAX = "100";
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const LIVES_S = [HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, 365 * DAY_S];
const USES = [1, 5, 10, 25, 100, 1000];
/** Rooms offered; a server with more names them by search in the room itself. */
const ROOMS_MAX = 200;
/** Rooms of one invitation. */
const ROOMS_CHOSEN_MAX = 20;

/**
 * @param {import("./parts.js").Admin} admin
 * @param {() => void} added
 */
export function openAddInvite(admin, added) {
  const label = textInput({ maxlength: LABEL_MAX, autofocus: true });
  const life = select(
    [
      ...LIVES_S.map((seconds) => /** @type {const} */ ([String(seconds), span(seconds, "long")])),
      ["", t("admin_never")],
    ],
    String(7 * DAY_S),
  );
  const uses = select(
    [...USES.map((n) => /** @type {const} */ ([String(n), whole(n)])), ["", t("admin_unlimited")]],
    "10",
  );
  const rooms = createRoomChoice();
  openForm({
    title: t("admin_add_invite"),
    text: t("admin_add_invite_text"),
    submit: t("admin_make_link"),
    explain: (error) => refusal(error, "link"),
    fields: [
      field(t("admin_label"), label, t("admin_label_hint")),
      el("div", { class: "field-pair" }, field(t("admin_expires_after"), life), field(t("admin_uses_most"), uses)),
      rooms.node,
    ],
    act: async () => {
      const text = label.value.trim();
      if (rooms.chosen().length > ROOMS_CHOSEN_MAX) throw { code: "admin_too_many_rooms" };
      const made = await createInvitation({
        ...(text ? { label: text } : {}),
        rooms: rooms.chosen(),
        lifeS: life.value ? Number(life.value) : null,
        usesMax: uses.value ? Number(uses.value) : null,
      });
      added();
      return () =>
        showLink({
          title: t("admin_invite_made"),
          text: t("admin_invite_made_text"),
          path: made.path,
          expires: made.expiresAt,
        });
    },
  });
}

/** Boxes to tick, one a room. */
function createRoomChoice() {
  const list = el("div", { class: "room-choice" }, loading());
  const node = el(
    "fieldset",
    { class: "field plain" },
    el("legend", {}, t("admin_invite_rooms")),
    el("p", { class: "hint" }, t("admin_invite_rooms_hint")),
    list,
  );
  listRooms({ state: "active", limit: ROOMS_MAX }).then(
    ({ rooms }) =>
      fill(
        list,
        rooms.length
          ? rooms.map((room) =>
              el(
                "label",
                { class: "option" },
                el("input", { type: "checkbox", value: room.id }),
                tile(room),
                el("span", { class: "option-text" }, el("strong", { dir: "auto" }, room.name)),
              ),
            )
          : el("p", { class: "hint" }, t("admin_no_rooms")),
      ),
    (error) => fill(list, el("p", { class: "field-error" }, errorText(error))),
  );
  return {
    node,
    chosen: () =>
      [...list.querySelectorAll("input:checked")].map((input) => /** @type {HTMLInputElement} */ (input).value),
  };
}
