/** Runtime handlers and the flavors of stage1 behind them, one file each. */
import { GantryError } from '../../base/index.ts';
import { hostFlavor } from './host.ts';
import { namespacesFlavor } from './namespaces.ts';
import type { FlavorPlan } from './types.ts';

export type { FlavorPlan } from './types.ts';

const handlers: ReadonlyMap<string, FlavorPlan> = new Map([
  ['', namespacesFlavor],
  ['gantry', namespacesFlavor],
  ['host', hostFlavor],
]);

/** The handlers that Status announces. */
export function runtimeHandlers(): readonly string[] {
  return [...handlers.keys()];
}

/** The flavor of CRI's `runtime_handler`. Errors: invalid-argument for one that does not exist, or not yet. */
export function flavorOf(handler: string): FlavorPlan {
  const flavor = handlers.get(handler);
  if (flavor !== undefined) return flavor;
  const known = runtimeHandlers().filter((name) => name !== '');
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'choose runtime handler',
    subject: handler,
    message:
      handler === 'kvm'
        ? 'runtime handler "kvm" is not built yet: this release has no virtual machine flavor of stage1; use "gantry"'
        : `no runtime handler "${handler}" is configured; there are ${known.join(', ')} and the default`,
  });
}

/** The flavor that a pod's record names, whatever handlers there are today. Errors: unimplemented for another release's. */
export function flavorNamed(name: string): FlavorPlan {
  for (const flavor of handlers.values()) if (flavor.name === name) return flavor;
  throw new GantryError({
    code: 'unimplemented',
    operation: 'choose flavor',
    subject: name,
    message: `the pod is of flavor "${name}", which this release does not know; it runs on, and another release must add to it`,
  });
}
