/**
 * The administration: its sections at the side, one of them on the panel. The address says which section and which
 * filter; the sections only follow it, so that going back, reloading and sharing an address show the same.
 */
import { messages as en } from "../../locales/admin.en.js";
import { messages as es } from "../../locales/admin.es.js";
import { messages as ru } from "../../locales/admin.ru.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate, redirect } from "../base/navigation.js";
import { parseRoute } from "../base/routes.js";
import { addWords } from "../base/words.js";
import { createAudit } from "./audit.js";
import { createInvites } from "./invites.js";
import { createOverview } from "./overview.js";
import { createPeople } from "./people.js";
import { createRooms } from "./rooms.js";
import { createSettings } from "./settings.js";

/** @typedef {import("./parts.js").Admin} Admin */
/** @typedef {import("./parts.js").Section} Section */
/**
 * @typedef {{ name: string, label: import("../base/i18n.js").Key, lead: import("../base/i18n.js").Key, picture:
 *   string, make: (admin: Admin) => Section }} Entry
 */

addWords({ en, es, ru });

/** @type {Entry} */
const OVERVIEW = {
  name: "",
  label: "admin_overview",
  lead: "admin_overview_lead",
  picture: "chart",
  make: createOverview,
};
/** @type {Entry[]} */
const ENTRIES = [
  OVERVIEW,
  { name: "users", label: "admin_people", lead: "admin_people_lead", picture: "people", make: createPeople },
  { name: "rooms", label: "admin_rooms", lead: "admin_rooms_lead", picture: "hash", make: createRooms },
  { name: "invites", label: "admin_invites", lead: "admin_invites_lead", picture: "link", make: createInvites },
  { name: "settings", label: "admin_settings", lead: "admin_settings_lead", picture: "sliders", make: createSettings },
  { name: "audit", label: "admin_audit", lead: "admin_audit_lead", picture: "history", make: createAudit },
];

/**
 * @param {import("../../state/types.js").Store} store
 * @returns {import("../base/view.js").View}
 */
export function createAdmin(store) {
  /** @type {Admin} */
  const admin = {
    store,
    query: () => new URLSearchParams(location.search),
    filter(change, replace = false) {
      const query = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(change)) {
        if (value === null) query.delete(name);
        else query.set(name, value);
      }
      const show = replace ? redirect : navigate;
      show(path(shown?.entry.name ?? "", query));
    },
    open: (section, filter = {}) => navigate(path(section, new URLSearchParams(filter))),
  };
  const navigation = createNavigation();
  const title = el("h1", { tabindex: "-1" });
  const lead = el("p");
  const tools = el("div", { class: "admin-tools" });
  const body = el("div", { class: "admin-body" });
  const main = el(
    "main",
    { class: "room admin-main" },
    el("header", { class: "admin-head" }, el("div", { class: "room-title" }, title, lead), tools),
    body,
  );
  const node = el("div", { class: "shell admin" }, navigation.node, main);
  /** @type {{ entry: Entry, section: Section, search: string } | null} */
  let shown = null;

  function follow() {
    const route = parseRoute(location);
    if (route.name !== "admin") return;
    const entry = ENTRIES.find((each) => each.name === route.section) ?? OVERVIEW;
    if (shown?.entry !== entry) show(entry);
    else if (shown.search !== location.search) {
      shown.search = location.search;
      shown.section.follow(admin.query());
    }
  }

  /** @param {Entry} entry */
  function show(entry) {
    const first = shown === null;
    shown?.section.close?.();
    const section = entry.make(admin);
    shown = { entry, section, search: location.search };
    title.textContent = t(entry.label);
    lead.textContent = t(entry.lead);
    fill(tools, section.tools ?? []);
    fill(body, section.node);
    body.scrollTop = 0;
    navigation.mark(entry.name);
    section.follow(admin.query());
    if (!first || document.activeElement === document.body) title.focus({ preventScroll: true });
  }

  return {
    node,
    title: () => `${t(shown?.entry.label ?? "admin_overview")} · ${t("administration")}`,
    update: follow,
    close: () => shown?.section.close?.(),
  };
}

/** The list of sections; on a phone it hangs folded below the bar. */
function createNavigation() {
  const links = ENTRIES.map((entry) => link(path(entry.name), entry.picture, t(entry.label), () => unfold(false)));
  const list = el(
    "ul",
    { class: "admin-links", id: "admin-links" },
    links.map((each) => el("li", {}, each)),
    el(
      "li",
      { class: "admin-back" },
      link("/", "back", t("back"), () => unfold(false)),
    ),
  );
  const toggle = el(
    "button",
    {
      type: "button",
      class: "icon-button admin-toggle",
      "aria-label": t("admin_sections"),
      "aria-expanded": "false",
      "aria-controls": "admin-links",
      click: () => unfold(toggle.getAttribute("aria-expanded") !== "true"),
    },
    icon("menu"),
  );
  const node = el(
    "nav",
    {
      class: "sidebar admin-nav",
      "aria-label": t("administration"),
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== "Escape" || toggle.getAttribute("aria-expanded") !== "true") return;
        unfold(false);
        toggle.focus();
      },
      focusout: (/** @type {FocusEvent} */ event) => {
        if (event.relatedTarget instanceof Node && !node.contains(event.relatedTarget)) unfold(false);
      },
    },
    el(
      "header",
      { class: "sidebar-head" },
      el("span", { class: "mark" }, icon("shield")),
      el("p", { class: "admin-name" }, t("administration")),
      toggle,
    ),
    list,
  );

  /** @param {boolean} open */
  function unfold(open) {
    toggle.setAttribute("aria-expanded", String(open));
    node.classList.toggle("admin-unfolded", open);
  }

  return {
    node,
    /** @param {string} name */
    mark(name) {
      ENTRIES.forEach((entry, index) => {
        if (entry.name === name) links[index]?.setAttribute("aria-current", "page");
        else links[index]?.removeAttribute("aria-current");
      });
    },
  };
}

/**
 * @param {string} href
 * @param {string} picture
 * @param {string} label
 * @param {() => void} gone
 */
function link(href, picture, label, gone) {
  return el(
    "a",
    {
      class: "room-item",
      href,
      draggable: "false",
      click: (/** @type {MouseEvent} */ event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        gone();
        navigate(href);
      },
    },
    el("span", { class: "admin-tile", "aria-hidden": "true" }, icon(picture)),
    el("span", { class: "room-item-name" }, label),
  );
}

/**
 * @param {string} section
 * @param {URLSearchParams} [query]
 */
function path(section, query) {
  const search = query?.toString();
  return `/admin${section ? `/${section}` : ""}${search ? `?${search}` : ""}`;
}
