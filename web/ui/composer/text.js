/** What the composer does with a text, apart from any field on a screen. */

const CALLED = /(?<![\p{L}\p{N}])@([\p{L}\p{N}_.-]{1,64})/gu;

/**
 * The people whom a text mentions by `@name`.
 *
 * @param {Iterable<{ uid: string, username: string, removed?: boolean }>} users
 * @param {string} text
 * @returns {string[]} their uids
 */
export function mentionsIn(users, text) {
  const called = new Set(
    [...text.matchAll(CALLED)].flatMap(([, name = ""]) => {
      const whole = name.toLocaleLowerCase();
      return [whole, whole.replace(/[.\-_]+$/, "")];
    }),
  );
  return [...users]
    .filter((user) => !user.removed && called.has(user.username.toLocaleLowerCase()))
    .map((user) => user.uid);
}

/**
 * Puts a mark around the selection, or takes it away.
 *
 * @param {HTMLTextAreaElement} field
 * @param {string} mark
 */
export function toggleMark(field, mark) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const inside = value.slice(start, end);
  const marked = value.slice(start - mark.length, start) === mark && value.slice(end, end + mark.length) === mark;
  if (marked) {
    field.setRangeText(inside, start - mark.length, end + mark.length, "preserve");
    field.setSelectionRange(start - mark.length, end - mark.length);
  } else {
    field.setRangeText(mark + inside + mark, start, end, "preserve");
    field.setSelectionRange(start + mark.length, end + mark.length);
  }
}

/**
 * My last message that can be edited.
 *
 * @param {import("../../state/types.js").Message[]} messages
 * @param {string | undefined} me
 * @param {(mid: string) => boolean} isPendingDelete
 */
export function lastEditable(messages, me, isPendingDelete) {
  return messages.findLast(
    (message) =>
      message.by === me &&
      message.kind === "msg" &&
      !message.unreadable &&
      message.status === "sent" &&
      !isPendingDelete(message.mid),
  );
}
