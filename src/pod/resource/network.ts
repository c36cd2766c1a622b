import type { NetworkRecord } from '../../network/index.ts';
import { networkRequest } from '../plan/pod.ts';
import type { PodResource } from './types.ts';

/** Addresses, links, host ports: CNI's or the built-in network's. Its claim is what the network announces before its first effect. */
export const network: PodResource = {
  // The plug-ins' own deadlines come first.
  releaseDeadline: 90_000,
  async make(host, { entry, plan, signal }) {
    const announce = (announced: NetworkRecord): void =>
      entry.claimNetwork(announced, announced.kind === 'cni');
    const request = networkRequest(plan, entry.id, entry.record.netnsPath);
    // Written with the commit that follows; after a crash before it, what was announced is released.
    entry.patch({ network: await host.network.setUp(request, announce, signal) });
  },
  async release(host, { record }) {
    if (record.network !== undefined) await host.network.tearDown(record.network);
  },
};
