import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerStatus, eventually } from '../harness/index.ts';
import {
  containerId,
  forever,
  isRunning,
  KubeletNode,
  limitsOfContainer,
  limitsOfPod,
  manyAtOnce,
  type Pod,
  pod,
  podWhen,
  removeStatic,
  run,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
/** CPU 0 is the system's and everybody's; a guaranteed container that asks for whole CPUs gets its own. */
const exclusiveCpus = {
  cpuManagerPolicy: 'static',
  reservedSystemCPUs: '0',
  cpuManagerReconcilePeriod: '1s',
};
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 167, config: { podPidsLimit: 200, ...exclusiveCpus } });
});
afterAll(async () => await node?.dispose());

/** Bytes that the kernel counts for a container now. */
function memoryUsed(found: Pod): number {
  const directory = node.findCgroup('memory', containerId(found));
  const file = isUnified ? 'memory.current' : 'memory.usage_in_bytes';
  return Number(readFileSync(join(directory, file), 'utf8'));
}
/** `0-2,4` → 0, 1, 2, 4. */
function numbers(list: string): readonly number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
const megabyte = 2 ** 20;
const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');

describe.concurrent('requests and limits', () => {
  test('are what the kernel has, and what the statuses say', async () => {
    const resources = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } };
    const manifest = pod('limits', { containers: [{ ...forever, resources }] });
    const up = await runStatic(node, manifest);
    // runc's weight for 256 shares.
    const shares = isUnified ? 35 : 256;
    expect(limitsOfContainer(node, up)).toEqual({ cpu: 500, memory: 64 * megabyte, shares });
    const { resources: told } = await containerStatus(node.world, containerId(up));
    expect(told?.linux).toMatchObject({ memoryLimitInBytes: BigInt(64 * megabyte), cpuShares: 256n });
    expect(statusOf(up)['resources']).toEqual(resources);
    await removeStatic(node, manifest);
  });

  test('put a pod into its class, and a process into the kernel’s order of killing', async () => {
    const shapes = {
      besteffort: {},
      burstable: { resources: { requests: { memory: '32Mi' } } },
      guaranteed: { resources: { limits: { cpu: '100m', memory: '32Mi' } } },
    };
    for (const [name, shape] of Object.entries(shapes)) {
      const manifest = pod(name, { containers: [{ ...forever, ...shape }] });
      const up = await runStatic(node, manifest);
      expect(String(up.status['qosClass']).toLowerCase()).toBe(name);
      const cgroup = dirname(node.findCgroup('memory', containerId(up)));
      const qos = name === 'guaranteed' ? '' : (name as 'besteffort' | 'burstable');
      expect(dirname(cgroup)).toBe(node.qosCgroup('memory', qos));
      const score = Number((await run(node, up, 'cat /proc/1/oom_score_adj')).stdout);
      if (name === 'besteffort') expect(score).toBe(1000);
      if (name === 'burstable') expect(score).toBeGreaterThan(900);
      // Lower than the server's own takes CAP_SYS_RESOURCE, which this kind of machine has not.
      if (name === 'guaranteed') expect(score).toBeLessThanOrEqual(0);
      await removeStatic(node, manifest);
    }
  });

  test("of the pod's own bound all its containers together", async () => {
    const manifest = pod('pod-level', {
      resources: { requests: { memory: '16Mi', cpu: '100m' }, limits: { memory: '48Mi', cpu: '400m' } },
      containers: [
        forever,
        { name: 'second', ...forever, resources: { limits: { memory: '16Mi' } } },
        // Its own share is small, the pod's is not.
        { name: 'eater', ...sh('exec tail /dev/zero') },
      ],
    });
    const up = await runStatic(
      node,
      manifest,
      (found) => statusOf(found, 'eater').state.terminated !== undefined,
    );
    expect(limitsOfPod(node, up)).toMatchObject({ cpu: 400, memory: 48 * megabyte });
    expect(limitsOfContainer(node, up, 'second').memory).toBe(16 * megabyte);
    expect(statusOf(up, 'eater').state.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(statusOf(up).state.running).toBeDefined();
    await removeStatic(node, manifest);
  });

  test('of processes hold for the pod', async () => {
    const manifest = pod('pids', { containers: [forever] });
    const up = await runStatic(node, manifest);
    const podCgroup = dirname(node.findCgroup('pids', containerId(up)));
    expect(Number(readFileSync(join(podCgroup, 'pids.max'), 'utf8'))).toBe(200);
    const { stderr } = await run(node, up, 'for i in $(seq 300); do sleep 5 & done; kill $(jobs -p)');
    expect(stderr).toMatch(/can't fork|Resource temporarily unavailable/);
    await removeStatic(node, manifest);
  });
});

