import { deadlines } from '../../base/index.ts';
import type { PodResource } from './types.ts';

/** The pod's directory, locked before anything else is written, with the record that names all other resources. */
export const directory: PodResource = {
  releaseDeadline: deadlines.removeTree + deadlines.undo,
  make(_host, { entry }) {
    entry.holdLock(entry.directory.create());
    entry.save({});
  },
  /** The last one: with the record all memory of the pod is gone, its SELinux level is free. The lock goes with it. */
  async release(host, sandbox) {
    // Layers of containers that nobody understood: nothing of them runs any more.
    for (const id of sandbox.unknownContainers.keys()) await host.images.releaseLayers(id);
    sandbox.releaseLock();
    await sandbox.directory.remove();
  },
};
