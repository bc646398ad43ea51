/** What is loaded when it is opened. */
import { later } from "../base/later.js";

export const openSwitcher = later(() => import("./switcher.js"), "openSwitcher");
