/** Volumes that an image declares (`VOLUME`): a directory of the container's own at each, as containerd's CRI plug-in has it. */
import { posix } from 'node:path';
import type { OciMount, OciSpec } from '../base/index.ts';
import type { Mount } from '../cri-types/index.ts';
import type { ImageConfig } from '../image/index.ts';

/** What the kernel shows there is nobody's to replace by an empty directory (images of systemd declare /sys/fs/cgroup). */
const kernels = ['/proc', '/sys', '/dev'];

/**
 * Mounts of the directories `<directory>/<n>`, writable on a read-only root too. A place that the container mounts itself is not
 * among them. `directory` '' is for none. Pure.
 */
export function declaredVolumes(
  image: ImageConfig,
  asked: readonly Mount[],
  directory: string,
): readonly OciMount[] {
  if (directory === '') return [];
  const taken = new Set(asked.map(({ containerPath }) => clean(containerPath)));
  const places = new Set(image.volumes.map(clean));
  return [...places]
    .filter((place) => place !== '/' && !taken.has(place))
    .filter((place) => !kernels.some((own) => place === own || place.startsWith(`${own}/`)))
    .map((destination, index) => ({
      destination,
      type: 'bind',
      source: posix.join(directory, String(index)),
      options: ['rbind', 'rprivate', 'rw'],
    }));
}

/** Those of a document that plug-ins may have changed. */
export function volumesIn(
  spec: OciSpec,
  directory: string,
): readonly { readonly directory: string; readonly destination: string }[] {
  if (directory === '') return [];
  return spec.mounts.flatMap(({ source = '', destination }) =>
    posix.dirname(source) === directory ? [{ directory: source, destination }] : [],
  );
}

/** Relative ones are the root's. */
function clean(path: string): string {
  const normal = posix.normalize(`/${path}`);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
