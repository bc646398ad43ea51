/**
 * Opens what must be seen at once: a recovery code that is to be kept, and warnings that fill the screen. Where this
 * browser keeps nothing, whoever closes the page is asked first.
 */
import { openAlarm, openCode } from "./doors.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** The others are told above the messages. */
export const FULL_SCREEN = new Set(["my_name", "own_keys", "own_reset"]);

/** @param {Store} store @param {Actions} actions */
export function watchKeys(store, actions) {
  /** What was opened already. @type {Set<string>} */
  const opened = new Set();
  const look = () => {
    const { keys, phase } = store.state;
    if (phase !== "signed_in") return opened.clear();
    if (keys.offer && !opened.has(keys.offer)) {
      opened.add(keys.offer);
      openCode(store, actions);
    }
    for (const alarm of keys.alarms) {
      if (!FULL_SCREEN.has(alarm.kind) || opened.has(alarm.id)) continue;
      opened.add(alarm.id);
      openAlarm(store, actions, alarm);
    }
  };
  store.subscribe(look);
  look();
  addEventListener("beforeunload", (event) => {
    const { messages, drafts } = store.state.keys.unkept;
    if (messages || drafts) event.preventDefault();
  });
}
