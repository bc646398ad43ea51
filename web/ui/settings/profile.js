/** Settings: how others see me. A picture is shown at once, sent with its progress, and taken back if refused. */
import { el, fill } from "../base/element.js";
import { busy, createAlert, field } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { avatar } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

const NAME_MAX = 64;
const BIO_MAX = 1000;
/** What the server takes; it also makes the square. */
const PICTURE_MAX = 5 * 1024 * 1024;
const PICTURE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/** @type {import("./section.js").Section} */
export function profileSection(store, actions) {
  const { me } = store.state;
  const alert = createAlert();
  const name = el("input", {
    class: "input",
    id: "display-name",
    maxlength: String(NAME_MAX),
    value: me?.displayName ?? "",
    placeholder: me?.username ?? "",
    dir: "auto",
    autocomplete: "nickname",
  });
  const bio = el("textarea", {
    class: "input",
    id: "bio",
    rows: "4",
    maxlength: String(BIO_MAX),
    dir: "auto",
    value: me?.bio ?? "",
    placeholder: t("bio_placeholder"),
  });
  const submit = el("button", { type: "submit", class: "button button-primary" }, t("save"));
  const sent = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void busy(
      submit,
      alert.say,
      (error) => (error.code === "bad_request" ? t("bad_profile") : errorText(error)),
      async () => {
        await actions.profile.change({ displayName: name.value.trim(), bio: bio.value.trim() });
        toast(t("saved"));
      },
    );
  };
  return [
    pictureBlock(store, actions),
    el(
      "form",
      { class: "settings-form", novalidate: true, submit: sent },
      field(t("display_name"), name, t("display_name_hint", { name: me?.username ?? "" })),
      field(t("bio"), bio),
      alert.node,
      el("div", { class: "dialog-foot" }, submit),
    ),
  ];
}

/** @param {Store} store @param {Actions} actions */
function pictureBlock(store, actions) {
  const alert = createAlert();
  const face = el("span", { class: "picture-face" });
  const bar = el("progress", {
    class: "picture-progress",
    max: "1",
    value: "0",
    "aria-label": t("picture_sending"),
    hidden: true,
  });
  const input = el("input", {
    class: "hidden-visually",
    id: "picture-file",
    type: "file",
    accept: PICTURE_TYPES.join(","),
    change: () => {
      void send(input.files?.[0]);
      input.value = "";
    },
  });
  const remove = el(
    "button",
    {
      type: "button",
      class: "button button-small",
      click: () =>
        void busy(remove, alert.say, errorText, async () => {
          await actions.profile.removeAvatar();
          draw();
        }),
    },
    icon("trash"),
    t("picture_remove"),
  );
  const node = el(
    "div",
    {
      class: "picture",
      dragover: (/** @type {DragEvent} */ event) => {
        event.preventDefault();
        node.dataset["over"] = "";
      },
      dragleave: () => {
        delete node.dataset["over"];
      },
      drop: (/** @type {DragEvent} */ event) => {
        event.preventDefault();
        delete node.dataset["over"];
        void send(event.dataTransfer?.files[0]);
      },
    },
    face,
    el(
      "div",
      { class: "picture-words" },
      el(
        "div",
        { class: "picture-buttons" },
        input,
        el("label", { class: "button button-small", for: input.id }, icon("camera"), t("picture_choose")),
        remove,
      ),
      el("p", { class: "hint" }, t("picture_hint")),
      bar,
      alert.node,
    ),
  );

  function draw() {
    const { state } = store;
    if (state.me) fill(face, avatar(state, state.me.uid, { size: "large" }));
    remove.hidden = !state.me?.avatar;
  }

  /** @param {File | undefined} file */
  async function send(file) {
    if (!file) return;
    alert.say("");
    if (!PICTURE_TYPES.includes(file.type)) return alert.say(t("picture_type"));
    if (file.size > PICTURE_MAX) return alert.say(t("picture_large"));
    const preview = URL.createObjectURL(file);
    fill(face, el("span", { class: "avatar avatar-large avatar-sending" }, el("img", { src: preview, alt: "" })));
    bar.value = 0;
    bar.hidden = false;
    try {
      await actions.profile.uploadAvatar(file, (part) => {
        bar.value = part;
      });
      toast(t("saved"));
    } catch (error) {
      alert.say(explain(/** @type {{ code?: string }} */ (error)));
    }
    URL.revokeObjectURL(preview);
    bar.hidden = true;
    draw();
  }

  /** @param {ClipboardEvent} event */
  function pasted(event) {
    if (!node.isConnected) return document.removeEventListener("paste", pasted);
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    void send(file);
  }
  document.addEventListener("paste", pasted);
  draw();
  return node;
}

/** @param {{ code?: string, message?: string }} error */
function explain(error) {
  if (error.code === "too_large") return t("picture_large");
  if (error.code === "unsupported_type" || error.code === "bad_request") return t("picture_type");
  return errorText(error);
}
