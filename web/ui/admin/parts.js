/** Small parts that every screen of the administration shares. */
import { isComposing } from "../base/composing.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** @typedef {import("../base/i18n.js").Key} Key */
/** @typedef {import("../base/element.js").Children} Children */

/**
 * What a screen of the administration is handed.
 *
 * @typedef {object} Admin
 * @property {import("../../state/types.js").Store} store
 * @property {() => URLSearchParams} query  the filter in the address
 * @property {(change: Record<string, string | null>, replace?: boolean) => void} filter  changes the filter in the
 *   address
 * @property {(section: string, filter?: Record<string, string>) => void} open
 */

/**
 * A screen: its node, what stands beside its heading, and how it follows the filter in the address.
 *
 * @typedef {object} Section
 * @property {HTMLElement} node
 * @property {HTMLElement[]} [tools]
 * @property {(query: URLSearchParams) => void} follow
 * @property {() => void} [close]
 */

/** The server is queried this long after the last key. */
export const SEARCH_MS = 250;

/**
 * A word on a tinted ground: a state, a right.
 *
 * @param {string} text
 * @param {"good" | "bad" | "waiting" | "spark" | "plain"} [tone]
 * @param {string} [picture]
 */
export function stamp(text, tone = "plain", picture) {
  return el("span", { class: `stamp stamp-${tone}` }, picture ? icon(picture) : null, text);
}

/**
 * The search field and the choice of a state above a table; both live in the address.
 *
 * @param {Admin} admin
 * @param {object} options
 * @param {string} options.search  label of the field
 * @param {string} options.label  label of the choice
 * @param {(readonly [string, string])[]} options.states  value and words; the first is "all"
 */
export function createToolbar(admin, options) {
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  const field = el("input", {
    class: "input",
    type: "search",
    "aria-label": options.search,
    placeholder: options.search,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: "100",
    input: () => {
      clearTimeout(timer);
      timer = setTimeout(search, SEARCH_MS);
    },
    keydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !isComposing(event)) search();
    },
  });
  const choices = options.states.map(([value, text]) =>
    el(
      "label",
      {},
      el("input", { type: "radio", name: "state", value, change: () => admin.filter({ state: value || null }) }),
      text,
    ),
  );
  const node = el(
    "div",
    { class: "toolbar", role: "search" },
    el("div", { class: "toolbar-search" }, icon("search"), field),
    el(
      "fieldset",
      { class: "plain" },
      el("legend", { class: "hidden-visually" }, options.label),
      el("div", { class: "segments" }, choices),
    ),
  );

  function search() {
    clearTimeout(timer);
    admin.filter({ q: field.value.trim() || null }, true);
  }

  return {
    node,
    /** @param {URLSearchParams} query */
    follow(query) {
      const q = query.get("q") ?? "";
      if (document.activeElement !== field) field.value = q;
      const state = options.states.some(([value]) => value === query.get("state")) ? query.get("state") : "";
      for (const choice of node.querySelectorAll("input[type=radio]"))
        /** @type {HTMLInputElement} */ (choice).checked = /** @type {HTMLInputElement} */ (choice).value === state;
    },
    close: () => clearTimeout(timer),
  };
}

/**
 * What an empty list says.
 *
 * @param {string} picture
 * @param {string} text
 * @param {HTMLElement} [button]
 */
export function nothing(picture, text, button) {
  return el(
    "div",
    { class: "nothing" },
    el("span", { class: "nothing-mark" }, icon(picture)),
    el("p", {}, text),
    button,
  );
}

/** @param {[string, Children | undefined][]} rows  those without a value are left out */
export function facts(rows) {
  return el(
    "dl",
    { class: "figures" },
    rows
      .filter(([, value]) => value !== undefined)
      .map(([label, value]) => el("div", {}, el("dt", {}, label), el("dd", {}, /** @type {Children} */ (value)))),
  );
}

/**
 * One thing that can be done, with what it means below its name.
 *
 * @param {string} picture
 * @param {string} label
 * @param {string} hint
 * @param {() => void} click
 * @param {boolean} [danger]
 */
export function actionButton(picture, label, hint, click, danger = false) {
  return el(
    "button",
    { type: "button", class: danger ? "action action-danger" : "action", click },
    icon(picture),
    el("span", {}, el("strong", {}, label), el("small", {}, hint)),
  );
}

/** @param {string} label @param {() => void} click */
export function addButton(label, click) {
  return el("button", { type: "button", class: "button button-primary", click }, icon("plus"), label);
}

/**
 * @param {string} text
 * @param {() => void} click
 */
export function rowButton(text, click) {
  return el("button", { type: "button", class: "row-open", dir: "auto", "aria-haspopup": "dialog", click }, text);
}

/**
 * What to say when somebody else was first or the last administrator would go; otherwise the usual sentence.
 *
 * @param {unknown} error
 * @param {boolean} [lastAdmin]  whether `forbidden` means that nobody would be left
 */
export function refusal(error, lastAdmin = false) {
  const code = /** @type {{ code?: string }} */ (error).code;
  if (code === "conflict") return t("admin_conflict");
  if (code === "forbidden" && lastAdmin) return t("admin_last_admin");
  return errorText(/** @type {{ code?: string }} */ (error));
}

/**
 * Does what a button asks for, once at a time.
 *
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} act
 */
export async function whileBusy(button, act) {
  if (button.disabled) return;
  const before = [...button.childNodes];
  button.disabled = true;
  fill(
    button,
    el("span", { class: "spinner", "aria-hidden": "true" }),
    before.map((node) => node.cloneNode(true)),
  );
  try {
    await act();
  } finally {
    button.disabled = false;
    button.replaceChildren(...before);
  }
}
