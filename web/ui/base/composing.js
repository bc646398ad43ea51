/**
 * Whether a key belongs to an input method, which composes with it or ends its composition. Safari ends the composition
 * before the key that ends it: only the number 229 tells that Enter from one of the person.
 *
 * @param {{ isComposing: boolean, keyCode?: number }} event  of a key, or of what it typed
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}
