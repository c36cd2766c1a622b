import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  deleteAllBound,
  eventOf,
  forever,
  isRunning,
  KubeletNode,
  limitsOfContainer,
  limitsOfPod,
  output,
  type Pod,
  type PodManifest,
  pod,
  podPath,
  runBound,
  sh,
  statusOf,
  storedWhen,
} from './harness/index.ts';

interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

const mebibyte = 1024 * 1024;
/** Limits that are requests too: the class is Guaranteed. */
const exactly = (cpu: string, memory: string): Resources => ({
  limits: { cpu, memory },
  requests: { cpu, memory },
});

let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 193, controlPlane: true });
});
afterAll(async () => await node?.dispose());

/** By the sub-resource, as `kubectl patch --subresource resize`. */
async function resize(
  manifest: PodManifest,
  change: Resources,
  name = 'main',
  kind = 'containers',
): Promise<void> {
  const spec = { [kind]: [{ name, resources: change }] };
  await node.controlPlane.client.patch(`${podPath(manifest)}/resize`, { spec });
}

const resizing = ({ status }: Pod): readonly { type: string; reason?: string; message?: string }[] =>
  (status.conditions ?? []).filter(({ type }) => type.startsWith('PodResize'));

/** The kubelet has done it all, and says that the container has these. */
async function resized(manifest: PodManifest, wanted: Resources, name = 'main'): Promise<Pod> {
  return await storedWhen(
    node,
    manifest,
    (found) =>
      resizing(found).length === 0 &&
      JSON.stringify(sorted(statusOf(found, name)['resources'] as Resources)) ===
        JSON.stringify(sorted(wanted)),
  );
}

function sorted(resources: Resources | undefined): unknown[] {
  return [resources?.limits, resources?.requests].map((list) => Object.entries(list ?? {}).sort());
}

const same = (found: Pod, before: Pod, name = 'main'): void => {
  expect(statusOf(found, name).containerID).toBe(statusOf(before, name).containerID);
  expect(statusOf(found, name).restartCount).toBe(0);
};

