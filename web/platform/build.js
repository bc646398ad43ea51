/**
 * Which build of the client this page runs. Its files have an address of their own, which changes with them and is
 * therefore kept by the browser for ever.
 */

/** The address of a file of this build. @param {string} path  from the root of the client */
export function buildAddress(path) {
  return `${root()}${path}`;
}

/** The name of this build; empty if its files have no address of their own. */
export function buildId() {
  return /^\/v\/(\w+)\/$/.exec(root())?.[1] ?? "";
}

/** The folder of the module that began everything. */
function root() {
  const script = document.querySelector("script[src]")?.getAttribute("src") ?? "/";
  return script.slice(0, script.lastIndexOf("/") + 1);
}
