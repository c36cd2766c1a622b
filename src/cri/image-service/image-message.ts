import type { ImageInit } from '../../cri-types/index.ts';
import type { ImageRecord } from '../../image/index.ts';
import type { PodReader } from '../../pod/index.ts';
import { isShown } from '../visible.ts';

/**
 * An image as CRI shows it. The user is a number or a name, never both, and without its group.
 *
 * @param isPinned by somebody else than its own record
 */
export function toImage(image: ImageRecord, isPinned: boolean): ImageInit {
  const user = image.config.user.split(':')[0] ?? '';
  const uid = /^[0-9]{1,18}$/.test(user) ? BigInt(user) : undefined;
  return {
    id: image.id,
    repoTags: image.repoTags,
    repoDigests: image.repoDigests,
    size: image.size,
    ...(uid === undefined ? { username: user } : { uid: { value: uid } }),
    pinned: image.pinned || isPinned,
  };
}

/** Images of pods that CRI does not show (the command line's): the kubelet does not see those pods, and must not remove their images. */
export function imagesOfForeignPods(pods: PodReader): ReadonlySet<string> {
  const foreign = pods
    .sandboxes()
    .filter((sandbox) => !isShown(sandbox))
    .flatMap(({ id }) => pods.containersOf(id));
  return new Set(foreign.flatMap(({ imageId, volumeImageIds = [] }) => [imageId, ...volumeImageIds]));
}
