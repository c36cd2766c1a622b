/**
 * Which layers may go: those that no image record, no container and no pull in progress wants. Another process's pull
 * is not seen here; it notices, when it announces its image, that a layer went, and fetches it again.
 */
import type { Logger } from '../base/index.ts';
import type { LayerStore } from './layers/types.ts';
import type { LayerUsers } from './layers/users.ts';
import type { ImageStore } from './store.ts';

export interface Collector {
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly users: LayerUsers;
  /** Keys that pulls of this process count on. */
  readonly wanted: ReadonlySet<string>;
  readonly log: Logger;
}

/**
 * Under the store's lock. Returns the keys that went: none while there is a record, or a container's list of layers, that cannot
 * be read, for its layers are not known.
 */
export async function collectLayers(collector: Collector): Promise<readonly string[]> {
  const { images, layers, users, wanted, log } = collector;
  const used = users.layersInUse();
  if (used === undefined || images.hasUnknown) return [];
  const kept = new Set([...images.referencedLayers(), ...used, ...wanted]);
  const unused = layers.keys().filter((key) => !kept.has(key));
  for (const key of unused) await layers.remove(key);
  if (unused.length > 0) log.info({ layers: unused }, 'removed layers that nothing uses');
  return unused;
}

/** Records that no longer show an image go where a person can find them, and with them their claim on layers. */
export function setAsideBroken(images: ImageStore): void {
  for (const image of images.broken()) images.quarantine(image.id, 'layers are missing');
}
