/** What is loaded when it is opened. */
import { later } from "./later.js";

export const openEmojiPicker = later(() => import("./emoji_picker.js"), "openEmojiPicker");
