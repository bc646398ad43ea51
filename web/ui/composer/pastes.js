/** What is pasted while no field has the focus goes into the composer; files cannot be sent yet, which is said. */
import { dialogIsOpen } from "../base/dialog.js";
import { refuseFiles, takesText } from "../base/drops.js";

/**
 * @param {(text: string) => void} insert
 * @returns {() => void} ends it
 */
export function receivePastes(insert) {
  /** @param {ClipboardEvent} event */
  const pasted = (event) => {
    const { clipboardData, target } = event;
    if (!clipboardData || dialogIsOpen() || event.defaultPrevented) return;
    const text = clipboardData.getData("text/plain");
    if (!text && clipboardData.files.length) {
      event.preventDefault();
      refuseFiles();
    } else if (text && !takesText(target)) {
      event.preventDefault();
      insert(text);
    }
  };
  document.addEventListener("paste", pasted);
  return () => document.removeEventListener("paste", pasted);
}
