/** What the browser can tell of a picture before it is sent. */

/** Larger pictures are not decoded here: a file of this size may be a picture of very many pixels. */
const LOOKED_AT_MAX = 40 * 1024 * 1024;

/**
 * Whether the browser may show what a file claims to be as a picture. Drawings in SVG are programs, too, and are not.
 *
 * @param {{ type: string, size: number }} file
 */
export function mayBePicture({ type, size }) {
  return type.startsWith("image/") && !type.includes("svg") && size <= LOOKED_AT_MAX;
}

/**
 * How large a picture is as it is shown, turned as its camera said; null if it is none that the browser knows.
 *
 * @param {string} address  of its bytes
 * @returns {Promise<{ width: number, height: number } | null>}
 */
export async function measurePicture(address) {
  if (!("Image" in globalThis)) return null;
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
    return image.naturalWidth > 0 ? { width: image.naturalWidth, height: image.naturalHeight } : null;
  } catch {
    return null;
  }
}
