/** The whole page: shows the screen that the address and the state call for, and draws it again when either changes. */
import { takeSecret } from "../../platform/links.js";
import { hasWebCrypto } from "../../platform/secure.js";
import { prepareAnnouncements } from "../base/announce.js";
import { guardDrops } from "../base/drops.js";
import { errorText } from "../base/i18n.js";
import { onLanguageChange, wishLanguage } from "../base/language.js";
import { loadAhead } from "../base/later.js";
import { addressedRoom, onNavigation } from "../base/navigation.js";
import { carriesSecret, parseRoute } from "../base/routes.js";
import { prepareToasts, toast } from "../base/toast.js";
import { watchKeys } from "../keys/watch.js";
import { ComposerTargets } from "../composer/targets.js";
import { createNotifier } from "../notify/notify.js";
import { MessageMarks } from "../timeline/marks.js";
import { createAdminDoor, createAdminRefusal } from "./admin_door.js";
import { createChat } from "./chat.js";
import { createDoor, splash } from "./door.js";
import { bindKeys } from "./keys.js";
import { watchBuild } from "./newer_build.js";
import { bindCards } from "./profile_card.js";
import { bindRefusals } from "./refusals.js";
import { createTitle } from "./title.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../base/view.js").View} View */

/** After the rooms are shown: what else may be needed is loaded then. */
const AHEAD_MS = 2_000;

/**
 * @param {HTMLElement} root
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 */
export function mount(root, store, actions) {
  const title = createTitle();
  const notifier = createNotifier();
  // They outlive the screen: an undo runs on, and a reply waits, while another one is shown.
  const targets = new ComposerTargets();
  const marks = new MessageMarks(draw);
  /** @type {{ screen: string, view: View } | null} */
  let shown = null;
  let isLoadedAhead = false;

  /** @param {string} screen @returns {View} */
  function makeScreen(screen) {
    if (screen === "chat") return createChat(store, actions, targets, marks);
    if (screen === "admin") return createAdminDoor(store, draw);
    if (screen === "admin refused") return createAdminRefusal();
    if (screen === "splash") return { node: splash(), update() {} };
    return createDoor(() => makeEntry(screen), draw);
  }

  /** Getting in, which who is signed in does not need. @param {string} screen @returns {Promise<View>} */
  async function makeEntry(screen) {
    // Who is signed in needs no password for an invitation.
    const needsPassword = !store.state.me || screen.startsWith("reset ");
    if (needsPassword && !hasWebCrypto()) return (await import("../entry/insecure.js")).createInsecure();
    if (screen === "welcome") return (await import("../entry/setup.js")).createWelcome(actions);
    if (screen.startsWith("setup ")) return (await import("../entry/setup.js")).createSetup(store, actions);
    if (screen.startsWith("invite ")) return (await import("../entry/invite.js")).createInvite(store, actions);
    if (screen.startsWith("reset ")) return (await import("../entry/reset.js")).createReset(store, actions);
    const { createEntry } = await import("../entry/view.js");
    return createEntry(store, actions, screen === "register" ? "register" : "login");
  }

  function draw() {
    const { state } = store;
    const screen = screenFor(state, parseRoute(location));
    // The language chosen in another browser, where this one has none of its own; what listens draws.
    if (wishLanguage({ account: state.me?.locale ?? "" })) return;
    if (shown?.screen !== screen) {
      leave();
      // What was open belonged to who has left.
      if (state.phase === "signed_out") document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
      shown = { screen, view: makeScreen(screen) };
      root.replaceChildren(shown.view.node);
    }
    shown.view.update(state);
    title.update(state, addressedRoom(), shown.view.title?.());
    notifier.update(state);
    if (!isLoadedAhead && screen === "chat" && !state.loadingRooms) {
      isLoadedAhead = true;
      setTimeout(() => void loadAhead(), AHEAD_MS);
    }
  }

  function leave() {
    shown?.view.close?.();
    shown = null;
  }

  function followAddress() {
    const route = parseRoute(location);
    if (carriesSecret(route)) takeSecret(route.name);
  }

  prepareToasts();
  prepareAnnouncements();
  guardDrops();
  onNavigation(() => {
    followAddress();
    draw();
  });
  onLanguageChange(() => {
    leave();
    draw();
  });
  addEventListener("unhandledrejection", (event) => {
    const error = /** @type {{ code?: string }} */ (event.reason);
    if (!error?.code) return;
    event.preventDefault();
    toast(errorText(error));
  });
  bindKeys(store, actions, () => shown?.view.toPresent?.() ?? false);
  bindCards(store, actions);
  bindRefusals(store, actions);
  watchBuild(store);
  watchKeys(store, actions);
  followAddress();
  store.subscribe(draw);
  draw();
}

/**
 * A new secret is a new screen, too; signing in on the page of an invitation or a ticket is not.
 *
 * @param {State} state
 * @param {import("../base/routes.js").Route} route
 */
function screenFor(state, route) {
  if (state.phase === "starting") return "splash";
  if (route.name === "invite" || route.name === "reset") return `${route.name} ${takeSecret(route.name)}`;
  if (route.name === "setup") {
    const code = takeSecret("setup");
    return state.me?.admin && code ? "welcome" : `setup ${state.phase} ${code}`;
  }
  if (state.phase === "signed_in" && route.name === "admin") return state.me?.admin ? "admin" : "admin refused";
  if (state.phase === "signed_in") return "chat";
  return route.name === "register" ? "register" : "login";
}
