import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { version } from '../../src/base/index.ts';
import { eventually, shellImage } from '../harness/index.ts';
import {
  agnhostImage,
  deleteAllBound,
  deleteBound,
  eventOf,
  forever,
  KubeletNode,
  limitsOfPod,
  nodeIp,
  nodeName,
  pod,
  runBound,
} from './harness/index.ts';

interface NodeStatus {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly conditions: readonly { type: string; status: string; reason: string }[];
  readonly addresses: readonly { type: string; address: string }[];
  readonly images: readonly { names: readonly string[]; sizeBytes: number }[];
  readonly nodeInfo: Readonly<Record<string, string>>;
  readonly runtimeHandlers: readonly { name: string; features: Record<string, boolean> }[];
  readonly features: Readonly<Record<string, boolean>>;
}

const runtimeClasses = '/apis/node.k8s.io/v1/runtimeclasses';

let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 191, controlPlane: true });
  const { client } = node.controlPlane;
  const overhead = { podFixed: { memory: '16Mi', cpu: '10m' } };
  for (const handler of ['gantry', 'host', 'nobody']) {
    const extra = handler === 'gantry' ? { overhead } : {};
    await client.create(runtimeClasses, { metadata: { name: `class-${handler}` }, handler, ...extra });
  }
});
afterAll(async () => await node?.dispose());

/** Of the module that the kubelet is built from. */
function builtVersion(): string {
  const modules = readFileSync(new URL('go.mod', import.meta.url), 'utf8');
  return /^\s*k8s\.io\/kubernetes (v\S+)$/m.exec(modules)?.[1] ?? 'no version in go.mod';
}

async function nodeStatus(): Promise<NodeStatus> {
  return (await node.controlPlane.client.get<{ status: NodeStatus }>(`/api/v1/nodes/${nodeName}`)).status;
}

test('the node says what it is, what it has and what its runtime can do', async () => {
  const status = await eventually(nodeStatus, ({ images }) => (images ?? []).length >= 2);
  expect(status.nodeInfo).toMatchObject({
    containerRuntimeVersion: `gantry://${version}`,
    kubeletVersion: builtVersion(),
    kernelVersion: release(),
    operatingSystem: 'linux',
    bootID: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  });
  const memory = /MemTotal: +(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  expect(status.capacity).toMatchObject({ cpu: String(cpus().length), memory: `${memory}Ki`, pods: '110' });
  expect(Number(status.allocatable['ephemeral-storage'])).toBeGreaterThan(0);
  expect(status.addresses).toContainEqual({ type: 'InternalIP', address: nodeIp });
  const conditions = status.conditions.map(({ type, status: value }) => `${type} ${value}`);
  expect(conditions.sort()).toEqual([
    'DiskPressure False',
    'MemoryPressure False',
    'PIDPressure False',
    'Ready True',
  ]);
  const names = status.images.flatMap((image) => image.names);
  expect(names).toEqual(expect.arrayContaining([shellImage, agnhostImage]));
  for (const { sizeBytes } of status.images) expect(sizeBytes).toBeGreaterThan(100_000);
});

test('the features that the runtime declares are those that its pods get', async () => {
  const { runtimeHandlers, features } = await nodeStatus();
  const handlers = new Map(runtimeHandlers.map(({ name, features: can }) => [name, can]));
  for (const name of ['', 'gantry'])
    expect(handlers.get(name)).toEqual({ recursiveReadOnlyMounts: true, userNamespaces: true });
  expect(handlers.get('host')).toMatchObject({ userNamespaces: false });
  expect(features).toMatchObject({ supplementalGroupsPolicy: true });
});

test("a RuntimeClass chooses the handler, and its overhead is the pod's", async () => {
  const resources = { limits: { memory: '32Mi', cpu: '100m' } };
  const manifest = pod('class', {
    runtimeClassName: 'class-gantry',
    containers: [{ ...forever, resources }],
  });
  const found = await runBound(node, manifest);
  expect(found.spec['overhead']).toEqual({ memory: '16Mi', cpu: '10m' });
  const filter = { labelSelector: { 'io.kubernetes.pod.uid': found.metadata.uid } };
  const { items } = await node.world.cri.call('ListPodSandbox', { filter });
  expect(items.map(({ runtimeHandler }) => runtimeHandler)).toEqual(['gantry']);
  expect(limitsOfPod(node, found)).toMatchObject({ cpu: 110, memory: 48 * 1024 * 1024 });
});

test('a handler that the runtime does not have is an event that names it', async () => {
  const manifest = pod('no-handler', { runtimeClassName: 'class-nobody', containers: [forever] });
  await runBound(node, manifest, () => true);
  const { message } = await eventOf(node, manifest, 'FailedCreatePodSandBox');
  expect(message).toContain('no runtime handler "nobody" is configured');
  await deleteBound(node, manifest);
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});
