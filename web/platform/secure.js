/**
 * Whether this browser offers WebCrypto on this page, which passwords are turned into keys with. It does so over https
 * and on localhost only.
 */
export function hasWebCrypto() {
  return Boolean(globalThis.crypto?.subtle);
}
