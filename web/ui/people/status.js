/** What the others see beside my name: whether I am here, a few words with an emoji, and until when. */
import { chosenOf, endOf, endsLater, SPANS, statusOf, statusText, statusToSend } from "../../state/people_status.js";
import { isoOf, whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { openEmojiPicker } from "../base/doors.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { toast } from "../base/toast.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Chosen} Chosen */

const WORDS_MAX = 80;
/** The last moment the server takes. */
const LAST_MOMENT = "9999-12-31T23:59";
/** @typedef {readonly [string, import("../base/i18n.js").Key, import("../../state/people_status.js").Span]} Idea */

/** The usual statuses, each with the time it usually lasts. @type {readonly Idea[]} */
const IDEAS = [
  ["📅", "status_meeting", "1h"],
  ["🍕", "status_lunch", "1h"],
  ["🎧", "status_focus", "4h"],
  ["🏠", "status_home", "today"],
  ["🌴", "status_holiday", "week"],
  ["🤒", "status_ill", "today"],
];

/** @param {Store} store @param {Actions} actions */
export function openStatus(store, actions) {
  openDialog({ title: t("status"), class: "dialog-status" }, (close) => [
    el("div", { class: "dialog-body" }, statusForm(store, actions, close)),
  ]);
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {() => void} [done]
 */
export function statusForm(store, actions, done = () => {}) {
  return new StatusForm(store.state.me, actions, done).node;
}

class StatusForm {
  #actions;
  #done;
  #emoji;
  #face = el("button", {
    type: "button",
    class: "icon-button status-emoji",
    "aria-label": t("status_emoji"),
    title: t("status_emoji"),
    "aria-haspopup": "dialog",
    click: (/** @type {MouseEvent} */ event) =>
      openEmojiPicker((emoji) => this.#pick(emoji), /** @type {Element} */ (event.currentTarget)),
  });
  #words;
  #states;
  #end;
  #alert = el("p", { class: "field-error", role: "alert" });
  #save = el("button", { type: "submit", class: "button button-primary" }, t("save"));

  /**
   * @param {import("../../state/types.js").User | null} me
   * @param {Actions} actions
   * @param {() => void} done
   */
  constructor(me, actions, done) {
    this.#actions = actions;
    this.#done = done;
    const { emoji, words, until } = me ? statusOf(me) : { emoji: "", words: "", until: null };
    this.#emoji = emoji;
    this.#words = wordsField(words);
    this.#states = stateChoice(me ? chosenOf(me) : "online");
    this.#end = endChoice(until);
    this.#showEmoji(emoji);
    this.node = this.#draw();
  }

  #draw() {
    return el(
      "form",
      {
        class: "status-form",
        novalidate: true,
        submit: (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          this.#submit();
        },
      },
      this.#states.node,
      el(
        "div",
        { class: "field" },
        el("label", { for: "status-words" }, t("status_words")),
        el("div", { class: "status-field" }, this.#face, this.#words),
      ),
      el(
        "div",
        { class: "ideas", role: "group", "aria-label": t("suggestions") },
        IDEAS.map((idea) => ideaButton(idea, () => this.#useIdea(idea))),
      ),
      this.#end.node,
      this.#alert,
      el(
        "div",
        { class: "dialog-foot dialog-foot-split" },
        el("button", { type: "button", class: "button", click: () => this.#clear() }, t("status_clear")),
        this.#save,
      ),
    );
  }

  /** @param {string} emoji */
  #showEmoji(emoji) {
    this.#emoji = emoji;
    fill(this.#face, emoji ? el("span", {}, emoji) : icon("smile"));
  }

  /** @param {string} emoji */
  #pick(emoji) {
    this.#showEmoji(emoji);
    this.#words.focus();
  }

  /** @param {Idea} idea */
  #useIdea([emoji, key, span]) {
    this.#words.value = t(key);
    this.#end.choose(span);
    this.#pick(emoji);
  }

  #clear() {
    this.#words.value = "";
    this.#showEmoji("");
    void this.#send({ state: this.#states.value(), text: "", until: null });
  }

  #submit() {
    const until = this.#end.value();
    if (!endsLater(until)) {
      this.#alert.textContent = t("status_past");
      return;
    }
    void this.#send(statusToSend(this.#states.value(), statusText(this.#emoji, this.#words.value), until));
  }

  /** @param {{ state: Chosen, text: string, until: number | null }} status */
  async #send(status) {
    this.#alert.textContent = "";
    this.#save.disabled = true;
    try {
      await this.#actions.profile.setStatus(status);
      toast(t("saved"));
      this.#done();
    } catch (error) {
      this.#alert.textContent = errorText(/** @type {{ code?: string }} */ (error));
    }
    this.#save.disabled = false;
  }
}

