/** Start-up: the layers' users are those containers that live; everything else is unmounted and, if unwanted, removed. */
import { collectLayers, setAsideBroken } from './gc.ts';
import type { ImageParts } from './parts.ts';

/**
 * @param live container → its images: its own and those of its volumes.
 * @param startedAt milliseconds since the epoch: who began to use layers after it (another process's pod) is not in
 * `live`, and stays.
 */
export async function reconcileLayers(
  parts: ImageParts,
  live: ReadonlyMap<string, readonly string[]>,
  startedAt: number,
): Promise<void> {
  const { lock, users, images, mounts } = parts;
  await lock.run(() => {
    const known = new Set(users.containers());
    for (const container of known) {
      if (!live.has(container) && users.since(container) < startedAt) users.remove(container);
    }
    for (const [container, imageIds] of live) {
      if (known.has(container)) continue;
      const present = imageIds.map((id) => images.byId(id)).filter((image) => image !== undefined);
      const keys = new Set(present.flatMap(({ layers }) => layers.map(({ key }) => key)));
      if (keys.size > 0) users.add(container, [...keys]);
    }
  });
  await mounts.unmountUnused();
  await lock.run(() => {
    setAsideBroken(images);
    return collectLayers({ ...parts, wanted: parts.wanted.keys() });
  });
}
