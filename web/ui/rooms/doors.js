/** The dialogs about rooms, which are loaded when they are opened. */
import { later } from "../base/later.js";

export const openRoomDetails = later(() => import("./dialogs.js"), "openRoomDetails");
export const openBrowse = later(() => import("./directory.js"), "openBrowse");
export const openShield = later(() => import("./shield.js"), "openShield");
export const openPlainNote = later(() => import("./plain_note.js"), "openPlainNote");
export const openCreate = later(() => import("./create.js"), "openCreate");
export const openNewDirect = later(() => import("./create.js"), "openNewDirect");
