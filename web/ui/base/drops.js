/**
 * What is dropped on the page never takes the browser to another one. Text may be dropped into fields; where nothing
 * takes files, that is said.
 */
import { dialogIsOpen } from "./dialog.js";
import { t } from "./i18n.js";
import { toast } from "./toast.js";

/** Called once, for all screens. */
export function guardDrops() {
  for (const type of /** @type {const} */ (["dragover", "drop"]))
    addEventListener(type, (event) => {
      if (event.defaultPrevented) return;
      const hasFiles = event.dataTransfer?.types.includes("Files") ?? false;
      if (!hasFiles && takesText(event.target)) return;
      event.preventDefault();
      if (type === "drop" && hasFiles) toast(t(dialogIsOpen() ? "files_closed" : "files_no_room"));
      else if (event.dataTransfer && !hasFiles) event.dataTransfer.dropEffect = "none";
    });
}

/** Whether an element is a field that takes text. @param {EventTarget | null} target */
export function takesText(target) {
  return (
    target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target instanceof HTMLInputElement
  );
}
