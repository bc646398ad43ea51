/** A screen whose modules are fetched when it is opened, so that nobody else pays for them. */
import { el } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** @typedef {import("../base/view.js").View} View */

/**
 * @param {() => Promise<View>} make  fetches the modules and makes the screen
 * @param {() => void} opened  draws the page again
 * @returns {View}
 */
export function createDoor(make, opened) {
  let node = splash();
  let isLeft = false;
  /** @type {View | null} */
  let inside = null;

  /** @param {HTMLElement} next */
  function show(next) {
    node.replaceWith(next);
    node = next;
  }

  async function enter() {
    try {
      const view = await make();
      if (isLeft) return view.close?.();
      inside = view;
      show(view.node);
      opened();
    } catch (error) {
      console.warn(error);
      if (!isLeft) show(failed(retry));
    }
  }

  function retry() {
    show(splash());
    void enter();
  }

  void enter();
  return {
    node,
    title: () => inside?.title?.() ?? "",
    update: (state) => inside?.update(state),
    toPresent: () => inside?.toPresent?.() ?? false,
    close() {
      isLeft = true;
      inside?.close?.();
    },
  };
}

/** Until there is something to show. */
export function splash() {
  return el(
    "main",
    { class: "splash", "aria-busy": "true" },
    el("span", { class: "mark mark-beat" }, icon("pulse")),
    el("p", { class: "hidden-visually" }, t("loading")),
  );
}

/** @param {() => void} retry */
function failed(retry) {
  return el(
    "main",
    { class: "room-empty" },
    el("span", { class: "mark" }, icon("pulse")),
    el("p", { role: "alert" }, errorText({ code: "network" })),
    el("button", { type: "button", class: "button button-primary", click: retry }, t("retry")),
  );
}
