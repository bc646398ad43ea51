/** What is loaded when somebody searches. */
import { later } from "../base/later.js";

export const openSearch = later(() => import("./panel.js"), "openSearch");
export const openChatSearch = later(() => import("./chat_search.js"), "openChatSearch");
