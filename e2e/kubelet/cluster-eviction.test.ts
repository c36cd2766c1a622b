import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  detachVolume,
  eventually,
  makeVolume,
  mountVolume,
  shellImage,
  type Volume,
} from '../harness/index.ts';
import {
  type Container,
  type ContainerStateTerminated,
  deleteAllBound,
  eventOf,
  forever,
  isRunning,
  KubeletNode,
  nodeName,
  output,
  type Pod,
  type PodManifest,
  pod,
  runBound,
  sh,
  spareImages,
  storedWhen,
} from './harness/index.ts';

/** The kubelet looks at what there is each ten seconds. */
const patience = 40;
const common = {
  imageMinimumGCAge: '1s',
  evictionPressureTransitionPeriod: '5s',
  volumeStatsAggPeriod: '1s',
  nodeStatusUpdateFrequency: '1s',
};

let directory: string;
let volume: Volume;
let node: KubeletNode;
// Gantry's root, with images and writable layers, is on a disk of its own: the kubelet's imagefs.
beforeAll(async () => {
  directory = mkdtempSync('/tmp/ge-disk-');
  volume = makeVolume(join(directory, 'disk.img'), 200);
  const disk = join(directory, 'disk');
  mountVolume(volume, disk);
  node = await KubeletNode.create({
    subnet: 198,
    controlPlane: true,
    server: { root: join(disk, 'root') },
    images: [shellImage, ...spareImages],
    config: { ...common, evictionHard: { 'imagefs.available': '110Mi' } },
  });
});
afterAll(async () => {
  await node?.dispose();
  spawnSync('umount', [join(directory, 'disk')]);
  detachVolume(volume);
  rmSync(directory, { recursive: true });
});

afterEach(async () => await deleteAllBound(node));

/** Does something, then runs until it is told to end. With 0 it would have succeeded: the kubelet forgets the eviction then. */
const after = (script: string): Container => sh(`${script}; trap "exit 1" TERM; while :; do sleep 0.2; done`);
const filling = (path: string, mebibytes: number): Container =>
  after(`dd if=/dev/zero of=${path} bs=1M count=${mebibytes} 2>/dev/null`);

const isEvicted = ({ status }: Pod): boolean => status.phase === 'Failed' && status.reason === 'Evicted';

async function evicted(manifest: PodManifest): Promise<string> {
  const { status } = await storedWhen(node, manifest, isEvicted, patience);
  expect((await eventOf(node, manifest, 'Evicted')).type).toBe('Warning');
  return status.message ?? '';
}

async function condition(name: string, value: string): Promise<void> {
  const ask = async (): Promise<string | undefined> => {
    const { status } = await node.controlPlane.client.get<Pick<Pod, 'status'>>(`/api/v1/nodes/${nodeName}`);
    return status.conditions?.find(({ type }) => type === name)?.status;
  };
  await eventually(ask, (is) => is === value, patience);
}

async function stillRuns(manifest: PodManifest): Promise<void> {
  expect(isRunning(await storedWhen(node, manifest, () => true))).toBe(true);
}

test('pods that take more of the disk than they may are evicted, whichever way they take it, and no others', async () => {
  const scratch = { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] };
  const limits = (storage: string): object => ({ resources: { limits: { 'ephemeral-storage': storage } } });
  const writable = pod('writable', { containers: [{ ...filling('/fill', 12), ...limits('8Mi') }] });
  const directoryPod = pod('directory', {
    containers: [{ ...filling('/scratch/fill', 12), ...scratch }],
    volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '8Mi' } }],
  });
  const logs = pod('logs', {
    containers: [
      {
        ...after('dd if=/dev/zero bs=1M count=12 2>/dev/null | tr "\\0" "\\n"'),
        ...limits('8Mi'),
      },
    ],
  });
  const modest = pod('modest', { containers: [{ ...filling('/fill', 4), ...limits('8Mi') }] });
  await Promise.all([writable, directoryPod, logs, modest].map((manifest) => runBound(node, manifest)));
  const tooMuch =
    /Container main exceeded its local ephemeral storage limit "8Mi"|Pod ephemeral local storage usage exceeds the total limit of containers 8Mi/;
  expect(await evicted(writable)).toMatch(tooMuch);
  expect(await evicted(directoryPod)).toMatch(/Usage of EmptyDir volume "scratch" exceeds the limit "8Mi"/);
  expect(await evicted(logs)).toMatch(tooMuch);
  await stillRuns(modest);
});

