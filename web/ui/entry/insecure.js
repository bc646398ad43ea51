/**
 * What stands in the place of every form with a password where the browser offers no WebCrypto: nothing that is typed
 * there could work, so this says so before anything is, with the address that works.
 */
import { readInfo } from "../../calls/account.js";
import { takeSecret } from "../../platform/links.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { carriesSecret, parseRoute } from "../base/routes.js";
import { createPage, notice, waiting } from "./parts.js";

/**
 * @returns {import("../base/view.js").View}
 */
export function createInsecure() {
  const page = createPage();
  const way = el("div", { class: "entry-form" }, waiting());
  page.show(...notice({ picture: "lock", title: t("insecure_title"), lead: t("insecure_lead") }), way);
  const path = pathHere();
  readInfo().then(
    ({ secureAddress }) => fill(way, ...(secureAddress ? elsewhere(secureAddress + path) : here(path))),
    () => fill(way, ...here(path)),
  );
  return { node: page.node, update() {} };
}

/** This page with its secret, which the other address needs as well. */
function pathHere() {
  const route = parseRoute(location);
  const secret = carriesSecret(route) ? takeSecret(route.name) : "";
  return location.pathname + location.search + (secret ? `#${encodeURIComponent(secret)}` : location.hash);
}

/** @param {string} address */
function elsewhere(address) {
  return [
    el("a", { class: "button button-primary button-wide", href: address }, t("insecure_open")),
    el("p", { class: "entry-small" }, el("code", { class: "link-box", dir: "ltr" }, new URL(address).origin)),
    el("p", { class: "entry-small" }, t("insecure_warning")),
  ];
}

/** @param {string} path */
function here(path) {
  const local = `http://localhost${location.port && `:${location.port}`}`;
  return [
    el("p", { class: "form-note" }, t("insecure_local"), " ", el("a", { href: local + path, dir: "ltr" }, local)),
    el("p", { class: "entry-small" }, t("insecure_admin")),
  ];
}
