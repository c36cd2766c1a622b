import { dirname } from 'node:path';
import { native } from '../../base/index.ts';
import type { PodResource } from './types.ts';

/** The pod's network namespace, bound where any process of the host can open it. It outlives stage1, and the network's end. */
export const netns: PodResource = {
  async make(_host, { entry: { record } }) {
    const { netnsPath, usernsPath } = record;
    // Nobody else makes it: not the distribution, and after a boot it is gone.
    await native().netnsDirectory(dirname(netnsPath));
    await (usernsPath === '' ? native().netnsCreate(netnsPath) : native().netnsCreate(netnsPath, usernsPath));
  },
  async release(_host, { record }) {
    await native().netnsRemove(record.netnsPath);
  },
};
