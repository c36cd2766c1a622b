import { mkdirSync, statSync } from 'node:fs';
import { errno, GantryError } from '../../base/index.ts';
import type { Mount } from '../../cri-types/index.ts';

/**
 * Makes a directory, root's and 0755, where a mount's host path names nothing, as containerd and CRI-O do: docs/decisions
 * 0005 says why. Idempotent; it stays when the container's creation fails, as it does with them. Errors:
 * invalid-argument, naming the mount.
 */
export function makeAbsentHostPaths(mounts: readonly Mount[]): void {
  for (const { image, hostPath, containerPath } of mounts) {
    // A path that is not absolute is refused with the document, an image volume has none.
    if (image !== undefined || !hostPath.startsWith('/')) continue;
    try {
      statSync(hostPath, { throwIfNoEntry: false }) ?? mkdirSync(hostPath, { recursive: true, mode: 0o755 });
    } catch (cause) {
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'create container',
        subject: hostPath,
        message: `mount source ${hostPath} for ${containerPath} does not exist on the host and cannot be made (${errno(cause) ?? 'unknown error'})`,
        cause,
      });
    }
  }
}
