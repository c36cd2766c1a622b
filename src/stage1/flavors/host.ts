import type { FlavorPlan } from './types.ts';

/** rkt's *fly*: an image's file system and cgroups, and the host's namespaces for everything else. */
export const hostFlavor: FlavorPlan = {
  name: 'host',
  userNamespaces: false,
  namespaces: () => ({ ownNetwork: false, ipc: 'host', uts: 'host', pid: 'host' }),
};