describe('a running container', () => {
  test('gets more and gets less of CPU and memory, and its pod with it', async () => {
    const manifest = pod('grows', { containers: [{ ...forever, resources: exactly('100m', '64Mi') }] });
    const before = await runBound(node, manifest);
    expect(before.status['qosClass']).toBe('Guaranteed');
    expect(limitsOfContainer(node, before)).toMatchObject({ cpu: 100, memory: 64 * mebibyte });
    const { shares } = limitsOfContainer(node, before);
    for (const [cpu, memory] of [
      [250, 128],
      [150, 48],
    ] as const) {
      const wanted = exactly(`${cpu}m`, `${memory}Mi`);
      await resize(manifest, wanted);
      const after = await resized(manifest, wanted);
      same(after, before);
      expect(statusOf(after)['allocatedResources']).toEqual(wanted.requests);
      const limits = { cpu, memory: memory * mebibyte };
      expect(limitsOfContainer(node, after)).toMatchObject(limits);
      expect(limitsOfPod(node, after)).toMatchObject(limits);
      expect(limitsOfContainer(node, after).shares).toBeGreaterThan(shares);
    }
    await eventOf(node, manifest, 'ResizeCompleted');
  });

  test('two of one pod at once, only what is asked for of one', async () => {
    const burstable = { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
    const manifest = pod('both', {
      containers: [
        { ...forever, resources: burstable },
        { ...forever, name: 'other', resources: burstable },
      ],
    });
    const before = await runBound(node, manifest);
    await node.controlPlane.client.patch(`${podPath(manifest)}/resize`, {
      spec: {
        containers: [
          { name: 'main', resources: { limits: { cpu: '300m' } } },
          {
            name: 'other',
            resources: { requests: { cpu: '100m', memory: '48Mi' }, limits: { memory: '96Mi' } },
          },
        ],
      },
    });
    const main = { requests: burstable.requests, limits: { cpu: '300m', memory: '64Mi' } };
    await resized(manifest, main);
    const other = { requests: { cpu: '100m', memory: '48Mi' }, limits: { cpu: '200m', memory: '96Mi' } };
    const after = await resized(manifest, other, 'other');
    same(after, before);
    same(after, before, 'other');
    expect(limitsOfContainer(node, after)).toMatchObject({ cpu: 300, memory: 64 * mebibyte });
    expect(limitsOfContainer(node, after, 'other')).toMatchObject({ cpu: 200, memory: 96 * mebibyte });
    expect(limitsOfPod(node, after)).toMatchObject({ cpu: 500, memory: 160 * mebibyte });
  });

  test('whose policy is to restart is made anew with the new size', async () => {
    const manifest = pod('restarts', {
      restartPolicy: 'OnFailure',
      containers: [
        {
          ...forever,
          resources: exactly('100m', '64Mi'),
          resizePolicy: [
            { resourceName: 'cpu', restartPolicy: 'NotRequired' },
            { resourceName: 'memory', restartPolicy: 'RestartContainer' },
          ],
        },
      ],
    });
    const before = await runBound(node, manifest);
    await resize(manifest, exactly('200m', '64Mi'));
    same(await resized(manifest, exactly('200m', '64Mi')), before);
    await resize(manifest, exactly('200m', '96Mi'));
    const after = await resized(manifest, exactly('200m', '96Mi'));
    expect(statusOf(after).restartCount).toBe(1);
    expect(statusOf(after).containerID).not.toBe(statusOf(before).containerID);
    expect(limitsOfContainer(node, after)).toMatchObject({ cpu: 200, memory: 96 * mebibyte });
  });

  test('a memory limit below what it uses is put off, said so, and done when it fits', async () => {
    const manifest = pod('full', {
      containers: [
        {
          ...sh('dd if=/dev/zero of=/memory/held bs=1M count=60 2>/dev/null; exec sleep 3600'),
          resources: exactly('100m', '128Mi'),
          volumeMounts: [{ name: 'memory', mountPath: '/memory' }],
        },
      ],
      volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
    });
    const before = await runBound(node, manifest);
    await eventually(
      async () => await output(node, before, 'wc -c </memory/held'),
      (text) => text === String(60 * mebibyte),
    );
    await resize(manifest, exactly('100m', '32Mi'));
    const stuck = await storedWhen(node, manifest, (found) =>
      resizing(found).some(({ reason }) => reason === 'Error'),
    );
    expect(resizing(stuck)[0]?.message).toMatch(/below current usage/);
    expect(limitsOfContainer(node, stuck).memory).toBe(128 * mebibyte);
    await output(node, before, 'rm /memory/held');
    same(await resized(manifest, exactly('100m', '32Mi')), before);
    expect(limitsOfContainer(node, before).memory).toBe(32 * mebibyte);
  });

  test('a sidecar is resized as any other', async () => {
    const manifest = pod('sidecar', {
      initContainers: [
        { ...forever, name: 'side', restartPolicy: 'Always', resources: exactly('50m', '32Mi') },
      ],
      containers: [{ ...forever, resources: exactly('50m', '32Mi') }],
    });
    const before = await runBound(node, manifest);
    await resize(manifest, exactly('80m', '40Mi'), 'side', 'initContainers');
    const after = await resized(manifest, exactly('80m', '40Mi'), 'side');
    same(after, before, 'side');
    expect(limitsOfContainer(node, after, 'side')).toMatchObject({ cpu: 80, memory: 40 * mebibyte });
  });
});

test('more than the node has free now is put off, and nothing changes', async () => {
  const manifest = pod('much', { containers: [{ ...forever, resources: exactly('100m', '64Mi') }] });
  const before = await runBound(node, manifest);
  await resize(manifest, exactly(`${cpus().length * 1000 - 100}m`, '64Mi'));
  const refused = await storedWhen(node, manifest, (found) => resizing(found).length > 0);
  expect(resizing(refused)).toMatchObject([{ type: 'PodResizePending', reason: 'Deferred' }]);
  expect(limitsOfContainer(node, before)).toMatchObject({ cpu: 100 });
  await resize(manifest, exactly('100m', '64Mi'));
  same(await resized(manifest, exactly('100m', '64Mi')), before);
});

test("resources of the pod as a whole are its cgroup's, shared by containers without limits, and resized", async () => {
  const manifest = pod('whole', {
    resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '128Mi' } },
    containers: [{ ...forever }, { ...forever, name: 'other', resources: { limits: { memory: '48Mi' } } }],
  });
  const before = await runBound(node, manifest);
  expect(limitsOfPod(node, before)).toMatchObject({ cpu: 200, memory: 128 * mebibyte });
  expect(limitsOfContainer(node, before, 'other').memory).toBe(48 * mebibyte);
  await node.controlPlane.client.patch(`${podPath(manifest)}/resize`, {
    spec: { resources: { limits: { cpu: '400m', memory: '160Mi' } } },
  });
  const after = await storedWhen(
    node,
    manifest,
    (found) =>
      resizing(found).length === 0 &&
      (found.status['resources'] as Resources | undefined)?.limits?.['memory'] === '160Mi',
  );
  same(after, before);
  expect(limitsOfPod(node, after)).toMatchObject({ cpu: 400, memory: 160 * mebibyte });
});

test('each class has its cgroup, and a pod its own below it', async () => {
  const classes = [
    { name: 'BestEffort', at: /kubepods\/besteffort\/pod/, resources: {} },
    { name: 'Burstable', at: /kubepods\/burstable\/pod/, resources: { requests: { cpu: '100m' } } },
    { name: 'Guaranteed', at: /kubepods\/pod/, resources: exactly('100m', '32Mi') },
  ];
  for (const { name, at, resources } of classes) {
    const manifest = pod(name.toLowerCase(), { containers: [{ ...forever, resources }] });
    const found = await runBound(node, manifest, isRunning);
    expect(found.status['qosClass']).toBe(name);
    expect(node.findCgroup('memory', `pod${found.metadata.uid}`)).toMatch(at);
    expect(limitsOfContainer(node, found).memory).toBe(name === 'Guaranteed' ? 32 * mebibyte : undefined);
  }
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});
