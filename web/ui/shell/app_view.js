/**
 * The whole page: chooses the screen, knows the address, holds what the views share. Everything below only reads
 * the state and asks for actions.
 */
import { createAdminDoor } from "./admin_door.js";
import { createChat } from "./chat.js";
import { el } from "../base/element.js";
import { createGate } from "../entry/view.js";
import { createSetup, createWelcome } from "../entry/setup.js";
import { errorText, t, wishLanguage } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createInvite } from "../entry/invite.js";
import { bindKeys } from "./keys.js";
import { createNotifier } from "../notify/notify.js";
import { bindCards } from "../people/profile_card.js";
import { createReset } from "../entry/reset.js";
import { carriesSecret, parseRoute } from "../base/routes.js";
import { createTitle } from "./title.js";
import { createToasts } from "../base/toast.js";
import { takeSecret } from "../../platform/links.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../context.js").View} View */

/**
 * @param {HTMLElement} root
 * @param {import("../context.js").Store} store
 * @param {import("../context.js").Actions} actions
 */
export function mount(root, store, actions) {
  const toasts = createToasts();
  const title = createTitle();
  /** @type {{ screen: string, view: View } | null} */
  let shown = null;

  /** @type {Context} */
  const context = {
    store,
    actions,
    signals: {
      room: null,
      editing: null,
      linked: null,
      replying: new Map(),
      leaving: null,
      vanishing: new Set(),
      unveiled: new Set(),
    },
    refresh: draw,
    relabel() {
      leave();
      draw();
    },
    go,
    toast: toasts.toast,
    composer: { focus() {}, insert() {} },
    timeline: { toPresent: () => false, show() {}, focusLast() {} },
  };

  /** @param {string} path @param {boolean} [replace] */
  function go(path, replace = false) {
    if (location.pathname + location.search + location.hash !== path)
      history[replace ? "replaceState" : "pushState"](null, "", path);
    follow();
    draw();
  }

  function follow() {
    const route = parseRoute(location);
    if (carriesSecret(route)) takeSecret(route.name);
    context.signals.room = route.name === "room" ? route.room : null;
    if (route.name === "room" && route.mid) context.signals.linked = { room: route.room, mid: route.mid };
  }

  function draw() {
    const state = store.state;
    const screen = screenFor(state, parseRoute(location));
    // The language chosen in another browser, where this one has none of its own.
    if (wishLanguage({ account: state.me?.locale ?? "" })) leave();
    if (shown?.screen !== screen) {
      leave();
      // What was open belonged to who has left.
      if (state.phase === "signed_out") document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
      shown = { screen, view: makeScreen(context, screen) };
      root.replaceChildren(shown.view.node);
    }
    shown.view.update(state);
    title.update(state, context.signals.room, shown.view.title?.());
    notifier.update(state);
  }

  function leave() {
    shown?.view.close?.();
    shown = null;
  }

  const notifier = createNotifier(context);
  document.body.append(toasts.node);
  addEventListener("popstate", () => {
    follow();
    draw();
  });
  addEventListener("unhandledrejection", (event) => {
    const error = /** @type {{ code?: string }} */ (event.reason);
    if (!error?.code) return;
    event.preventDefault();
    toasts.toast(errorText(error));
  });
  bindKeys(context);
  bindCards(context);
  follow();
  store.subscribe(draw);
  draw();
}

/**
 * A new secret is a new screen, too; signing in on the page of an invitation or a ticket is not.
 *
 * @param {import("../context.js").State} state
 * @param {import("../base/routes.js").Route} route
 */
function screenFor(state, route) {
  if (state.phase === "starting") return "splash";
  if (route.name === "invite" || route.name === "reset") return `${route.name} ${takeSecret(route.name)}`;
  if (route.name === "setup") {
    const code = takeSecret("setup");
    return state.me?.admin && code ? "welcome" : `setup ${state.phase} ${code}`;
  }
  if (state.phase === "signed_in") return route.name === "admin" ? "admin" : "chat";
  return route.name === "register" ? "register" : "login";
}

/**
 * @param {Context} context
 * @param {string} screen
 * @returns {View}
 */
function makeScreen(context, screen) {
  if (screen === "chat") return createChat(context);
  if (screen === "admin") return createAdminDoor(context);
  if (screen === "splash") return splash();
  if (screen === "welcome") return createWelcome(context);
  if (screen.startsWith("setup ")) return createSetup(context);
  if (screen.startsWith("invite ")) return createInvite(context);
  if (screen.startsWith("reset ")) return createReset(context);
  return createGate(context, screen === "register" ? "register" : "login");
}

/** @returns {View} */
function splash() {
  const node = el(
    "main",
    { class: "splash", "aria-busy": "true" },
    el("span", { class: "mark mark-beat" }, icon("pulse")),
    el("p", { class: "hidden-visually" }, t("loading")),
  );
  return { node, update() {} };
}
