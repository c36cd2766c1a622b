import { eventually } from '../../harness/index.ts';
import { nodeName } from './kubelet.ts';
import type { KubeletNode } from './node.ts';
import { isRunning, podWhen } from './pods.ts';
import type { Pod, PodManifest } from './types.ts';

/** Of a pod at the API server. */
export function podPath({ metadata }: Pick<PodManifest, 'metadata'>): string {
  return `/api/v1/namespaces/${metadata.namespace ?? 'default'}/pods/${metadata.name}`;
}

/** Creates a pod at the API server, bound to the node, and waits until the kubelet has it as wanted. */
export async function runBound(
  node: KubeletNode,
  manifest: PodManifest,
  isGood: (pod: Pod) => boolean = isRunning,
  seconds?: number,
): Promise<Pod> {
  const bound = { ...manifest, spec: { nodeName, ...manifest.spec } };
  const path = podPath(manifest);
  await node.controlPlane.client.create(path.slice(0, path.lastIndexOf('/')), bound);
  return await podWhen(node, manifest, isGood, seconds);
}

/** The pod as the API server has it, once it is as wanted. */
export async function storedWhen(
  node: KubeletNode,
  manifest: PodManifest,
  isGood: (pod: Pod) => boolean,
  seconds = 20,
): Promise<Pod> {
  return await eventually(() => node.controlPlane.client.get<Pod>(podPath(manifest)), isGood, seconds);
}

/** Deletes it with its own grace period, or this one, and waits until the kubelet has let it go. */
export async function deleteBound(
  node: KubeletNode,
  manifest: PodManifest,
  graceSeconds?: number,
  seconds = 30,
): Promise<void> {
  const { client } = node.controlPlane;
  await client.delete(podPath(manifest), graceSeconds);
  await eventually(
    async () => await client.find(podPath(manifest)),
    (found) => found === undefined,
    seconds,
  );
}

/** Deletes every pod of every namespace, each with its own grace period, and waits until the kubelet has let them go. */
export async function deleteAllBound(node: KubeletNode, seconds = 40): Promise<void> {
  const { client } = node.controlPlane;
  const left = async (): Promise<readonly Pod[]> =>
    (await client.get<{ items: readonly Pod[] }>('/api/v1/pods')).items;
  await Promise.all((await left()).map((found) => client.delete(podPath(found))));
  const names = async (): Promise<string[]> => (await left()).map(({ metadata }) => metadata.name);
  await eventually(names, (all) => all.length === 0, seconds);
}

export interface KubeEvent {
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly count?: number;
}

/** An event of a pod, with this reason and about this, as soon as there is one: they come a moment after the status. */
export async function eventOf(
  node: KubeletNode,
  manifest: PodManifest,
  reason: string,
  about: RegExp = /^/,
): Promise<KubeEvent> {
  const find = async (): Promise<KubeEvent | undefined> =>
    (await eventsOf(node, manifest)).find((event) => event.reason === reason && about.test(event.message));
  const found = await eventually(find, (event) => event !== undefined);
  if (found === undefined) throw new Error('unreachable');
  return found;
}

/** What the kubelet reported of a pod until now. */
export async function eventsOf(node: KubeletNode, { metadata }: PodManifest): Promise<readonly KubeEvent[]> {
  const selector = encodeURIComponent(`involvedObject.name=${metadata.name}`);
  const path = `/api/v1/namespaces/${metadata.namespace ?? 'default'}/events?fieldSelector=${selector}`;
  return (await node.controlPlane.client.get<{ items: readonly KubeEvent[] }>(path)).items;
}
