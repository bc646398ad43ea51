/** Parts of forms: choices, labelled controls, errors, and a button that works. */
import { el } from "./element.js";

/**
 * One choice of a few, side by side.
 *
 * @param {string} label
 * @param {string} name
 * @param {(readonly [string, string])[]} options
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
export function segments(label, name, options, chosen, choose) {
  return el(
    "fieldset",
    { class: "field plain" },
    el("legend", { class: "label" }, label),
    el(
      "div",
      { class: "segments" },
      options.map(([value, text]) =>
        el(
          "label",
          {},
          el("input", { type: "radio", name, value, checked: value === chosen, change: () => choose(value) }),
          text,
        ),
      ),
    ),
  );
}

/**
 * @param {string} label
 * @param {HTMLElement} control  with an id
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: control.id }, label),
    control,
    hint ? el("p", { class: "hint", id: `${control.id}-hint` }, hint) : null,
  );
}

/**
 * One of a few, in a list that opens.
 *
 * @param {string} id
 * @param {(readonly [string, string])[]} options  value and text
 * @param {string} chosen
 */
export function select(id, options, chosen) {
  return el(
    "select",
    { class: "input", id },
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );
}

/** A place for an error, which a screen reader reads at once. @param {string} [look] */
export function createAlert(look = "field-error") {
  const node = el("p", { class: look, role: "alert", hidden: true });
  return {
    node,
    /** @param {string} text  empty takes it away */
    say(text) {
      node.textContent = text;
      node.hidden = !text;
    },
  };
}

/**
 * Says what is wrong with a field, and leads there.
 *
 * @param {ReturnType<typeof createAlert>} alert
 * @param {string} text
 * @param {HTMLElement} input
 */
export function complainAbout(alert, text, input) {
  alert.say(text);
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

/**
 * Does some work with its button disabled, and shows what went wrong.
 *
 * @param {HTMLButtonElement} button
 * @param {(text: string) => void} say
 * @param {(error: { code?: string, message?: string }) => string} explain
 * @param {() => Promise<void>} work
 */
export async function busy(button, say, explain, work) {
  const spinner = el("span", { class: "spinner", "aria-hidden": "true" });
  say("");
  button.disabled = true;
  button.prepend(spinner);
  try {
    await work();
  } catch (error) {
    say(explain(/** @type {{ code?: string, message?: string }} */ (error)));
  }
  spinner.remove();
  button.disabled = false;
}
