import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Metric, PodSandboxMetrics } from '../src/cri-types/index.ts';
import {
  createContainer,
  eventually,
  exec,
  type Pod,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

// What cAdvisor calls what it measures of containers: dashboards and the kubelet ask by these names.
const words: Readonly<Record<string, string>> = {
  blkio: 'device_usage_total',
  cpu: 'cfs_periods_total cfs_throttled_periods_total cfs_throttled_seconds_total system_seconds_total usage_seconds_total user_seconds_total',
  fs: 'inodes_free inodes_total limit_bytes reads_bytes_total reads_total usage_bytes writes_bytes_total writes_total',
  hugetlb: 'max_usage_bytes usage_bytes',
  memory:
    'cache failcnt failures_total kernel_usage mapped_file max_usage_bytes rss swap usage_bytes working_set_bytes',
  network:
    'receive_bytes_total receive_errors_total receive_packets_dropped_total receive_packets_total transmit_bytes_total transmit_errors_total transmit_packets_dropped_total transmit_packets_total',
  pressure:
    'cpu_stalled_seconds_total cpu_waiting_seconds_total io_stalled_seconds_total io_waiting_seconds_total memory_stalled_seconds_total memory_waiting_seconds_total',
  spec: 'cpu_period cpu_quota cpu_shares memory_limit_bytes memory_reservation_limit_bytes memory_swap_limit_bytes',
};
const single =
  'file_descriptors last_seen oom_events_total processes sockets start_time_seconds threads threads_max ulimits_soft';
const names = [
  ...Object.entries(words).flatMap(([group, list]) =>
    list.split(' ').map((word) => `container_${group}_${word}`),
  ),
  ...single.split(' ').map((word) => `container_${word}`),
];
/** Nothing to be seen where no block device was touched, the kernel has no such cgroup files, or keeps no maximum (v2). */
const perhaps = /^container_(blkio_|fs_(reads|writes)_|hugetlb_|pressure_)/;

let world: World;
beforeAll(async () => {
  world = await World.create({ subnet: 118 });
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
});

const descriptors = async () => (await world.cri.call('ListMetricDescriptors', {})).descriptors;
const metricsOf = async (pod: Pod): Promise<PodSandboxMetrics | undefined> =>
  (await world.cri.call('ListPodSandboxMetrics', {})).podMetrics.find(
    ({ podSandboxId }) => podSandboxId === pod.id,
  );
const samples = (of: PodSandboxMetrics | undefined): Metric[] => [
  ...(of?.metrics ?? []),
  ...(of?.containerMetrics ?? []).flatMap(({ metrics }) => metrics),
];

describe('before the first pod', () => {
  test('every metric that may ever be there is described, under cAdvisor’s name', async () => {
    const described = await descriptors();
    const there = described.map(({ name }) => name);
    expect(names.filter((name) => !there.includes(name))).toEqual([]);
    expect(new Set(there).size).toBe(there.length);
    for (const { name, help, labelKeys } of described) {
      expect(name).toMatch(/^container_[a-z_]+$/);
      expect(help, name).toMatch(/\S/);
      expect(new Set(labelKeys).size, name).toBe(labelKeys.length);
      expect(labelKeys, name).toEqual(
        expect.arrayContaining(['pod', 'namespace', 'container', 'id', 'image']),
      );
    }
  });

  test('nothing is measured', async () => {
    expect((await world.cri.call('ListPodSandboxMetrics', {})).podMetrics).toEqual([]);
  });
});

describe('a pod that runs', () => {
  const resources = {
    cpuPeriod: 100_000n,
    cpuQuota: 20_000n,
    cpuShares: 1024n,
    memoryLimitInBytes: 64n << 20n,
    memorySwapLimitInBytes: 64n << 20n,
  };
  let pod: Pod;
  let id: string;
  beforeAll(async () => {
    await pull(world, shellImage);
    pod = await runPod(world);
    id = await startContainer(world, pod, {
      metadata: { name: 'measured', attempt: 0 },
      linux: { resources },
    });
    await createContainer(world, pod);
    await exec(world, id, 'for i in 1 2 3 4 5 6 7 8 9 10; do echo hi > /tmp/file$i; done; sync');
  });
  afterAll(async () => {
    await removePod(world, pod);
  });

  test('has a sample of every metric, and a descriptor for every sample', async () => {
    const described = new Map((await descriptors()).map((descriptor) => [descriptor.name, descriptor]));
    const all = samples(await metricsOf(pod));
    const seen = new Set(all.map(({ name }) => name));
    expect([...described.keys()].filter((name) => !seen.has(name) && !perhaps.test(name))).toEqual([]);
    for (const { name, labelValues, timestamp, metricType, value } of all) {
      expect(labelValues.length, name).toBe(described.get(name)?.labelKeys.length);
      expect(Number(timestamp / 1_000_000n), name).toBeGreaterThan(Date.now() - 60_000);
      expect(['COUNTER', 'GAUGE']).toContain(metricType);
      expect(value?.value, name).toBeGreaterThanOrEqual(0n);
    }
  });

  test('says what it is of by its labels', async () => {
    const found = await metricsOf(pod);
    const { name = '', namespace = '' } = pod.config.metadata ?? {};
    expect(found?.containerMetrics.map(({ containerId }) => containerId)).toEqual([id]);
    expect(found?.containerMetrics[0]?.metrics).not.toEqual([]);
    expect(found?.metrics.length).toBeGreaterThan(0);
    for (const { labelValues } of found?.containerMetrics[0]?.metrics ?? []) {
      expect(labelValues.slice(0, 5)).toEqual([name, namespace, 'measured', id, shellImage]);
    }
    for (const { labelValues } of found?.metrics ?? []) {
      expect(labelValues.slice(0, 5)).toEqual([name, namespace, '', pod.id, '']);
    }
  });

  test('has the limits that were asked for, and counts what happens', async () => {
    const value = async (name: string): Promise<bigint | undefined> =>
      samples(await metricsOf(pod)).find((sample) => sample.name === name)?.value?.value;
    expect(await value('container_spec_cpu_quota')).toBe(20_000n);
    expect(await value('container_spec_cpu_period')).toBe(100_000n);
    expect(await value('container_spec_cpu_shares')).toBe(1024n);
    expect(await value('container_spec_memory_limit_bytes')).toBe(64n << 20n);
    expect(await value('container_processes')).toBe(1n);
    const started = await value('container_start_time_seconds');
    expect(Math.abs(Number(started) - Date.now() / 1000)).toBeLessThan(120);
    const throttled = await value('container_cpu_cfs_throttled_periods_total');
    await exec(world, id, 'timeout 1 sh -c "while :; do :; done"; true');
    expect(await value('container_cpu_usage_seconds_total')).toBeGreaterThanOrEqual(0n);
    expect(await value('container_cpu_cfs_throttled_periods_total')).toBeGreaterThan(throttled ?? 0n);
    const before = await value('container_fs_usage_bytes');
    await exec(world, id, 'dd if=/dev/zero of=/tmp/big bs=1M count=4 2>/dev/null');
    // Measuring a directory takes reading it: the size is a little old.
    await eventually(
      () => value('container_fs_usage_bytes'),
      (now) => (now ?? 0n) >= (before ?? 0n) + (4n << 20n),
      60,
    );
  });

  test('is in the stream as it is in the list', async () => {
    const listed = (await world.cri.call('ListPodSandboxMetrics', {})).podMetrics.map((m) => m.podSandboxId);
    const streamed: string[] = [];
    for await (const part of world.cri.stream('StreamPodSandboxMetrics', {})) {
      streamed.push(...part.podSandboxMetrics.map((m) => m.podSandboxId));
    }
    expect(streamed).toEqual(listed);
  });

  test('describes the same metrics as before', async () => {
    const there = (await descriptors()).map(({ name }) => name);
    expect(names.filter((name) => !there.includes(name))).toEqual([]);
  });
});

test('what has ended is not measured any more', async () => {
  const pod = await runPod(world);
  const id = await startContainer(world, pod);
  expect((await metricsOf(pod))?.containerMetrics.map(({ containerId }) => containerId)).toEqual([id]);
  await world.cri.call('StopContainer', { containerId: id, timeout: 0n });
  expect((await metricsOf(pod))?.containerMetrics).toEqual([]);
  await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
  expect(await metricsOf(pod)).toBeUndefined();
  await removePod(world, pod);
});
