import { GantryError } from '../base/index.ts';
import { ownerNamed } from '../owner/index.ts';
import type { ContainerRecord, PodReader, SandboxRecord } from '../pod/index.ts';

/*
 * What CRI shows: pods that CRI made. The kubelet kills every pod that it does not know, so those of the command line
 * are not there for it; not in lists, and not by ID. A container whose removal has begun is not there either: its exit
 * code is no longer known, and a wrong one would decide what becomes of the pod.
 */

export function visibleSandboxes(pods: PodReader): SandboxRecord[] {
  return pods.sandboxes().filter(isShown);
}

export function visibleContainers(pods: PodReader): ContainerRecord[] {
  return pods.containers().filter((container) => isVisible(pods, container));
}

/** By whole ID or unique prefix. Errors: not-found. */
export function requireVisibleSandbox(pods: PodReader, id: string): SandboxRecord {
  const sandbox = pods.requireSandbox(id);
  if (isShown(sandbox)) return sandbox;
  throw absent('pod sandbox', id);
}

/** By whole ID or unique prefix. Errors: not-found. */
export function requireVisibleContainer(pods: PodReader, id: string): ContainerRecord {
  const container = pods.requireContainer(id);
  if (isVisible(pods, container)) return container;
  throw absent('container', id);
}

/** By its owner. */
export function isShown(sandbox: SandboxRecord): boolean {
  return ownerNamed(sandbox.owner).shownByCri;
}

function isVisible(pods: PodReader, container: ContainerRecord): boolean {
  const sandbox = pods.sandbox(container.sandboxId);
  return container.state.kind !== 'removing' && (sandbox === undefined || isShown(sandbox));
}

function absent(kind: string, id: string): GantryError {
  return new GantryError({
    code: 'not-found',
    operation: `find ${kind}`,
    subject: id,
    message: `no ${kind} "${id}"`,
  });
}
