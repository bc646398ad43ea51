/**
 * Modal dialogs on the browser's own `<dialog>`: it keeps the focus inside, closes on Esc and gives the focus back.
 * The focus returns to where it was even when the opener is gone by then. With an anchor it stands beside what opened
 * it, and the page stays as light as it was.
 */
import { placeBeside } from "./beside.js";
import { el } from "./element.js";
import { rememberFocus } from "./focus.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} Dialog
 * @property {HTMLDialogElement} node
 * @property {() => void} close
 * @property {() => void} place  stands beside its anchor again, after its size has changed
 */

/** What stands beside something now. @type {Set<HTMLDialogElement>} */
const placed = new Set();

/**
 * @param {object} options
 * @param {string} options.title  shown, or only said with `bare`
 * @param {boolean} [options.bare]
 * @param {string} [options.class]
 * @param {() => void} [options.closed]
 * @param {import("./beside.js").Anchor | null} [options.anchor]  what it stands beside
 * @param {import("./beside.js").Side} [options.side]
 * @param {(close: () => void) => import("./element.js").Child[]} content
 * @returns {Dialog}
 */
export function openDialog(options, content) {
  const back = rememberFocus();
  const close = () => node.close();
  const anchor = options.anchor ?? null;
  const place = () => {
    if (anchor) placeBeside(node, anchor, options.side ?? "below");
  };
  const head = options.bare
    ? null
    : el(
        "header",
        { class: "dialog-head" },
        el("h2", {}, options.title),
        el("button", { type: "button", class: "icon-button", "aria-label": t("close"), click: close }, icon("close")),
      );
  const node = el(
    "dialog",
    {
      class: `dialog ${options.class ?? ""}`,
      "aria-label": options.title,
      close: () => {
        node.remove();
        placed.delete(node);
        removeEventListener("resize", place);
        showOpen(anchor, false);
        // Whoever closed it may have led the focus on already.
        const astray = !document.activeElement || document.activeElement === document.body;
        if (astray) back();
        options.closed?.();
      },
      mousedown: (/** @type {MouseEvent} */ event) => {
        if (event.target === node && outside(node, event)) close();
      },
    },
    head,
    ...content(close),
  );
  document.body.append(node);
  node.showModal();
  place();
  if (anchor) {
    placed.add(node);
    addEventListener("resize", place);
  }
  showOpen(anchor, true);
  return { node, close, place };
}

/** Closes the menus and cards that stand beside what is not on the page any more. */
export function closePlaced() {
  for (const node of placed) node.close();
}

/**
 * @param {import("./beside.js").Anchor | null} anchor
 * @param {boolean} open
 */
function showOpen(anchor, open) {
  if (anchor instanceof Element && anchor.hasAttribute("aria-haspopup"))
    anchor.setAttribute("aria-expanded", String(open));
}

/**
 * One question, one answer.
 *
 * @param {{ title: string, text?: string, confirm: string, danger?: boolean }} question
 * @returns {Promise<boolean>}
 */
export function ask(question) {
  return new Promise((resolve) => {
    let answer = false;
    openDialog({ title: question.title, class: "dialog-narrow", closed: () => resolve(answer) }, (close) => [
      el(
        "div",
        { class: "dialog-body" },
        question.text ? el("p", { class: "hint" }, question.text) : null,
        dialogFoot(
          close,
          el(
            "button",
            {
              type: "button",
              class: question.danger ? "button button-danger" : "button button-primary",
              autofocus: true,
              click: () => {
                answer = true;
                close();
              },
            },
            question.confirm,
          ),
        ),
      ),
    ]);
  });
}

/**
 * The foot of a dialog that asks something: a button to cancel, and the one that does it.
 *
 * @param {() => void} close
 * @param {HTMLElement} action
 */
export function dialogFoot(close, action) {
  return el(
    "div",
    { class: "dialog-foot" },
    el("button", { type: "button", class: "button", click: close }, t("cancel")),
    action,
  );
}

/** True while any dialog is open. */
export function dialogIsOpen() {
  return document.querySelector("dialog[open]") !== null;
}

/**
 * @param {Element} node
 * @param {MouseEvent} event
 */
function outside(node, event) {
  const box = node.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
