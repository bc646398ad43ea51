/** What is loaded when it is opened. */
import { later } from "../base/later.js";

export const openViewer = later(() => import("./viewer.js"), "openViewer");
export const openDescriptions = later(() => import("./descriptions.js"), "openDescriptions");
