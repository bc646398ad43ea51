/** Settings: the tokens of my programs. */
import { createToken, listTokens, revokeToken } from "../../calls/account.js";
import { copyText } from "../base/clipboard.js";
import { agoOf, dateOf } from "../base/dates.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert, field, select } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { refusal } from "../base/refusals.js";
import { row, waitingRow } from "./access_row.js";

/** @typedef {import("../../state/types.js").Scope} Scope */

const DAY_S = 24 * 3_600;

/** Days a new token may be good; the empty one is without an end. */
const LIVES_DAYS = [7, 30, 90, 365];

const LIFE_DAYS = 90;

/** @type {Record<Scope, import("../base/i18n.js").Key>} */
const SCOPES = { read: "token_scope_read", write: "token_scope_write", admin: "token_scope_admin" };

/** @type {import("./section.js").Section} */
export function tokensSection(store) {
  return new Tokens(scopesFor(store.state.me)).parts();
}

/**
 * What a token may be good for: no more than its owner may do.
 *
 * @param {Pick<import("../../state/types.js").User, "admin"> | null} me
 * @returns {Scope[]}
 */
export function scopesFor(me) {
  return me?.admin ? ["read", "write", "admin"] : ["read", "write"];
}

class Tokens {
  #alert = createAlert();
  #list = el("ul", { class: "access-list", "aria-busy": "true" }, waitingRow());
  #made = el("div", { role: "status" });
  #label = el("input", {
    class: "input",
    id: "token-label",
    maxlength: "100",
    required: true,
    autocomplete: "off",
    placeholder: t("token_placeholder"),
    dir: "auto",
  });
  #scope;
  #life = select(
    "token-life",
    [
      ...LIVES_DAYS.map(
        (days) => /** @type {[string, string]} */ ([String(days * DAY_S), t("invite_days", { n: days })]),
      ),
      ["", t("token_endless")],
    ],
    String(LIFE_DAYS * DAY_S),
  );
  #submit = el("button", { type: "submit", class: "button button-primary" }, t("token_create"));

  /** @param {Scope[]} scopes */
  constructor(scopes) {
    this.#scope = select(
      "token-scope",
      scopes.map((each) => [each, t(SCOPES[each])]),
      "write",
    );
    this.#draw().catch((error) => fill(this.#list, el("li", { class: "results-empty" }, errorText(error))));
  }

  parts() {
    return [
      el("p", { class: "hint" }, t("tokens_hint")),
      el(
        "form",
        {
          class: "settings-form",
          novalidate: true,
          submit: (/** @type {SubmitEvent} */ event) => this.#send(event),
        },
        field(t("token_label"), this.#label),
        el("div", { class: "field-pair" }, field(t("token_scope"), this.#scope), field(t("token_life"), this.#life)),
        el("div", {}, this.#submit),
      ),
      this.#made,
      this.#alert.node,
      this.#list,
    ];
  }

  async #draw() {
    const tokens = await listTokens();
    tokens.sort((a, b) => b.createdAt - a.createdAt);
    this.#list.removeAttribute("aria-busy");
    fill(
      this.#list,
      tokens.length
        ? drawEach(tokens, (token) => tokenRow(token, this.#alert.say, () => this.#draw()))
        : el("li", { class: "results-empty" }, t("no_tokens")),
    );
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    event.preventDefault();
    const label = this.#label.value.trim();
    if (!label) return this.#label.focus();
    await busy(
      this.#submit,
      this.#alert.say,
      (error) => refusal(error, "token"),
      () => this.#create(label),
    );
  }

  /** @param {string} label */
  async #create(label) {
    const token = await createToken({
      label,
      scope: /** @type {Scope} */ (this.#scope.value),
      lifeS: this.#life.value ? Number(this.#life.value) : null,
    });
    this.#label.value = "";
    this.#showNew(token);
    await this.#draw();
  }

  /** @param {string} token */
  #showNew(token) {
    const copy = el(
      "button",
      { type: "button", class: "button button-soft", click: () => void copyText(token) },
      icon("copy"),
      t("copy"),
    );
    fill(
      this.#made,
      el(
        "div",
        { class: "token-new" },
        el("p", {}, el("strong", {}, t("token_once")), " ", t("token_once_hint")),
        el(
          "div",
          { class: "field-row" },
          el("code", { class: "token", tabindex: "0", "aria-label": t("token") }, token),
          copy,
        ),
      ),
    );
    copy.focus();
  }
}

/**
 * @param {Awaited<ReturnType<typeof listTokens>>[number]} token
 * @param {(text: string) => void} say
 * @param {() => Promise<void>} draw
 */
function tokenRow(token, say, draw) {
  const detail = [
    token.expiresAt ? t("status_until", { time: dateOf(token.expiresAt) }) : t("token_endless"),
    t("session_seen", { time: agoOf(token.seenAt) }),
    t("token_made", { time: agoOf(token.createdAt) }),
  ].join(" · ");
  return row(
    {
      picture: "code",
      name: token.name,
      tag: t(SCOPES[token.scope]),
      at: token.createdAt,
      detail,
      button: [t("token_revoke"), () => revokeToken(token.id)],
    },
    say,
    draw,
  );
}
