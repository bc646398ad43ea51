/** The button that chooses files: at once on a desk; on a phone it asks first whether the camera is meant. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openMenu } from "../base/menu.js";

/** @typedef {"camera" | "gallery" | "files"} Source */

/**
 * @param {(files: File[]) => void} attach
 * @param {() => boolean} mayAttach  says why, if not
 */
export function createAttachButton(attach, mayAttach) {
  const input = el("input", {
    type: "file",
    multiple: true,
    class: "hidden-visually",
    tabindex: "-1",
    "aria-hidden": "true",
    change: () => {
      const files = [...(input.files ?? [])];
      input.value = "";
      if (files.length) attach(files);
    },
  });

  /** @param {Source} source */
  function choose(source) {
    input.multiple = source !== "camera";
    input.accept = source === "files" ? "" : source === "camera" ? "image/*" : "image/*,video/*";
    if (source === "camera") input.setAttribute("capture", "environment");
    else input.removeAttribute("capture");
    input.click();
  }

  function press() {
    if (!mayAttach()) return;
    if (!matchMedia("(pointer: coarse) and (hover: none)").matches) return choose("files");
    openMenu({ title: t("attach"), anchor: button }, [
      { picture: "camera", label: t("attach_camera"), act: () => choose("camera") },
      { picture: "picture", label: t("attach_gallery"), act: () => choose("gallery") },
      { picture: "file", label: t("attach_files"), act: () => choose("files") },
    ]);
  }

  const button = el(
    "button",
    { type: "button", class: "icon-button attach-button", "aria-label": t("attach"), title: t("attach"), click: press },
    icon("paperclip"),
  );
  return { button, input };
}
