// Pictures, some of them fetched before they are asked for: the next one is there at once.

/** So many pictures are held; those used last. */
const HELD = 8;
const held = new Map();

/** The picture at an address, a promise of an `Image` that can be shown at once. */
export function pictureAt(address) {
  const known = held.get(address);
  held.delete(address);
  const found = known ?? load(address);
  held.set(address, found);
  for (const old of [...held.keys()].slice(0, Math.max(0, held.size - HELD))) held.delete(old);
  return found;
}

/** Fetch pictures one after the other; those that fail are fetched again when they are shown. */
export async function fetchAhead(addresses) {
  for (const address of addresses) await pictureAt(address).catch(() => {});
}

async function load(address) {
  const image = new Image();
  image.draggable = false;
  image.src = address;
  try {
    await image.decode();
  } catch {
    held.delete(address);
    throw new Error("This picture cannot be loaded: load the page again, or skip it.");
  }
  return image;
}
