import { eventually } from '../../harness/index.ts';
import { agnhostImage } from './images.ts';
import { nodeName } from './kubelet.ts';
import type { KubeletNode } from './node.ts';
import type { ContainerStatus, Pod, PodManifest } from './types.ts';

const shell = 'gantry.test/base:1';
let counter = 0;

/** A container's fields as in YAML; `name` and `image` have defaults. */
export type Container = Readonly<Record<string, unknown>>;

export interface PodShape {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Every other field of a pod's spec. */
  readonly [more: string]: unknown;
}

/**
 * A pod's manifest under a name of its own. Containers that name no image are of the shell's, pull policy IfNotPresent;
 * those that name no name are `main`. The grace period is 1 s and the restart policy Never where nothing is said.
 */
export function pod(name: string, shape: PodShape): PodManifest {
  counter += 1;
  const { metadata, containers, initContainers, ...spec } = shape;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-${counter}`, namespace: 'default', ...metadata },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      ...spec,
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withDefaults) }),
      containers: containers.map(withDefaults),
    },
  };
}

function withDefaults(container: Container): Container {
  return { name: 'main', image: shell, imagePullPolicy: 'IfNotPresent', ...container };
}

/** A shell script as a container's command. */
export function sh(text: string): { command: string[] } {
  return { command: ['sh', '-c', text] };
}

/** Runs until it is told to end, and ends at once then. */
export const forever = sh('trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done');

/** A container of agnhost's image that runs one of its commands. */
export function agnhost(...args: string[]): Container {
  return { image: agnhostImage, args };
}

/**
 * The pod as the kubelet knows it, once it is as wanted; a condition that throws, for a status that is not there yet, does
 * not hold. Throws with its last status when the time is over.
 */
export async function podWhen(
  node: KubeletNode,
  manifest: PodManifest,
  isGood: (pod: Pod) => boolean,
  seconds = 40,
): Promise<Pod> {
  const { name, namespace = 'default' } = manifest.metadata;
  const names = [name, `${name}-${nodeName}`];
  const find = async (): Promise<Pod | undefined> =>
    (await node.kubelet.api.pods()).find(
      ({ metadata }) => names.includes(metadata.name) && metadata.namespace === namespace,
    );
  const found = await eventually(find, (seen) => seen !== undefined && holds(isGood, seen), seconds).catch(
    async (error) => {
      throw new Error(`${String(error)}\nevents in the kubelet's log: ${about(node, name)}`);
    },
  );
  if (found === undefined) throw new Error('unreachable');
  return found;
}

function holds(isGood: (pod: Pod) => boolean, seen: Pod): boolean {
  try {
    return isGood(seen);
  } catch {
    return false;
  }
}

/** Of a kubelet that has ended: its last words. */
function about({ kubelet }: KubeletNode, name: string): string {
  const lines = kubelet.log.split('\n');
  const telling = kubelet.isRunning
    ? lines.filter((line) => line.includes(name) && /^E|Event/.test(line))
    : lines;
  return telling.slice(-5).join('\n');
}

/** Puts a static pod there and waits until it is as wanted; running where nothing is said. */
export async function runStatic(
  node: KubeletNode,
  manifest: PodManifest,
  isGood: (pod: Pod) => boolean = isRunning,
  seconds?: number,
): Promise<Pod> {
  node.kubelet.putStaticPod(manifest);
  return await podWhen(node, manifest, isGood, seconds);
}

/** Takes the file away, and waits until neither the kubelet nor the runtime has the pod running. */
export async function removeStatic(node: KubeletNode, manifest: PodManifest, seconds = 40): Promise<void> {
  const { name } = manifest.metadata;
  node.kubelet.removeStaticPod(name);
  await eventually(
    async () => {
      const known = (await node.kubelet.api.pods()).some(
        ({ metadata }) => metadata.name === `${name}-${nodeName}`,
      );
      const filter = { labelSelector: { 'io.kubernetes.pod.name': `${name}-${nodeName}` } };
      const { items } = await node.world.cri.call('ListPodSandbox', { filter });
      return known ? 'known' : items.filter(({ state }) => state === 'SANDBOX_READY').length;
    },
    (left) => left === 0,
    seconds,
  );
}

/** Runs a pod to its end; its last status. It stays, so that its logs can be read. */
export async function runToEnd(node: KubeletNode, manifest: PodManifest, seconds?: number): Promise<Pod> {
  return await runStatic(node, manifest, isOver, seconds);
}

export const isOver = ({ status }: Pod): boolean => status.phase === 'Succeeded' || status.phase === 'Failed';

export const isRunning = ({ status }: Pod): boolean =>
  (status.containerStatuses ?? []).length > 0 &&
  (status.containerStatuses ?? []).every(({ state }) => state.running !== undefined);

export const isReady = ({ status }: Pod): boolean =>
  (status.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');

/** A container's status, whatever kind of container it is. */
export function statusOf(found: Pod, container = 'main'): ContainerStatus {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = found.status;
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const one = all.find(({ name }) => name === container);
  if (one === undefined)
    throw new Error(`${found.metadata.name} has no status of ${container}: ${JSON.stringify(found.status)}`);
  return one;
}

/** The runtime's id: 64 hex digits. */
export function containerId(found: Pod, container = 'main'): string {
  const id = statusOf(found, container).containerID ?? '';
  return id.slice(id.indexOf('://') + 3);
}
