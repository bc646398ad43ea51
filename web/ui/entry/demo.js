/** The people of a demo as whom anybody may look around: one press signs in, by the way everybody takes. */
import { el } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { face } from "../people/people.js";

/** @typedef {import("../../state/types.js").Demo} Demo */
/** @typedef {import("../../state/types.js").DemoPerson} DemoPerson */

/**
 * @param {Demo} demo
 * @param {(account: { username: string, password: string }) => Promise<void>} enter
 */
export function demoPeople({ people, password }, enter) {
  const alert = el("p", { class: "form-alert", role: "alert", hidden: true });
  const buttons = people.map((person) => personButton(person, () => void go(person)));

  /** @param {DemoPerson} person */
  async function go(person) {
    alert.hidden = true;
    for (const button of buttons) button.disabled = true;
    const pressed = buttons[people.indexOf(person)];
    pressed?.classList.add("entry-person-entering");
    try {
      await enter({ username: person.username, password });
    } catch (error) {
      alert.textContent = errorText(/** @type {{ code?: string }} */ (error));
      alert.hidden = false;
    }
    for (const button of buttons) button.disabled = false;
    pressed?.classList.remove("entry-person-entering");
  }

  return el(
    "section",
    { class: "entry-demo", "aria-labelledby": "demo-title" },
    el("h2", { id: "demo-title" }, t("demo_title")),
    el("p", {}, t("demo_lead")),
    alert,
    el(
      "ul",
      { class: "entry-people" },
      buttons.map((button) => el("li", {}, button)),
    ),
    el("p", { class: "entry-or" }, t("demo_or")),
  );
}

/**
 * @param {DemoPerson} person
 * @param {() => void} click
 */
function personButton({ uid, name, avatar, admin }, click) {
  return el(
    "button",
    { type: "button", class: "entry-person", click },
    face({ uid, name, avatar }),
    el("strong", { dir: "auto" }, name),
    admin ? el("small", {}, t("demo_admin")) : null,
  );
}