/** @param {string} words */
function wordsField(words) {
  return el("input", {
    class: "input",
    id: "status-words",
    maxlength: String(WORDS_MAX),
    value: words,
    placeholder: t("status_placeholder"),
    "aria-label": t("status_words"),
    autocomplete: "off",
    dir: "auto",
  });
}

/**
 * @param {Idea} idea
 * @param {() => void} use
 */
function ideaButton([emoji, key], use) {
  return el(
    "button",
    { type: "button", class: "idea", click: use },
    el("span", { "aria-hidden": "true" }, emoji),
    t(key),
  );
}

/** @param {Chosen} chosen */
function stateChoice(chosen) {
  const option = (/** @type {Chosen} */ value, /** @type {string} */ hint) =>
    el(
      "label",
      { class: "choice" },
      el("input", { type: "radio", name: "presence", value, checked: value === chosen, class: "hidden-visually" }),
      el("span", { class: "presence", "data-state": value }),
      el("span", {}, el("strong", {}, t(value)), el("span", { class: "hint" }, hint)),
    );
  const node = el(
    "fieldset",
    { class: "plain" },
    el("legend", { class: "hidden-visually" }, t("presence")),
    el(
      "div",
      { class: "choices status-choices" },
      option("online", t("online_hint")),
      option("away", t("away_hint")),
      option("dnd", t("dnd_hint")),
    ),
  );
  return {
    node,
    value: () =>
      /** @type {Chosen} */ (
        /** @type {HTMLInputElement | null} */ (node.querySelector(":checked"))?.value ?? "online"
      ),
  };
}

/**
 * The list of spans, with a field for any other moment.
 *
 * @param {number | null} until
 */
function endChoice(until) {
  const spans = /** @type {[string, string][]} */ (SPANS.map((span) => [span, t(`span_${span}`)]));
  const kept =
    until === null ? [] : /** @type {[string, string][]} */ ([["kept", t("span_kept", { time: whenOf(until) })]]);
  const list = el(
    "select",
    {
      class: "input",
      id: "status-end",
      change: () => {
        show();
        if (list.value === "custom") moment.focus();
      },
    },
    [...kept, ...spans, ["custom", t("span_custom")]].map(([value, text]) => el("option", { value }, text)),
  );
  const moment = el("input", {
    class: "input",
    type: "datetime-local",
    "aria-label": t("span_custom"),
    hidden: true,
    max: LAST_MOMENT,
    value: localMoment(endOf("1h") ?? 0),
  });
  list.value = until === null ? "never" : "kept";
  const show = () => {
    moment.hidden = list.value !== "custom";
  };
  return {
    node: el("div", { class: "field" }, el("label", { for: "status-end" }, t("status_end")), list, moment),
    /** @param {string} span */
    choose(span) {
      list.value = span;
      show();
    },
    /** @returns {number | null} */
    value() {
      if (list.value === "kept") return until;
      return list.value === "custom"
        ? new Date(moment.value).getTime()
        : endOf(/** @type {import("../../state/people_status.js").Span} */ (list.value));
    },
  };
}

/**
 * A moment as `datetime-local` writes it, where the reader is.
 *
 * @param {number} at
 */
function localMoment(at) {
  return isoOf(at - new Date(at).getTimezoneOffset() * 60_000).slice(0, 16);
}
