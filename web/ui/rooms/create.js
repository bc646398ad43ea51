/** Making rooms: a room with a name, or a direct one with up to nine people. */
import { dialogFoot, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { focusComposer } from "../base/focus.js";
import { busy, createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { navigate } from "../base/navigation.js";
import { refusal } from "../base/refusals.js";
import { roomPath } from "../base/routes.js";
import { openDirect } from "../people/direct.js";
import { PeoplePicker } from "./people_picker.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** People of a group besides me, and of a new room. */
const GROUP_MAX = 9;
const FIRST_MAX = 100;

/** @param {Store} store @param {Actions} actions */
export function openCreate(store, actions) {
  openDialog({ title: t("new_room"), class: "dialog-high" }, (close) => {
    const alert = createAlert();
    const name = el("input", {
      class: "input",
      id: "room-name",
      maxlength: "80",
      required: true,
      autocomplete: "off",
      dir: "auto",
      autofocus: true,
    });
    const topic = el("input", {
      class: "input",
      id: "room-topic",
      maxlength: "500",
      autocomplete: "off",
      dir: "auto",
      placeholder: t("room_topic_hint"),
    });
    const kinds = choice("kind", [
      ["open", t("room_open"), t("room_open_hint")],
      ["closed", t("room_closed"), t("room_closed_hint")],
    ]);
    const people = new PeoplePicker(store, actions, { most: FIRST_MAX });
    const submit = el("button", { type: "submit", class: "button button-primary" }, t("create_room"));
    const sent = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (!name.value.trim()) return name.focus();
      const kind =
        /** @type {HTMLInputElement | null} */ (kinds.querySelector(":checked"))?.value === "closed"
          ? "closed"
          : "open";
      void busy(
        submit,
        alert.say,
        (error) => refusal(error, "make"),
        async () => {
          const id = await actions.rooms.create({
            name: name.value.trim(),
            topic: topic.value.trim(),
            kind,
            members: people.chosen,
          });
          close();
          navigate(roomPath(id));
          focusComposer();
        },
      );
    };
    return [
      el(
        "form",
        { class: "dialog-body", submit: sent, novalidate: true },
        el("div", { class: "field" }, el("label", { for: "room-name" }, t("room_name")), name),
        el("div", { class: "field" }, el("label", { for: "room-topic" }, t("room_topic")), topic),
        el("fieldset", { class: "field plain" }, el("legend", { class: "label" }, t("room_kind")), kinds),
        el("details", { class: "more" }, el("summary", {}, t("first_members")), people.node),
        alert.node,
        dialogFoot(close, submit),
      ),
    ];
  });
}

/** @param {Store} store @param {Actions} actions */
export function openNewDirect(store, actions) {
  openDialog({ title: t("new_message_to") }, (close) => {
    const alert = createAlert();
    const open = el(
      "button",
      {
        type: "button",
        class: "button button-primary",
        disabled: true,
        click: () => void busy(open, alert.say, errorText, start),
      },
      t("open_conversation"),
    );
    const people = new PeoplePicker(store, actions, {
      most: GROUP_MAX,
      changed: () => {
        open.disabled = !people.chosen.length;
      },
      done: () => open.click(),
    });
    people.input.autofocus = true;

    async function start() {
      const id = await openDirect(store, actions, people.chosen);
      if (id === null) return;
      close();
      navigate(roomPath(id));
      focusComposer();
    }

    return [
      people.node,
      el(
        "div",
        { class: "dialog-body dialog-end" },
        alert.node,
        el(
          "div",
          { class: "dialog-foot dialog-foot-split" },
          el("p", { class: "hint" }, t("group_hint", { n: GROUP_MAX })),
          open,
        ),
      ),
    ];
  });
}

/**
 * @param {string} name
 * @param {[string, string, string][]} options
 */
export function choice(name, options) {
  return el(
    "div",
    { class: "choices" },
    options.map(([value, label, hint], index) =>
      el(
        "label",
        { class: "choice" },
        el("input", { type: "radio", name, value, checked: index === 0 }),
        el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)),
      ),
    ),
  );
}
