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
export function tokensSection(store, actions) {
  const alert = createAlert();
  const list = el("ul", { class: "access-list", "aria-busy": "true" }, waitingRow());
  const made = el("div", { role: "status" });
  const label = el("input", {
    class: "input",
    id: "token-label",
    maxlength: "100",
    required: true,
    autocomplete: "off",
    placeholder: t("token_placeholder"),
    dir: "auto",
  });
  const scopes = /** @type {Scope[]} */ (store.state.me?.admin ? ["read", "write", "admin"] : ["read", "write"]);
  const scope = select(
    "token-scope",
    scopes.map((each) => [each, t(SCOPES[each])]),
    "write",
  );
  const life = select(
    "token-life",
    [
      ...LIVES_DAYS.map(
        (days) => /** @type {[string, string]} */ ([String(days * DAY_S), t("invite_days", { n: days })]),
      ),
      ["", t("token_endless")],
    ],
    String(LIFE_DAYS * DAY_S),
  );
  const submit = el("button", { type: "submit", class: "button button-primary" }, t("token_create"));

  async function draw() {
    const tokens = await listTokens();
    tokens.sort((a, b) => b.createdAt - a.createdAt);
    list.removeAttribute("aria-busy");
    fill(
      list,
      tokens.length
        ? drawEach(tokens, (token) =>
            row(
              {
                picture: "code",
                name: token.name,
                tag: t(SCOPES[token.scope]),
                at: token.createdAt,
                detail: [
                  token.expiresAt ? t("status_until", { time: dateOf(token.expiresAt) }) : t("token_endless"),
                  t("session_seen", { time: agoOf(token.seenAt) }),
                  t("token_made", { time: agoOf(token.createdAt) }),
                ].join(" · "),
                button: [t("token_revoke"), () => revokeToken(token.id)],
              },
              alert.say,
              draw,
            ),
          )
        : el("li", { class: "results-empty" }, t("no_tokens")),
    );
  }

  const sent = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const name = label.value.trim();
    if (!name) return label.focus();
    await busy(
      submit,
      alert.say,
      (error) => refusal(error, "token"),
      async () => {
        const token = await createToken({
          label: name,
          scope: /** @type {Scope} */ (scope.value),
          lifeS: life.value ? Number(life.value) : null,
        });
        label.value = "";
        const copy = el(
          "button",
          { type: "button", class: "button button-primary", click: () => void copyText(token) },
          icon("copy"),
          t("copy"),
        );
        fill(
          made,
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
        await draw();
      },
    );
  };

  draw().catch((error) => fill(list, el("li", { class: "results-empty" }, errorText(error))));
  return [
    el("p", { class: "hint" }, t("tokens_hint")),
    el(
      "form",
      { class: "settings-form", novalidate: true, submit: sent },
      field(t("token_label"), label),
      el("div", { class: "field-pair" }, field(t("token_scope"), scope), field(t("token_life"), life)),
      el("div", {}, submit),
    ),
    made,
    alert.node,
    list,
  ];
}
