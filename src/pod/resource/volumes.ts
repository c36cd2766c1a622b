import { chownSync, mkdirSync } from 'node:fs';
import type { OciSpec } from '../../base/index.ts';
import { volumesIn } from '../../security/index.ts';
import type { AppVolume } from '../../stage1/index.ts';

/**
 * The directories of the volumes that the document mounts from `parent`: empty, and the container's root's. stage1 fills them from
 * the image; they go with the container's directory.
 */
export function makeVolumes(parent: string, spec: OciSpec): readonly AppVolume[] {
  const volumes = volumesIn(spec, parent);
  if (volumes.length === 0) return volumes;
  mkdirSync(parent, { mode: 0o711 });
  const [uid, gid] = [rootOf(spec.linux.uidMappings), rootOf(spec.linux.gidMappings)];
  for (const { directory } of volumes) {
    mkdirSync(directory, { mode: 0o755 });
    if (uid + gid > 0) chownSync(directory, uid, gid);
  }
  return volumes;
}

/** On the host: who is 0 in the container. */
function rootOf(mappings: OciSpec['linux']['uidMappings'] = []): number {
  return mappings.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
}
