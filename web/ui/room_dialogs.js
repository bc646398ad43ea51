/** Dialogs about rooms: make one, find one to join, start a direct one, see and change who is in one. */
import { ask, openDialog } from "./dialog.js";
import { el, fill } from "./element.js";
import { errorText, t } from "./i18n.js";
import { icon } from "./icons.js";
import { levelOf, setLevel } from "./notify.js";
import { avatar, nameOf, presenceOf, presenceText, roomName, tintOf } from "./people.js";
import { roomPath } from "./routes.js";
import { segments } from "./settings.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").User} User */

/** Typing settles this long before the server is asked. */
const SEARCH_MS = 200;

/** @param {Context} context */
export function openCreate(context) {
  openDialog({ title: t("new_room") }, (close) => {
    const alert = el("p", { class: "field-error", role: "alert" });
    const name = el("input", { class: "input", id: "room-name", maxlength: "80", required: true, autocomplete: "off", dir: "auto", autofocus: true });
    const topic = el("input", { class: "input", id: "room-topic", maxlength: "250", autocomplete: "off", dir: "auto", placeholder: t("room_topic_hint") });
    const kinds = choice("kind", [["open", t("room_open"), t("room_open_hint")], ["closed", t("room_closed"), t("room_closed_hint")]]);
    const submit = el("button", { type: "submit", class: "button button-primary" }, t("create_room"));
    const sent = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (!name.value.trim()) return name.focus();
      submit.disabled = true;
      const kind = /** @type {HTMLInputElement | null} */ (kinds.querySelector(":checked"))?.value === "closed" ? "closed" : "open";
      try {
        const id = await context.actions.createRoom({ name: name.value.trim(), topic: topic.value.trim(), kind });
        close();
        context.go(roomPath(id));
        context.composer.focus();
      } catch (error) {
        alert.textContent = errorText(/** @type {{ code?: string }} */ (error));
        submit.disabled = false;
      }
    };
    return [el("form", { class: "dialog-body", submit: sent, novalidate: true },
      el("div", { class: "field" }, el("label", { for: "room-name" }, t("room_name")), name),
      el("div", { class: "field" }, el("label", { for: "room-topic" }, t("room_topic")), topic),
      el("fieldset", { class: "field plain" }, el("legend", { class: "label" }, t("room_kind")), kinds),
      alert,
      el("div", { class: "dialog-foot" }, el("button", { type: "button", class: "button", click: close }, t("cancel")), submit))];
  });
}

/** @param {Context} context */
export function openBrowse(context) {
  openDialog({ title: t("browse_rooms") }, (close) => {
    const list = el("ul", {}, el("li", { class: "results-empty" }, t("loading")));
    void context.actions.discoverRooms().then((rooms) => {
      if (!rooms.length) return fill(list, el("li", { class: "results-empty" }, t("nothing_to_join")));
      fill(list, rooms.map((room) => {
        const joined = context.store.state.rooms.has(room.id);
        const enter = async () => {
          if (!joined) await context.actions.joinRoom(room.id);
          close();
          context.go(roomPath(room.id));
        };
        return el("li", { class: "option" },
          el("span", { class: `room-tile ${tintOf("room" + room.id)}` }, icon("hash")),
          el("span", { class: "option-text" }, el("strong", { dir: "auto" }, room.name), el("small", { dir: "auto" }, room.topic ?? "")),
          el("button", { type: "button", class: joined ? "button button-small" : "button button-small button-primary", "aria-label": `${t(joined ? "open_room" : "join_room")}: ${room.name}`, click: enter }, t(joined ? "open_room" : "join_room")));
      }));
    }, (error) => fill(list, el("li", { class: "results-empty" }, errorText(error))));
    return [el("div", { class: "results" }, list)];
  });
}

/** @param {Context} context */
export function openNewDirect(context) {
  openDialog({ title: t("new_message_to") }, (close) => [
    peopleSearch(context, () => true, async (user) => {
      const id = await context.actions.directRoom(user.uid);
      close();
      context.go(roomPath(id));
      context.composer.focus();
    }, () => t("open_room")),
  ]);
}

/**
 * @param {Context} context
 * @param {string} id
 */
