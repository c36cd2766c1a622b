import type { Flavor, PodNamespaces } from '../manifest.ts';

/** How a pod's namespaces are arranged; `ownNetwork` false is the host's. */
export interface NamespaceChoice {
  readonly ownNetwork: boolean;
  readonly ipc: PodNamespaces['ipc'];
  readonly uts: PodNamespaces['uts'];
  readonly pid: PodNamespaces['pid'];
  /** The mapping of the pod's user namespace, a line a range (`/proc/PID/uid_map`); undefined: the host's. */
  readonly userns?: { readonly uidMap: string; readonly gidMap: string };
}

/** What sets one flavor apart when stage0 plans a pod. */
export interface FlavorPlan {
  readonly name: Flavor;
  /** Whether its pods may have a user namespace of their own, where the host can do it. */
  readonly userNamespaces: boolean;
  /** What becomes of the pod's wishes. */
  namespaces(wanted: NamespaceChoice): NamespaceChoice;
}
