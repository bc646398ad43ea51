/**
 * What goes on now: figures, the last hour, the last thirty days. Read again every few seconds while the page is
 * visible.
 */
import { readStats } from "../../calls/admin.js";
import { el, fill } from "../base/element.js";
import { sizeText } from "../base/file_words.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { Chart } from "./chart.js";
import { rate, short, span, whole } from "./numbers.js";
import { bar, known, lately, perDay, tile, UNKNOWN } from "./overview_parts.js";
import { facts } from "./parts.js";
import { loading, troubleWith } from "./table_rows.js";

/** @typedef {import("../../calls/admin.js").Stats} Stats */

const EVERY_MS = 5_000;

/** @returns {import("./parts.js").Section} */
export function createOverview() {
  const overview = new Overview();
  return { node: overview.node, tools: overview.tools, follow() {}, close: () => overview.close() };
}

class Overview {
  #health = el("p", { class: "health", role: "status" });
  #instead = el("div", { class: "table-instead" }, loading());
  #tiles = createTiles();
  #charts = createCharts();
  #people = el("div", { class: "plate" });
  #rooms = el("div", { class: "plate" });
  #dashboard = el(
    "div",
    { class: "dashboard", hidden: true },
    el(
      "div",
      { class: "tiles" },
      Object.values(this.#tiles).map((each) => each.node),
    ),
    el(
      "div",
      { class: "charts" },
      Object.values(this.#charts).map((each) => each.node),
      this.#people,
      this.#rooms,
    ),
  );
  #timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  #closed = false;
  #asking = false;
  #refreshWhenSeen = () => {
    if (!document.hidden) void this.#refresh();
  };
  node = el("div", {}, this.#instead, this.#dashboard);
  tools = [this.#health];

  constructor() {
    document.addEventListener("visibilitychange", this.#refreshWhenSeen);
    void this.#refresh();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#refreshWhenSeen);
    for (const chart of Object.values(this.#charts)) chart.close();
  }

  async #refresh() {
    clearTimeout(this.#timer);
    if (this.#closed || this.#asking || document.hidden) return;
    this.#asking = true;
    try {
      this.#show(await readStats());
    } catch (error) {
      if (!this.#closed) this.#fail(error);
    } finally {
      this.#asking = false;
      if (!this.#closed) this.#timer = setTimeout(() => this.#refresh(), EVERY_MS);
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#showHealth("bad", t("admin_no_answer"));
    if (this.#dashboard.hidden)
      fill(
        this.#instead,
        troubleWith(error, () => this.#refresh()),
      );
  }

  /**
   * @param {"good" | "bad"} tone
   * @param {string} text
   */
  #showHealth(tone, text) {
    const health = this.#health;
    if (health.textContent !== text) fill(health, icon(tone === "good" ? "check" : "alert"), text);
    health.className = `health health-${tone}`;
  }

  /** @param {Stats} stats */
  #show(stats) {
    const { now } = stats;
    const missing = [
      now.database.chat ? "" : t("admin_database_chat"),
      now.database.accounts ? "" : t("admin_database_accounts"),
    ].filter(Boolean);
    if (missing.length) this.#showHealth("bad", t("admin_database_away", { names: missing.join(", ") }));
    else if (now.directory?.state === "conflict") this.#showHealth("bad", t("admin_keys_conflict"));
    else if (now.directory?.state === "closed") this.#showHealth("bad", t("admin_keys_closed"));
    else if (now.backup?.failure) this.#showHealth("bad", t("admin_backup_failed", { reason: now.backup.failure }));
    else this.#showHealth("good", t("admin_databases_answer"));
    showTiles(this.#tiles, now);
    showCharts(this.#charts, stats);
    fill(this.#people, peopleFigures(now.users));
    fill(this.#rooms, roomFigures(now.rooms));
    fill(this.#instead);
    this.#dashboard.hidden = false;
  }
}

function createTiles() {
  return {
    online: tile("admin_online"),
    connections: tile("admin_connections"),
    memory: tile("admin_memory"),
    uptime: tile("admin_uptime"),
  };
}

function createCharts() {
  const perSecond = (/** @type {number} */ value) => t("admin_per_second", { rate: rate(value) });
  return {
    messages: new Chart({
      title: t("admin_messages"),
      kind: "area",
      tint: "chart-spark",
      show: perSecond,
      tick: short,
      least: 1,
    }),
    deliveries: new Chart({
      title: t("admin_deliveries"),
      kind: "area",
      tint: "chart-warm",
      show: perSecond,
      tick: short,
      least: 1,
    }),
    online: new Chart({
      title: t("admin_online"),
      kind: "area",
      tint: "chart-good",
      show: (value) => t("admin_people_count", { n: Math.round(value) }),
      tick: short,
      integers: true,
    }),
    newcomers: new Chart({
      title: t("admin_newcomers"),
      kind: "bars",
      tint: "chart-good",
      show: (value) => t("admin_people_count", { n: value }),
      tick: short,
      integers: true,
    }),
    days: new Chart({
      title: t("admin_messages_days"),
      kind: "bars",
      tint: "chart-spark chart-wide",
      show: (value) => t("admin_message_count", { n: value }),
      tick: short,
      integers: true,
    }),
  };
}

/**
 * @param {ReturnType<typeof createTiles>} tiles
 * @param {Stats["now"]} now
 */
function showTiles(tiles, now) {
  const { users } = now;
  tiles.online.show(known(users?.online), users ? t("admin_of_people", { n: users.active }) : "");
  tiles.connections.show(whole(now.connections), t("admin_connections_hint"));
  tiles.memory.show(now.memoryBytes === null ? UNKNOWN : sizeText(now.memoryBytes), t("admin_memory_hint"));
  tiles.uptime.show(span(now.uptimeS, "narrow"), t("admin_version", { version: now.version }));
}

/**
 * @param {ReturnType<typeof createCharts>} charts
 * @param {Stats} stats
 */
function showCharts(charts, { now, everyS, series, days }) {
  const { users } = now;
  charts.messages.show(
    lately([...series.messages, now.messagesPerS], everyS, t("admin_per_second", { rate: rate(now.messagesPerS) })),
  );
  charts.deliveries.show(
    lately(
      [...series.deliveries, now.deliveriesPerS],
      everyS,
      t("admin_per_second", { rate: rate(now.deliveriesPerS) }),
    ),
  );
  charts.online.show(lately(users ? [...series.online, users.online] : series.online, everyS, known(users?.online)));
  charts.newcomers.show(perDay(days, "users", users ? t("admin_this_week", { n: users.newWeek }) : UNKNOWN));
  charts.days.show(
    perDay(
      days,
      "messages",
      now.messagesTotal === null ? UNKNOWN : t("admin_messages_total", { n: now.messagesTotal }),
    ),
  );
}

/** @param {Stats["now"]["users"]} users */
function peopleFigures(users) {
  return [
    el("h2", {}, t("admin_people")),
    bar([
      ["good", users?.active],
      ["waiting", users?.disabled],
      ["bad", users?.removed],
    ]),
    facts([
      [t("admin_state_active"), known(users?.active)],
      [t("admin_state_disabled"), known(users?.disabled)],
      [t("admin_state_removed"), known(users?.removed)],
      [t("admin_new_week"), known(users?.newWeek)],
    ]),
  ];
}

/** @param {Stats["now"]["rooms"]} rooms */
function roomFigures(rooms) {
  return [
    el("h2", {}, t("admin_rooms")),
    bar([
      ["spark", rooms.open],
      ["warm", rooms.closed],
      ["good", rooms.direct],
      ["waiting", rooms.archived],
    ]),
    facts([
      [t("room_open"), whole(rooms.open)],
      [t("room_closed"), whole(rooms.closed)],
      [t("direct"), whole(rooms.direct)],
      [t("admin_state_archived"), whole(rooms.archived)],
      [t("admin_state_removed"), known(rooms.removed)],
    ]),
  ];
}
