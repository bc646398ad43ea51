/** A row for a session or a token, with the button that ends it. */
import { fullTimeOf } from "../base/dates.js";
import { el } from "../base/element.js";
import { busy } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/**
 * A session or a token, with the button that ends it.
 *
 * @param {{ picture: string, name: string, tag: string, detail: string, at: number, button: [string, () =>
 *   Promise<void>] | null }} access
 * @param {(text: string) => void} say
 * @param {() => Promise<void>} draw
 */
export function row({ picture, name, tag, detail, at, button }, say, draw) {
  const end = button
    ? el(
        "button",
        {
          type: "button",
          class: "button button-small",
          "aria-label": `${button[0]}: ${name}`,
          click: () =>
            void busy(/** @type {HTMLButtonElement} */ (end), say, errorText, async () => {
              await button[1]();
              await draw();
            }),
        },
        button[0],
      )
    : null;
  return el(
    "li",
    { class: "access" },
    el("span", { class: "settings-sign" }, icon(picture)),
    el(
      "span",
      { class: "option-text" },
      el("strong", { dir: "auto" }, name, tag ? el("span", { class: "tag tag-spark" }, tag) : null),
      el("small", { title: fullTimeOf(at) }, detail),
    ),
    end,
  );
}

export function waitingRow() {
  return el("li", { class: "results-empty" }, t("loading"));
}
