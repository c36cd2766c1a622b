/** Start-up: the layers' users are those containers that live; everything else is unmounted and, if unwanted, removed. */
import { collectLayers, setAsideBroken } from './gc.ts';
import type { ImageParts } from './parts.ts';

/**
 * @param live container → image.
 * @param startedAt milliseconds since the epoch: who began to use layers after it (another process's pod) is not in
 * `live`, and stays.
 */
export async function reconcileLayers(
  parts: ImageParts,
  live: ReadonlyMap<string, string>,
  startedAt: number,
): Promise<void> {
  const { lock, users, images, mounts } = parts;
  await lock.run(() => {
    const known = new Set(users.containers());
    for (const container of known) {
      if (!live.has(container) && users.since(container) < startedAt) users.remove(container);
    }
    for (const [container, imageId] of live) {
      const image = images.byId(imageId);
      if (!known.has(container) && image !== undefined)
        users.add(
          container,
          image.layers.map((layer) => layer.key),
        );
    }
  });
  await mounts.unmountUnused();
  await lock.run(() => {
    setAsideBroken(images);
    return collectLayers({ ...parts, wanted: parts.wanted.keys() });
  });
}
