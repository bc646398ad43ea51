/** The dialogs of the settings, which are loaded when they are opened. */
import { later } from "../base/later.js";

export const openSettings = later(() => import("./dialog.js"), "openSettings");
export const openShortcuts = later(() => import("./shortcuts.js"), "openShortcuts");
