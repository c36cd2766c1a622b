import type { Flavor, PodNamespaces } from '../manifest.ts';

/** What a pod asks for, before its flavor has had its say. */
export interface WantedNamespaces {
  readonly network: 'pod' | 'host';
  readonly ipc: 'pod' | 'host';
  readonly pid: 'pod' | 'app' | 'host';
}

/** What sets one flavor apart when stage0 plans a pod. */
export interface FlavorPlan {
  readonly name: Flavor;
  /** Whether the pod gets a network namespace of its own. */
  ownsNetwork(wanted: WantedNamespaces): boolean;
  namespaces(wanted: WantedNamespaces): Omit<PodNamespaces, 'network' | 'user'>;
}
