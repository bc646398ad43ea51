/**
 * What has to be said about an encrypted chat above its messages: somebody to let back in, somebody who waits, a key
 * that is on its way, a server that shows different people different things. There is nothing while all is well.
 */
import { downloadText } from "../base/download.js";
import { timeOf } from "../base/dates.js";
import { ask } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";
import { nameOf, namesOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../../state/types.js").EncryptedPerson} EncryptedPerson */
/** @typedef {{ text: string, isBad?: boolean, button?: { label: string, act: () => void } }} Card */

/** The offer to let somebody back in elsewhere stays for so long. */
const OFFERED_MS = 15_000;

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @returns {import("../base/view.js").View}
 */
export function createEncryptionCards(store, actions, id) {
  const node = el("div", { class: "encryption-cards", role: "status", hidden: true });
  let drawn = "";

  /** @param {EncryptedPerson} person */
  async function letIn(person) {
    const name = nameOf(store.state, person.uid);
    const question = { title: t("let_in_question", { name }), text: t("let_in_text", { name }) };
    if (!(await ask({ ...question, confirm: t("let_back_in", { name }) }))) return;
    try {
      const { others } = await actions.encrypted.letIn(id, person.uid);
      const everywhere = () =>
        void actions.encrypted.letInEverywhere(person.uid).catch((error) => toast(errorText(error)));
      const offer = others.length ? { label: t("let_in_others", { n: others.length }), act: everywhere } : undefined;
      toast(t("let_in_done", { name }), offer, offer ? OFFERED_MS : undefined);
    } catch (error) {
      toast(errorText(/** @type {{ code?: string }} */ (error)));
    }
  }

  const saveEvidence = async () => {
    try {
      const text = await actions.encrypted.evidence(id);
      if (text) downloadText("impulse-evidence.json", text);
    } catch (error) {
      toast(errorText(/** @type {{ code?: string }} */ (error)));
    }
  };

  return {
    node,
    update(state) {
      const encrypted = state.encrypted.get(id);
      const cards = encrypted ? cardsOf(state, encrypted, { letIn, saveEvidence }) : [];
      const next = JSON.stringify(cards.map(({ text }) => text));
      if (next === drawn) return;
      drawn = next;
      node.hidden = !cards.length;
      fill(node, cards.map(draw));
    },
  };
}

/** @param {Card} card */
function draw({ text, isBad, button }) {
  return el(
    "div",
    { class: isBad ? "encryption-card encryption-card-bad" : "encryption-card" },
    icon(isBad ? "alert" : "shield"),
    el("span", { dir: "auto" }, text),
    button ? el("button", { type: "button", class: "button button-small", click: button.act }, button.label) : null,
  );
}

/**
 * @param {State} state
 * @param {EncryptedRoom} encrypted
 * @param {{ letIn: (person: EncryptedPerson) => void, saveEvidence: () => void }} acts
 * @returns {Card[]}
 */
function cardsOf(state, encrypted, acts) {
  const condition = conditionCard(state, encrypted, acts.saveEvidence);
  const people = encrypted.people.flatMap((person) => personCard(state, encrypted, person, acts.letIn) ?? []);
  const { badKey } = encrypted;
  const bad = badKey ? [{ text: t("bad_key_card", { name: nameOf(state, badKey.by), time: timeOf(badKey.at) }) }] : [];
  return [...(condition ? [condition] : []), ...people, ...bad];
}

/**
 * @param {State} state
 * @param {EncryptedRoom} encrypted
 * @param {() => void} saveEvidence
 * @returns {Card | null}
 */
function conditionCard(state, encrypted, saveEvidence) {
  const save = encrypted.fork ? { button: { label: t("save_evidence"), act: saveEvidence } } : {};
  switch (encrypted.condition) {
    case "forked":
      return { text: t("fork_card"), isBad: true, ...save };
    case "directory_stopped":
      return stoppedCard(state.keys.alarms);
    case "named_plain":
      return { text: t("named_plain_card"), isBad: true };
    case "older_log":
      return { text: t("older_log_card") };
    case "getting_key":
      return { text: t("getting_key") };
    case "joined_alone":
      return { text: t("joined_alone") };
    case "waiting":
      return { text: t("waiting_for", { names: namesOf(state, othersOf(state, encrypted)) }) };
    default:
      return null;
  }
}

/**
 * Why nothing encrypted is sent at all, as far as nothing else says it: the list of keys has its own words above.
 *
 * @param {import("../../state/keys_state.js").Alarm[]} alarms
 * @returns {Card | null}
 */
function stoppedCard(alarms) {
  for (const { kind } of alarms)
    if (kind === "my_name" || kind === "own_keys" || kind === "own_reset")
      return { text: t(`alarm_${kind}`), isBad: true };
  return null;
}

/** Who could let me back in. @param {State} state @param {EncryptedRoom} encrypted */
function othersOf(state, { people }) {
  return people
    .filter(({ uid, isReset, isShut }) => uid !== state.me?.uid && !isReset && !isShut)
    .map(({ uid }) => uid);
}

/**
 * @param {State} state
 * @param {EncryptedRoom} encrypted
 * @param {EncryptedPerson} person
 * @param {(person: EncryptedPerson) => void} letIn
 * @returns {Card | null}
 */
function personCard(state, { toApprove }, person, letIn) {
  const name = nameOf(state, person.uid);
  if (person.warning === "impostor") return { text: t("impostor_card", { name }), isBad: true };
  if (person.warning === "old_key") return { text: t("old_key_card", { name }), isBad: true };
  if (!toApprove.includes(person.uid)) return null;
  const wasVerified = person.verifiedAt !== null;
  return {
    text: t(wasVerified ? "reset_card_verified" : "reset_card", { name }),
    isBad: wasVerified,
    button: { label: t("let_back_in", { name }), act: () => letIn(person) },
  };
}
