/** Why the server did not do something with a room, in the reader's language. */
import { errorText, t } from "./i18n.js";

/**
 * In rooms, a conflict is nearly always the last owner; the making and renaming of rooms say so themselves.
 *
 * @param {unknown} error
 */
export function refusalText(error) {
  const failure = /** @type {{ code?: string, message?: string }} */ (error);
  if (failure.code === "conflict") return t("refused_last_owner");
  if (failure.code === "forbidden") return t("refused_forbidden");
  return errorText(failure);
}

/**
 * Why somebody could not come into a room.
 *
 * @param {unknown} error
 */
export function joinRefusalText(error) {
  const failure = /** @type {{ code?: string, message?: string }} */ (error);
  return failure.code === "forbidden" ? t("refused_join") : errorText(failure);
}

/**
 * Why a room could not get this name, or come back with it.
 *
 * @param {unknown} error
 */
export function nameRefusalText(error) {
  const failure = /** @type {{ code?: string, message?: string }} */ (error);
  return failure.code === "conflict" ? t("refused_name") : refusalText(error);
}
