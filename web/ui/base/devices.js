/** Browsers as people know them: each names itself in English, whatever its reader's language is. */
import { t } from "./i18n.js";

const NAME = /^(\w+) on (\w+)$/;
const UNKNOWN = "Browser";

/**
 * The name of a browser in the reader's language. Programs may have given themselves any other name, which stays.
 *
 * @param {string} name  as the server keeps it
 * @param {typeof t} [say]
 */
export function deviceText(name, say = t) {
  const [, browser = name, system = ""] = NAME.exec(name) ?? [];
  const known = browser === UNKNOWN ? say("device_browser") : browser;
  return system ? say("device_on", { browser: known, system }) : known;
}
