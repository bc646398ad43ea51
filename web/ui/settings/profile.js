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
    new PictureBlock(store, actions).node,
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

/**
 * Why the server would refuse a file; null where it takes it.
 *
 * @param {Pick<File, "type" | "size">} file
 * @returns {"picture_type" | "picture_large" | null}
 */
export function pictureRefusal({ type, size }) {
  if (!PICTURE_TYPES.includes(type)) return "picture_type";
  return size > PICTURE_MAX ? "picture_large" : null;
}

class PictureBlock {
  #store;
  #actions;
  #alert = createAlert();
  #face = el("span", { class: "picture-face" });
  #bar = el("progress", {
    class: "picture-progress",
    max: "1",
    value: "0",
    "aria-label": t("picture_sending"),
    hidden: true,
  });
  #remove = el(
    "button",
    { type: "button", class: "button button-small", click: () => this.#takeAway() },
    icon("trash"),
    t("picture_remove"),
  );

  /**
   * @param {Store} store
   * @param {Actions} actions
   */
  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.node = el(
      "div",
      {
        class: "picture",
        dragover: (/** @type {DragEvent} */ event) => {
          event.preventDefault();
          this.node.dataset["over"] = "";
        },
        dragleave: () => {
          delete this.node.dataset["over"];
        },
        drop: (/** @type {DragEvent} */ event) => {
          event.preventDefault();
          delete this.node.dataset["over"];
          void this.#send(event.dataTransfer?.files[0]);
        },
      },
      this.#face,
      this.#controls(),
    );
    document.addEventListener("paste", this.#paste);
    this.#draw();
  }

  #controls() {
    const input = el("input", {
      class: "hidden-visually",
      id: "picture-file",
      type: "file",
      accept: PICTURE_TYPES.join(","),
      change: () => {
        void this.#send(input.files?.[0]);
        input.value = "";
      },
    });
    const choose = el("label", { class: "button button-small", for: input.id }, icon("camera"), t("picture_choose"));
    return el(
      "div",
      { class: "picture-words" },
      el("div", { class: "picture-buttons" }, input, choose, this.#remove),
      el("p", { class: "hint" }, t("picture_hint")),
      this.#bar,
      this.#alert.node,
    );
  }

  #draw() {
    const { state } = this.#store;
    if (state.me) fill(this.#face, avatar(state, state.me.uid, { size: "large" }));
    this.#remove.hidden = !state.me?.avatar;
  }

  #takeAway() {
    void busy(this.#remove, this.#alert.say, errorText, async () => {
      await this.#actions.profile.removeAvatar();
      this.#draw();
    });
  }

  /** @param {File | undefined} file */
  async #send(file) {
    if (!file) return;
    const refusal = pictureRefusal(file);
    this.#alert.say(refusal ? t(refusal) : "");
    if (refusal) return;
    const preview = URL.createObjectURL(file);
    fill(this.#face, el("span", { class: "avatar avatar-large avatar-sending" }, el("img", { src: preview, alt: "" })));
    await this.#upload(file);
    URL.revokeObjectURL(preview);
    this.#draw();
  }

  /** @param {File} file */
  async #upload(file) {
    this.#bar.value = 0;
    this.#bar.hidden = false;
    try {
      await this.#actions.profile.uploadAvatar(file, (part) => {
        this.#bar.value = part;
      });
      toast(t("saved"));
    } catch (error) {
      this.#alert.say(explain(/** @type {{ code?: string }} */ (error)));
    }
    this.#bar.hidden = true;
  }

  /** The page listens only as long as the picture is shown. */
  #paste = (/** @type {ClipboardEvent} */ event) => {
    if (!this.node.isConnected) return document.removeEventListener("paste", this.#paste);
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    void this.#send(file);
  };
}

/** @param {{ code?: string, message?: string }} error */
function explain(error) {
  if (error.code === "too_large") return t("picture_large");
  if (error.code === "unsupported_type" || error.code === "bad_request") return t("picture_type");
  return errorText(error);
}