describe.concurrent('a container out of memory', () => {
  const tight = { resources: { limits: { memory: '32Mi' } } };
  const eat = 'head -c 200m /dev/zero | tail';

  test('is OOMKilled, and started again', async () => {
    const manifest = pod('oom', {
      restartPolicy: 'Always',
      volumes: [{ name: 'mark', emptyDir: {} }],
      containers: [
        {
          ...tight,
          ...sh(`[ -e /mark/first ] && exec sleep 3600; touch /mark/first; exec tail /dev/zero`),
          volumeMounts: [{ name: 'mark', mountPath: '/mark' }],
        },
        { name: 'neighbour', ...forever },
      ],
    });
    const again = await runStatic(
      node,
      manifest,
      (found) => statusOf(found).restartCount === 1 && isRunning(found),
    );
    expect(statusOf(again).lastState.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(statusOf(again, 'neighbour').restartCount).toBe(0);
    await removeStatic(node, manifest);
  });

  test('whose child was killed is OOMKilled when it fails for it', async () => {
    const done = await runToEnd(
      node,
      pod('oom-child', { containers: [{ ...tight, ...sh(`${eat} > /dev/null; exit 3`) }] }),
    );
    // On v2 the kubelet wants the whole cgroup to die at once.
    const exitCode = isUnified ? 137 : 3;
    expect(statusOf(done).state.terminated).toMatchObject({ reason: 'OOMKilled', exitCode });
  });

  test('by what it keeps in memory volumes and /dev/shm is OOMKilled too', async () => {
    const fill = 'head -c 60m /dev/zero > /m/file';
    const done = await runToEnd(
      node,
      pod('oom-volume', {
        volumes: [{ name: 'm', emptyDir: { medium: 'Memory' } }],
        containers: [
          { ...tight, command: ['sh', '-c', `exec ${fill}`], volumeMounts: [{ name: 'm', mountPath: '/m' }] },
        ],
      }),
    );
    expect(statusOf(done).state.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  test('is not meant where an exec was killed', async () => {
    const manifest = pod('oom-exec', { containers: [{ ...forever, ...tight }] });
    const up = await runStatic(node, manifest);
    const { code } = await run(node, up, 'exec tail /dev/zero');
    expect(code).toBe(137);
    // An exec's death is not the container's.
    expect((await podWhen(node, manifest, isRunning)).status.phase).toBe('Running');
    await removeStatic(node, manifest);
  });
});

test.concurrent('an image of a container counts for nothing in its memory', async () => {
  const manifest = pod('usage', { containers: [forever] });
  const up = await runStatic(node, manifest);
  await eventually(
    () => memoryUsed(up),
    (bytes) => bytes > 0 && bytes < 8 * megabyte,
  );
  await removeStatic(node, manifest);
});

// Alone: it takes all that a node of two CPUs has to give.
test('whole CPUs keep everybody else off them, also who runs already, and give them back', async () => {
  const bystander = pod('bystander', { containers: [forever] });
  const first = await runStatic(node, bystander);
  const cpus = async (found: Pod): Promise<readonly number[]> =>
    numbers((await run(node, found, "sed -n 's/^Cpus_allowed_list:\\t//p' /proc/1/status")).stdout);
  const all = await cpus(first);
  expect(all).toEqual(Array.from(os.cpus(), (_, number) => number));
  const owner = pod('owner', {
    containers: [{ ...forever, resources: { limits: { cpu: '1', memory: '32Mi' } } }],
  });
  const own = await cpus(await runStatic(node, owner));
  expect(own).toHaveLength(1);
  expect(own).not.toEqual([0]);
  await eventually(
    () => cpus(first),
    (list) => list.length === all.length - 1 && !list.includes(own[0] ?? 0),
  );
  await removeStatic(node, owner);
  await eventually(
    () => cpus(first),
    (list) => list.length === all.length,
  );
  await removeStatic(node, bystander);
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
