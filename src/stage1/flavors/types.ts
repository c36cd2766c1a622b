import type { NamespaceOption } from '../../cri-types/index.ts';
import type { Flavor } from '../manifest.ts';

/** What sets one flavor apart when stage0 plans a pod: the plan asks, and nobody else looks at a flavor's name. */
export interface FlavorPlan {
  readonly name: Flavor;
  /** Whether its pods may have a user namespace of their own, where the host can do it. */
  readonly userNamespaces: boolean;
  /** The namespaces that a pod, or a container of it, gets for what it asks for. Errors: invalid-argument. */
  namespaces(asked: NamespaceOption | undefined): NamespaceOption | undefined;
}
