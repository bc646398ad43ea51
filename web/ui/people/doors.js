/** The dialogs about people, which are loaded when they are opened. */
import { later } from "../base/later.js";

export const openStatus = later(() => import("./status.js"), "openStatus");
export const openInvite = later(() => import("./invite_people.js"), "openInvite");
