/**
 * @param {string} text
 * @returns {Promise<boolean>} whether the browser let it
 */
export async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
