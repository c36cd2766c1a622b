import { posix } from 'node:path';
import { type OciLinux, type OciMount, outerMountsFirst } from '../base/index.ts';
import type { Mount } from '../cri-types/index.ts';
import { invalid } from './errors.ts';
import { ociMapping } from './namespaces.ts';
import type { HostFacts, HostLookups } from './types.ts';

export interface ContainerMounts {
  readonly mounts: OciMount[];
  /** What the root's propagation must be, so that the mounts' own can work. */
  readonly rootPropagation: NonNullable<OciLinux['rootfsPropagation']> | undefined;
}

/**
 * The container's mounts over the defaults: a default on the same destination goes, and all defaults below /dev where
 * the container brings its own /dev. All of them by depth, so that none hides another: a volume over /etc does not hide the
 * pod's hosts file.
 */
export function containerMounts(
  defaults: readonly OciMount[],
  asked: readonly Mount[],
  host: HostFacts,
  lookups: HostLookups,
): ContainerMounts {
  const taken = new Set(asked.map((mount) => posix.normalize(mount.containerPath)));
  const kept = defaults.filter(
    (m) => !taken.has(m.destination) && !(taken.has('/dev') && m.destination.startsWith('/dev/')),
  );
  const images = imageVolumeMounts(asked);
  const mounts = asked.map((mount) =>
    mount.image === undefined
      ? hostMount(mount, host, lookups)
      : imageMount(mount, images.indexOf(mount), host),
  );
  const has = (propagation: Mount['propagation']): boolean =>
    asked.some((m) => m.propagation === propagation);
  const rootPropagation = has('PROPAGATION_BIDIRECTIONAL')
    ? 'rshared'
    : has('PROPAGATION_HOST_TO_CONTAINER')
      ? 'rslave'
      : undefined;
  return { mounts: outerMountsFirst([...kept, ...mounts]), rootPropagation };
}

/** Those that show an image instead of a host path: stage1 knows an image volume by its place among them. */
export function imageVolumeMounts(mounts: readonly Mount[]): readonly Mount[] {
  return mounts.filter((mount) => mount.image !== undefined);
}

/** Programs in it may run, as containerd and CRI-O have it. There is nothing that could propagate. */
function imageMount(mount: Mount, index: number, host: HostFacts): OciMount {
  const destination = mount.containerPath;
  if (!destination.startsWith('/'))
    throw invalid(destination, `mount target '${destination}' is not an absolute path`);
  return {
    destination,
    type: 'bind',
    source: `gantry:image/${index}`,
    options: ['rbind', 'rprivate', 'ro', ...mountOptions(mount)],
    ...idMappings(mount, host),
  };
}

function hostMount(mount: Mount, host: HostFacts, lookups: HostLookups): OciMount {
  const destination = mount.containerPath;
  if (!destination.startsWith('/'))
    throw invalid(destination, `mount target '${destination}' is not an absolute path`);
  if (!mount.hostPath.startsWith('/')) {
    throw invalid(
      mount.hostPath,
      `mount source '${mount.hostPath}' for ${destination} is not an absolute path`,
    );
  }
  const source = lookups.realPath(mount.hostPath);
  if (source === undefined) {
    throw invalid(
      mount.hostPath,
      `mount source ${mount.hostPath} for ${destination} does not exist on the host`,
    );
  }
  return {
    destination,
    type: 'bind',
    source,
    options: ['rbind', propagation(mount, source, lookups), access(mount, host), ...mountOptions(mount)],
    ...idMappings(mount, host),
  };
}

function propagation(mount: Mount, source: string, lookups: HostLookups): string {
  if (mount.propagation === 'PROPAGATION_PRIVATE') return 'rprivate';
  const bidirectional = mount.propagation === 'PROPAGATION_BIDIRECTIONAL';
  const { kind, mountPoint } = lookups.propagation(source);
  if (kind === 'shared' || (kind === 'slave' && !bidirectional)) return bidirectional ? 'rshared' : 'rslave';
  const wanted = bidirectional ? 'a shared mount' : 'a shared or slave mount';
  throw invalid(
    mount.hostPath,
    `${source} lies on the mount ${mountPoint}, which is not ${wanted}; 'mount --make-rshared ${mountPoint}' makes it one`,
  );
}

/** CRI: recursive read-only needs `readonly` and private propagation, and a runtime that is able to. */
function access(mount: Mount, host: HostFacts): string {
  if (!mount.recursiveReadOnly) return mount.readonly ? 'ro' : 'rw';
  if (!mount.readonly) {
    throw invalid(
      mount.containerPath,
      `recursive_read_only without readonly (mount at ${mount.containerPath})`,
    );
  }
  if (mount.propagation !== 'PROPAGATION_PRIVATE') {
    throw invalid(
      mount.containerPath,
      `recursive_read_only needs private propagation, not ${mount.propagation} (mount at ${mount.containerPath})`,
    );
  }
  if (!host.recursiveReadOnlyMounts) {
    throw invalid(mount.containerPath, 'this kernel has no recursive read-only mounts (it takes Linux 5.12)');
  }
  return 'rro';
}

/** What the caller may add by name; anything else would reach the file system as its own option. */
const allowedOptions: ReadonlySet<string> = new Set([
  ...['noexec', 'exec', 'nosuid', 'suid', 'nodev', 'dev', 'noatime', 'atime', 'nodiratime', 'diratime'],
  ...['relatime', 'norelatime', 'strictatime', 'nostrictatime', 'nosymfollow', 'symfollow'],
]);

function mountOptions(mount: Mount): readonly string[] {
  for (const option of mount.mountOptions) {
    if (!allowedOptions.has(option)) {
      throw invalid(
        option,
        `mount option '${option}' of ${mount.containerPath} is not one of ${[...allowedOptions].join(', ')}`,
      );
    }
  }
  return mount.mountOptions;
}

function idMappings(mount: Mount, host: HostFacts): Pick<OciMount, 'uidMappings' | 'gidMappings'> {
  if (mount.uidMappings.length === 0 && mount.gidMappings.length === 0) return {};
  if (!host.idMappedMounts) {
    throw invalid(mount.containerPath, 'this kernel has no id-mapped mounts (it takes Linux 5.19)');
  }
  return { uidMappings: mount.uidMappings.map(ociMapping), gidMappings: mount.gidMappings.map(ociMapping) };
}
