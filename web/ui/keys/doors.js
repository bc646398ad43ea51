/** The dialogs about keys, which are loaded when they are opened. */
import { later } from "../base/later.js";

export const openUnlock = later(() => import("./unlock.js"), "openUnlock");
export const openNotMe = later(() => import("./not_me.js"), "openNotMe");
export const openCompare = later(() => import("./compare.js"), "openCompare");
export const openCode = later(() => import("./code.js"), "openCode");
export const openAlarm = later(() => import("./alarm.js"), "openAlarm");
export const openNewCode = later(() => import("./ask_password.js"), "openNewCode");
export const askPassword = later(() => import("./ask_password.js"), "askPassword");
