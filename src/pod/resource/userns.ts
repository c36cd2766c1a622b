import { native } from '../../base/index.ts';
import { idMap } from '../plan/pod.ts';
import type { PodResource } from './types.ts';

/** The pod's user namespace, bound below the state directory; it owns the network namespace, and so comes before it. */
export const userns: PodResource = {
  async make(_host, { entry, plan }) {
    const maps = plan.namespaces.userns;
    if (maps !== undefined)
      await native().usernsCreate(entry.record.usernsPath, idMap(maps.uids), idMap(maps.gids));
  },
  async release(_host, { record }) {
    await native().usernsRemove(record.usernsPath);
  },
};
