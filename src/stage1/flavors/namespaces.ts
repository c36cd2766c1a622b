import type { FlavorPlan } from './types.ts';

/** Ordinary containers: namespaces of the host's kernel. */
export const namespacesFlavor: FlavorPlan = {
  name: 'namespaces',
  ownsNetwork: (wanted) => wanted.network === 'pod',
  // A pod on the host's network keeps the host's name as well, as everywhere in Kubernetes.
  namespaces: (wanted) => ({
    ipc: wanted.ipc,
    uts: wanted.network === 'host' ? 'host' : 'pod',
    pid: wanted.pid,
  }),
};
