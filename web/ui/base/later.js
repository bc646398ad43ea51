/**
 * Parts of the client that the first screen does not need: loaded at their first use, or ahead of it once the browser
 * has nothing else to do.
 */
import { t } from "./i18n.js";
import { toast } from "./toast.js";

/** After this long a reader is told that something comes. */
const SLOW_MS = 600;
/** How long the offer to try again stays. */
const FAILED_MS = 15_000;

/** Loads each part. @type {(() => Promise<unknown>)[]} */
const parts = [];

/**
 * A function of a module that is loaded when the function is called. If the module cannot be loaded the reader is told,
 * and may try again.
 *
 * @template {Record<string, any>} M
 * @template {keyof M & string} K
 * @param {() => Promise<M>} load
 * @param {K} name
 * @returns {(...args: Parameters<M[K]>) => void}
 */
export function later(load, name) {
  /** @type {M | null} */
  let module = null;
  let isLoading = false;
  const get = async () => (module ??= await load());
  parts.push(get);

  return function open(...args) {
    if (module) return void module[name](...args);
    if (isLoading) return;
    isLoading = true;
    const slow = setTimeout(() => toast(t("loading")), SLOW_MS);
    const again = () => toast(t("not_loaded"), { label: t("retry"), act: () => open(...args) }, FAILED_MS);
    void get()
      .then(
        (loaded) => () => loaded[name](...args),
        () => again,
      )
      .then((next) => {
        clearTimeout(slow);
        isLoading = false;
        next();
      });
  };
}

/** Loads every part, one after the other, while the browser is idle. What fails is loaded at its use. */
export async function loadAhead() {
  if (/** @type {{ connection?: { saveData?: boolean } }} */ (navigator).connection?.saveData) return;
  for (const get of parts) {
    await idle();
    await get().catch(() => {});
  }
}

function idle() {
  return new Promise((resolve) =>
    "requestIdleCallback" in window ? requestIdleCallback(resolve) : setTimeout(resolve),
  );
}