export function openRoomDetails(context, id) {
  const { state } = context.store;
  const room = state.rooms.get(id);
  if (!room) return;
  openDialog({ title: roomName(state, room) }, (close) => {
    const list = el("ul", {}, el("li", { class: "results-empty" }, t("loading")));
    const heading = el("h3", { class: "hint" }, t("members"));
    const draw = async () => {
      const members = await context.actions.members(id);
      const now = context.store.state;
      heading.textContent = t("member_count", { n: members.length });
      fill(list, [...members].sort((a, b) => nameOf(now, a.uid).localeCompare(nameOf(now, b.uid))).map(({ uid }) => memberRow(context, uid)));
    };
    void draw().catch((error) => fill(list, el("li", { class: "results-empty" }, errorText(error))));
    const add = () => openDialog({ title: t("add_people") }, () => [
      peopleSearch(context, (user) => !context.store.state.rooms.get(id)?.members?.includes(user.uid), async (user) => {
        await context.actions.addMember(id, user.uid);
        await draw();
      }, () => t("add_member")),
    ]);
    const leave = async () => {
      const question = t(room.kind === "open" ? "leave_question" : "leave_question_closed", { room: roomName(state, room) });
      if (!(await ask({ title: t("leave_room"), text: question, confirm: t("leave_room"), danger: true }))) return;
      close();
      await context.actions.leaveRoom(id);
      context.go("/", true);
    };
    return [el("div", { class: "dialog-body" },
      room.topic ? el("p", { dir: "auto" }, room.topic) : null,
      segments(t("notify"), "notify", [["all", t("notify_all")], ["mentions", t("notify_mentions")], ["none", t("notify_none")]], levelOf(room),
        (value) => void setLevel(room, /** @type {import("./notify.js").Level} */ (value))),
      heading, el("div", { class: "member-list" }, list),
      room.kind === "dm" ? null : el("div", { class: "dialog-foot dialog-foot-split" },
        el("button", { type: "button", class: "button", click: leave }, icon("leave"), t("leave_room")),
        el("button", { type: "button", class: "button button-primary", click: add }, icon("plus"), t("add_people"))))];
  });
}

/**
 * @param {Context} context
 * @param {string} uid
 */
function memberRow(context, uid) {
  const { state } = context.store;
  const name = nameOf(state, uid);
  const user = state.users.get(uid);
  const presence = presenceOf(state, uid);
  return el("li", { class: "option option-still" }, avatar(state, uid, { size: "small", presence, opens: true }),
    el("span", { class: "option-text" },
      el("button", { type: "button", class: "name-button", dir: "auto", "data-person": uid }, name, uid === state.me?.uid ? ` (${t("you")})` : ""),
      el("small", { dir: "auto" }, user?.text || (user ? `@${user.username}` : ""))),
    el("small", {}, presenceText(presence)));
}

/**
 * A field, and the people the server finds for it, each with one button.
 *
 * @param {Context} context
 * @param {(user: User) => boolean} wanted
 * @param {(user: User) => Promise<void>} choose
 * @param {() => string} label
 */
function peopleSearch(context, wanted, choose, label) {
  const list = el("ul", { class: "results" });
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  let asked = 0;

  async function search() {
    const mine = (asked += 1);
    const found = await context.actions.searchUsers(input.value.trim()).catch(() => /** @type {User[]} */ ([]));
    if (mine !== asked) return;
    const users = found.filter((user) => user.uid !== context.store.state.me?.uid && wanted(user));
    fill(list, users.length ? users.map(row) : el("li", { class: "results-empty" }, t("no_match")));
  }

  /** @param {User} user */
  function row(user) {
    const name = user.displayName || user.username;
    const button = el("button", {
      type: "button", class: "button button-small button-primary", "aria-label": `${label()}: ${name}`,
      click: async () => {
        button.disabled = true;
        try {
          await choose(user);
          fill(button, icon("check"));
        } catch (error) {
          button.disabled = false;
          context.toast(errorText(/** @type {{ code?: string }} */ (error)));
        }
      },
    }, label());
    return el("li", { class: "option option-still" }, avatar(context.store.state, user.uid, { size: "small", presence: user.state ?? "offline" }),
      el("span", { class: "option-text" }, el("strong", { dir: "auto" }, name), el("small", {}, `@${user.username}`)), button);
  }

  const input = el("input", {
    class: "input", type: "search", "aria-label": t("find_people"), placeholder: t("find_people"), autocomplete: "off", spellcheck: "false", autofocus: true,
    input: () => { clearTimeout(timer); timer = setTimeout(search, SEARCH_MS); },
  });
  void search();
  return el("div", { class: "people-search" }, el("div", { class: "search-field" }, input), list);
}

/**
 * @param {string} name
 * @param {[string, string, string][]} options
 */
function choice(name, options) {
  return el("div", { class: "choices" }, options.map(([value, label, hint], index) => el("label", { class: "choice" },
    el("input", { type: "radio", name, value, checked: index === 0 }),
    el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)))));
}
