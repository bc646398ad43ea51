/**
 * A newer client on the server. This page goes on with the modules it was made for; the reader is told, and the page
 * loads anew by itself once nobody looks at it and nothing would be lost.
 */
import { buildId } from "../../platform/build.js";
import { keep, recall } from "../../platform/storage.js";
import { dialogIsOpen } from "../base/dialog.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";

const SHOWN_MS = 30_000;
/** The build for which a page of this browser was loaded anew last: two servers that differ must not send it round. */
const KEY = "loaded_for";

/** @param {import("../../state/types.js").Store} store */
export function watchBuild(store) {
  let told = "";

  function newer() {
    const { serverBuild } = store.state;
    const isOther = serverBuild && buildId() && serverBuild !== buildId();
    return isOther && recall(KEY) !== serverBuild ? serverBuild : "";
  }

  function reload() {
    keep(KEY, newer());
    location.reload();
  }

  function reloadUnseen() {
    if (document.hidden && newer() && nothingIsLost(store.state)) reload();
  }

  document.addEventListener("visibilitychange", reloadUnseen);
  store.subscribe(() => {
    const build = newer();
    if (!build || build === told) return;
    told = build;
    if (document.hidden) reloadUnseen();
    else toast(t("new_version"), { label: t("reload"), act: reload }, SHOWN_MS);
  });
}

/** @param {import("../../state/types.js").State} state */
function nothingIsLost(state) {
  const isTyped = [...document.querySelectorAll("textarea, input")].some(
    (field) => /** @type {HTMLInputElement} */ (field).value && field.getClientRects().length,
  );
  const isSending = [...state.timelines.values()].some((timeline) =>
    timeline.messages.slice(-20).some((message) => message.status !== "sent"),
  );
  return !isTyped && !isSending && !state.setAside.length && !dialogIsOpen();
}
