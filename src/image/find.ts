/** From what people write to an image: an ID, whole or a unique beginning of it, or a reference. */
import { formatReference, parseReference } from './reference.ts';
import type { ImageStore } from './store.ts';
import type { ImageRecord } from './types.ts';

export function findImage(images: ImageStore, reference: string): ImageRecord | undefined {
  const hex = reference.replace(/^sha256:/, '');
  if (/^[0-9a-f]{64}$/.test(hex)) return images.byId(`sha256:${hex}`);
  // A name comes first: `deadbeef` may be one, and then it is meant.
  return findByName(images, reference) ?? findByPrefix(images, hex);
}

function findByName(images: ImageStore, reference: string): ImageRecord | undefined {
  try {
    return images.byName(formatReference(parseReference(reference)));
  } catch {
    return undefined;
  }
}

function findByPrefix(images: ImageStore, hex: string): ImageRecord | undefined {
  if (!/^[0-9a-f]{1,63}$/.test(hex)) return undefined;
  const matches = images.list().filter((image) => image.id.startsWith(`sha256:${hex}`));
  return matches.length === 1 ? matches[0] : undefined;
}
