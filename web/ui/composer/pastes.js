/** What is pasted while no field has the focus goes into the composer, as do files from anywhere. */
import { dialogIsOpen } from "../base/dialog.js";
import { takesText } from "../base/drops.js";

/**
 * @param {(text: string) => void} insert
 * @param {(files: File[]) => void} attach
 * @returns {() => void} ends it
 */
export function receivePastes(insert, attach) {
  /** @param {ClipboardEvent} event */
  const pasted = (event) => {
    const { clipboardData, target } = event;
    if (!clipboardData || dialogIsOpen() || event.defaultPrevented) return;
    // Many programs copy what they show both as text and as a picture: the text is meant.
    const text = clipboardData.getData("text/plain");
    if (!text && clipboardData.files.length) {
      event.preventDefault();
      attach([...clipboardData.files]);
    } else if (text && !takesText(target)) {
      event.preventDefault();
      insert(text);
    }
  };
  document.addEventListener("paste", pasted);
  return () => document.removeEventListener("paste", pasted);
}
