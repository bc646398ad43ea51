/**
 * The door to the administration. Its modules, words and styles are fetched when an administrator opens it, so that
 * nobody else pays for them; everybody else reads that it is not for them.
 */
import { buildAddress } from "../../platform/build.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";

/** @typedef {import("../base/view.js").View} View */

/** In the order in which they override each other. */
const STYLES = ["screen", "charts", "tables", "dialogs", "pages"].map((name) => `css/admin/${name}.css`);

/**
 * @param {import("../../state/types.js").Store} store
 * @param {() => void} opened  draws the page again
 * @returns {View}
 */
export function createAdminDoor(store, opened) {
  const node = el("div", { class: "admin-door" });
  /** @type {View | null} */
  let inside = null;
  /** @type {"refused" | "open" | null} */
  let shown = null;

  async function enter() {
    fill(
      node,
      el(
        "main",
        { class: "splash", "aria-busy": "true" },
        el("span", { class: "mark mark-beat" }, icon("pulse")),
        el("p", { class: "hidden-visually" }, t("loading")),
      ),
    );
    try {
      const [{ createAdmin }] = await Promise.all([import("../admin/screen.js"), Promise.all(STYLES.map(stylesheet))]);
      if (shown !== "open") return;
      inside = createAdmin(store);
      fill(node, inside.node);
      opened();
    } catch {
      // A module that could not be fetched once is not asked for again by the browser; a reload asks.
      if (shown === "open")
        say(
          errorText({ code: "network" }),
          el("button", { type: "button", class: "button button-primary", click: () => location.reload() }, t("retry")),
        );
    }
  }

  /** @param {string} text @param {HTMLElement} [button] */
  function say(text, button) {
    fill(
      node,
      el(
        "main",
        { class: "room-empty" },
        el("span", { class: "mark" }, icon("shield")),
        el("h1", {}, t("administration")),
        el("p", {}, text),
        button ?? null,
        el("button", { type: "button", class: "button", click: () => navigate("/") }, t("back")),
      ),
    );
  }

  function leave() {
    inside?.close?.();
    inside = null;
    shown = null;
  }

  return {
    node,
    title: () => inside?.title?.() ?? t("administration"),
    update(state) {
      const next = state.me?.admin ? "open" : "refused";
      if (shown !== next) {
        leave();
        shown = next;
        if (next === "open") void enter();
        else say(t("admin_only"));
      }
      inside?.update(state);
    },
    close: leave,
  };
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