describe('pressure', () => {
  test('on the disk of images takes unused images first, then the pod that fills it', async () => {
    const hog = pod('hog', { containers: [filling('/fill', 100)] });
    const modest = pod('modest', { containers: [forever] });
    await Promise.all([hog, modest].map((manifest) => runBound(node, manifest)));
    await condition('DiskPressure', 'True');
    expect(await evicted(hog)).toMatch(
      /^The node was low on resource: ephemeral-storage\. Threshold quantity: 110Mi, available: \d+Ki\. Container main was using \d{4,}Ki, request is 0/,
    );
    await stillRuns(modest);
    const { images } = await node.world.cri.call('ListImages', {});
    expect(images.flatMap(({ repoTags }) => repoTags)).toEqual([shellImage]);
    await condition('DiskPressure', 'False');
    await stillRuns(modest);
  });

  test('on memory, by a soft threshold, takes the pod that asked for none, and leaves it its grace', async () => {
    const hog = pod('hog', {
      terminationGracePeriodSeconds: 20,
      tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }],
      containers: [filling('/dev/shm/held', 50)],
    });
    const asks = { resources: { requests: { memory: '64Mi' }, limits: { memory: '64Mi' } } };
    const modest = pod('modest', { containers: [{ ...forever, ...asks }] });
    await Promise.all([hog, modest].map((manifest) => runBound(node, manifest)));
    await eventually(
      async () => await output(node, await storedWhen(node, hog, () => true), 'wc -c </dev/shm/held'),
      (bytes) => bytes === String(50 * 1024 * 1024),
    );
    await node.kubelet.restart({
      ...common,
      evictionSoft: { 'memory.available': '99.9%' },
      evictionSoftGracePeriod: { 'memory.available': '1s' },
      evictionMaxPodGracePeriod: 10,
    });
    await condition('MemoryPressure', 'True');
    const late = pod('late', { containers: [forever] });
    await runBound(node, late, ({ status }) => status.phase === 'Failed');
    const refused = await storedWhen(node, late, ({ status }) => status.phase === 'Failed');
    expect(refused.status).toMatchObject({
      reason: 'Evicted',
      message: expect.stringMatching(/MemoryPressure/),
    });
    expect(await evicted(hog)).toMatch(
      /^The node was low on resource: memory\. Threshold quantity: \d+(Ki)?, available: \d+Ki\. Container main was using \d{5}Ki, request is 0/,
    );
    // It is said to be evicted when it is told to end, and how it ended when it has.
    const ended = ({ status }: Pod): ContainerStateTerminated | undefined =>
      status.containerStatuses?.[0]?.state.terminated;
    const over = await storedWhen(node, hog, (found) => ended(found) !== undefined);
    expect(ended(over)?.exitCode).toBe(1);
    await stillRuns(modest);
  });

  test('on processes takes the pod that has the most', async () => {
    const { rlimit } = (
      await node.kubelet.api.json<{ node: { rlimit: { maxpid: number; curproc: number } } }>('/stats/summary')
    ).node;
    const threshold = rlimit.maxpid - rlimit.curproc - 150;
    await node.kubelet.restart({
      ...common,
      evictionHard: { 'pid.available': String(threshold) },
      // Without it the kubelet knows no pod's processes, whatever the runtime, and takes any.
      featureGates: { PodAndContainerStatsFromCRI: true },
    });
    const hog = pod('hog', {
      containers: [after('i=0; while [ $i -lt 300 ]; do sleep 3600 & i=$((i+1)); done')],
    });
    const modest = pod('modest', { containers: [forever] });
    await runBound(node, modest);
    await runBound(node, hog);
    await condition('PIDPressure', 'True');
    expect(await evicted(hog)).toMatch(
      /^The node was low on resource: pids\. Threshold quantity: \d+, available: \d+\./,
    );
    await stillRuns(modest);
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
