/**
 * The door to the administration. Its modules, words and styles are fetched when an administrator opens it; everybody
 * else reads that it is not for them.
 */
import { buildAddress } from "../../platform/build.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { createDoor } from "./door.js";

/** @typedef {import("../base/view.js").View} View */

/** In the order in which they override each other. */
const STYLES = ["screen", "charts", "tables", "dialogs", "pages"].map((name) => `css/admin/${name}.css`);

/**
 * @param {import("../../state/types.js").Store} store
 * @param {() => void} opened  draws the page again
 * @returns {View}
 */
export function createAdminDoor(store, opened) {
  const make = async () => {
    const [{ createAdmin }] = await Promise.all([import("../admin/screen.js"), Promise.all(STYLES.map(stylesheet))]);
    return createAdmin(store);
  };
  const door = createDoor(make, opened);
  return { ...door, title: () => door.title?.() || t("administration") };
}

/** @returns {View} */
export function createAdminRefusal() {
  const node = el(
    "main",
    { class: "room-empty" },
    el("span", { class: "mark" }, icon("shield")),
    el("h1", {}, t("administration")),
    el("p", {}, t("admin_only")),
    el("button", { type: "button", class: "button", click: () => navigate("/") }, t("back")),
  );
  return { node, title: () => t("administration"), update() {} };
}

/** A stylesheet, once. @param {string} path @returns {Promise<void>} */
function stylesheet(path) {
  const href = buildAddress(path);
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const link = el("link", {
      rel: "stylesheet",
      href,
      load: () => resolve(),
      error: () => {
        link.remove();
        reject(new Error(href));
      },
    });
    document.head.append(link);
  });
}
