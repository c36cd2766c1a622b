import { GantryError } from '../../base/index.ts';
import type { FlavorPlan } from './types.ts';

/**
 * rkt's *fly*: an image's file system, a cgroup and a log of its own, and the host's namespaces for everything else, whatever the
 * pod asks for; but a user namespace, which it would rely on, is refused.
 */
export const hostFlavor: FlavorPlan = {
  name: 'host',
  userNamespaces: false,
  namespaces(asked) {
    if (asked?.usernsOptions?.mode === 'POD') {
      throw new GantryError({
        code: 'invalid-argument',
        operation: 'plan pod',
        subject: 'userns_options',
        message: 'runtime handler "host" has no user namespaces; use another handler, or hostUsers: true',
      });
    }
    return { network: 'NODE', pid: 'NODE', ipc: 'NODE', targetId: '' };
  },
};
