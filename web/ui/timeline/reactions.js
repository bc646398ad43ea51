/** The reactions below a message. */
import { el } from "../base/element.js";
import { listOf, t } from "../base/i18n.js";
import { nameOf } from "../people/people.js";

/** Kinds of reactions that are shown below a message. */
const REACTIONS_MAX = 40;
/** People named in the tip of a reaction; the others are counted. */
const REACTED_MAX = 30;

/** @param {import("./drawing.js").Drawing} drawing */
export function reactions({ message, before, state, actions, room }) {
  const all = Object.entries(message.reactions ?? {}).filter(([, who]) => who.length > 0);
  if (!all.length) return null;
  // Everybody may add twenty kinds: the first ones are shown, and mine, which I may want to take back.
  const isMine = (/** @type {string[]} */ who) => Boolean(state.me && who.includes(state.me.uid));
  const shown = all.filter(([, who], index) => index < REACTIONS_MAX || isMine(who));
  const hidden = all.length - shown.length;
  return el(
    "div",
    { class: "reactions" },
    shown.map(([emoji, who]) => {
      const mine = isMine(who);
      const label = t("reaction_label", { emoji, n: who.length });
      const isNew = before !== null && (before.reactions?.[emoji]?.length ?? 0) < who.length;
      return el(
        "button",
        {
          type: "button",
          class: isNew ? "reaction reaction-new" : "reaction",
          "data-key": emoji,
          "aria-pressed": String(mine),
          "aria-label": label,
          title: reactedBy(state, who),
          click: () => actions.messages.react(room, message, emoji, !mine),
        },
        el("span", { class: "reaction-emoji" }, emoji),
        el("span", {}, who.length),
      );
    }),
    hidden ? el("span", { class: "reactions-more" }, t("and_more", { n: hidden })) : null,
  );
}

/**
 * @param {import("../../state/types.js").State} state
 * @param {string[]} who
 */
function reactedBy(state, who) {
  const names = who.slice(0, REACTED_MAX).map((uid) => nameOf(state, uid));
  return listOf(who.length > REACTED_MAX ? [...names, t("and_more", { n: who.length - REACTED_MAX })] : names);
}
