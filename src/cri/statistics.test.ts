// Statistics of this very process, put into cgroups made for the purpose.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hierarchyOf, killCgroup, readLayout, removeCgroup } from '../resources/index.ts';
import { metricDescriptors } from './pod-metrics/build.ts';
import { Statistics } from './statistics.ts';
import { containerRecord, readerOf, sandboxRecord } from './testing.ts';

const layout = readLayout();
const base = `/gantry-cri-stats-${process.pid}`;
const directory = mkdtempSync(join(tmpdir(), 'gantry-cri-stats-'));
let child: ChildProcess;

beforeAll(async () => {
  for (const { mountPoint } of layout.hierarchies) {
    for (const below of ['', 'sandbox', 'container'])
      mkdirSync(join(mountPoint, base, below), { recursive: true });
  }
  mkdirSync(join(directory, 'upper'));
  writeFileSync(join(directory, 'upper', 'file'), 'x'.repeat(50_000));
  // Waits before it takes memory and burns, so that all of it is counted.
  child = spawn('sh', ['-c', 'read go; x=$(head -c 3000000 /dev/zero | tr "\\0" a); while :; do :; done'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  for (const controller of ['cpuacct', 'memory', 'pids']) {
    const hierarchy = hierarchyOf(layout, controller);
    if (hierarchy)
      writeFileSync(join(hierarchy.mountPoint, base, 'container', 'cgroup.procs'), `${child.pid}`);
  }
  child.stdin?.end('\n');
});
afterAll(async () => {
  child.kill('SIGKILL');
  await killCgroup(layout, base, 5000);
  await removeCgroup(layout, base);
  rmSync(directory, { recursive: true });
  expect(layout.hierarchies.some((h) => existsSync(join(h.mountPoint, base)))).toBe(false);
});

const sandbox = sandboxRecord('p', { cgroupPath: `${base}/sandbox`, cgroupParent: base });
const container = containerRecord(
  'c',
  'p',
  { cgroupPath: `${base}/container`, writablePath: join(directory, 'upper') },
  { labels: { a: 'b' } },
);
const statistics = (): Statistics => new Statistics(layout, { root: '/r', state: '/s' });

describe('container statistics', () => {
  it('say what the cgroup and the writable layer use', async () => {
    const stats = statistics();
    await sleep(300);
    const [first] = await stats.ofContainers([container]);
    expect(first).toMatchObject({
      attributes: { id: container.id, labels: { a: 'b' } },
      memory: { workingSetBytes: { value: expect.any(BigInt) }, usageBytes: { value: expect.any(BigInt) } },
      writableLayer: { fsId: { mountpoint: '/r/pods' }, inodesUsed: { value: 2n } },
    });
    expect(first?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(50_000_000n);
    expect(first?.memory?.usageBytes?.value).toBeGreaterThan(2_000_000n);
    expect(first?.writableLayer?.usedBytes?.value).toBeGreaterThanOrEqual(50_000n);
    expect(first?.cpu?.usageNanoCores).toBeUndefined();
    await sleep(700);
    const [second] = await stats.ofContainers([container]);
    const cores = Number(second?.cpu?.usageNanoCores?.value) / 1e9;
    expect(cores).toBeGreaterThan(0.02);
    expect(cores).toBeLessThan(1.5);
  });

  it('of an ended one are its name and its layer', async () => {
    const state = {
      kind: 'exited',
      startedAt: 1n,
      finishedAt: 2n,
      exitCode: 0,
      reason: '',
      message: '',
    } as const;
    const [stats] = await statistics().ofContainers([{ ...container, state }]);
    expect(stats?.cpu).toBeUndefined();
    expect(stats?.memory).toBeUndefined();
    expect(stats?.writableLayer).toBeDefined();
  });
});

describe('pod statistics', () => {
  const pods = readerOf([sandbox], [container]);

  it('are those of the pod’s own cgroup, with its containers', async () => {
    const [stats] = await statistics().ofSandboxes([sandbox], pods);
    expect(stats?.attributes?.id).toBe(sandbox.id);
    expect(stats?.linux?.containers?.map((c) => c.attributes?.id)).toEqual([container.id]);
    expect(stats?.linux?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(50_000_000n);
    expect(stats?.linux?.network).toBeUndefined();
  });

  it('are a sum where pods share a parent', async () => {
    const other = sandboxRecord('q', { cgroupPath: `${base}/other`, cgroupParent: base });
    const [stats] = await statistics().ofSandboxes([sandbox], readerOf([sandbox, other], [container]));
    const usage = stats?.linux?.cpu?.usageCoreNanoSeconds?.value ?? 0n;
    const [own] = await statistics().ofContainers([container]);
    expect(usage).toBeGreaterThan(0n);
    expect(usage).toBeLessThanOrEqual(own?.cpu?.usageCoreNanoSeconds?.value ?? 0n);
  });

  it('have the network of a namespace that a process of the pod is in', async () => {
    const own = { ...sandbox, netnsPath: '/proc/self/ns/net', pid: process.pid };
    const [stats] = await statistics().ofSandboxes([own], pods);
    const { defaultInterface, interfaces = [] } = stats?.linux?.network ?? {};
    const names = interfaces.map(({ name }) => name);
    expect(names).not.toContain('lo');
    expect(names[0]).toBe(defaultInterface?.name);
    expect(stats?.linux).toBeDefined();
  });
});

describe('metrics', () => {
  const pods = readerOf([sandbox], [container]);

  it('are all described, each with as many labels as it has keys', async () => {
    const descriptors = new Map(metricDescriptors().map((d) => [d.name ?? '', d]));
    expect(descriptors.size).toBe(metricDescriptors().length);
    const [pod] = await statistics().metricsOf(
      [{ ...sandbox, netnsPath: '/proc/self/ns/net', pid: process.pid }],
      pods,
    );
    const metrics = [...(pod?.metrics ?? []), ...(pod?.containerMetrics?.[0]?.metrics ?? [])];
    expect(metrics.length).toBeGreaterThan(20);
    for (const metric of metrics) {
      expect([metric.name, metric.labelValues?.length]).toEqual([
        metric.name,
        descriptors.get(metric.name ?? '')?.labelKeys?.length,
      ]);
      expect(metric.value?.value).toBeGreaterThanOrEqual(0n);
    }
  });

  it('say what the container does', async () => {
    const measure = async () =>
      (await statistics().metricsOf([sandbox], pods))[0]?.containerMetrics?.[0]?.metrics;
    const used = async () =>
      (await measure())?.find((m) => m.name === 'container_cpu_usage_seconds_total')?.value?.value;
    // Whole seconds of CPU time, on a machine that others use too.
    await expect.poll(used, { timeout: 30_000, interval: 200 }).toBeGreaterThan(0n);
    const metrics = await measure();
    const of = (name: string) => metrics?.find((m) => m.name === name);
    expect(of('container_cpu_usage_seconds_total')).toMatchObject({
      metricType: 'COUNTER',
      labelValues: ['p', 'ns', 'c', container.id, 'asked'],
    });
    expect(of('container_memory_usage_bytes')?.value?.value).toBeGreaterThan(2_000_000n);
    expect(of('container_processes')?.value?.value).toBe(1n);
    expect(of('container_file_descriptors')?.value?.value).toBeGreaterThanOrEqual(3n);
    expect(of('container_fs_usage_bytes')?.value?.value).toBeGreaterThanOrEqual(50_000n);
    expect(of('container_fs_inodes_total')?.value?.value).toBeGreaterThan(0n);
  });
});
