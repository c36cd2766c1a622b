import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import { freePort } from '../images/index.ts';
import {
  agnhost,
  isReady,
  KubeletNode,
  Ledger,
  type Pod,
  type PodManifest,
  pod,
  podWhen,
  runStatic,
} from './harness/index.ts';
import { expectedMetrics, metricsOfCgroup2 } from './stats-metrics.ts';
import { inBounds, leaves, podShape, shapeWithoutCri } from './stats-shape.ts';

interface Summary {
  readonly node: object;
  readonly pods: readonly { readonly podRef: { readonly uid: string } }[];
}

/** Pressure is told where cgroup2 keeps it. */
const keepsPressure = existsSync('/sys/fs/cgroup/cgroup.controllers') && existsSync('/proc/pressure/cpu');
const fromCri = { PodAndContainerStatsFromCRI: true };
const quick = { volumeStatsAggPeriod: '1s' };

let node: KubeletNode;
let metricsPort: number;
let found: Pod;
let manifest: PodManifest;
beforeAll(async () => {
  metricsPort = await freePort();
  // The kubelet reads the descriptors of metrics once, when it starts: there is no pod yet.
  node = await KubeletNode.create({
    subnet: 183,
    config: { ...quick, featureGates: fromCri },
    server: { flags: ['--metrics', `127.0.0.1:${metricsPort}`] },
  });
  manifest = busyPod(new Ledger(join(node.world.directory, 'ledger')));
  found = await runStatic(node, manifest, isReady);
});
afterAll(async () => await node?.dispose());

/** One container writes everywhere, uses its CPU, and was restarted once; the other is asked over the pod's network. */
function busyPod(ledger: Ledger): PodManifest {
  const fill = (file: string): string => `dd if=/dev/zero of=${file} bs=1k count=100 2>/dev/null`;
  const script = [
    '[ $(grep -c start /ledger/stats) -gt 1 ] || exit 1',
    `${fill('/scratch')}; ${fill('/volume/file')}; seq 1 1000`,
    'trap "exit 0" TERM; while :; do seq 1 1000 >/dev/null; sleep 0.1; done',
  ];
  const limits = { resources: { limits: { memory: '80M' } } };
  return pod('stats', {
    restartPolicy: 'Always',
    volumes: [ledger.volume, { name: 'empty', emptyDir: {} }],
    containers: [
      ledger.container('stats', script.join('; '), {
        name: 'busy',
        ...limits,
        volumeMounts: [
          { name: 'ledger', mountPath: '/ledger' },
          { name: 'empty', mountPath: '/volume' },
        ],
      }),
      {
        name: 'web',
        ...limits,
        ...agnhost('netexec', '--http-port=8080'),
        readinessProbe: { httpGet: { path: '/echo?msg=here', port: 8080 }, periodSeconds: 1 },
      },
    ],
  });
}

/** The leaves of the pod's part of the summary, once all that is expected is there and within its bounds. */
async function podLeaves(shape: ReturnType<typeof podShape>): Promise<Map<string, number | string>> {
  const ask = async (): Promise<Map<string, number | string>> => {
    const summary = await node.kubelet.api.json<Summary>('/stats/summary');
    return leaves(summary.pods.find(({ podRef }) => podRef.uid === found.metadata.uid) ?? {});
  };
  const isWhole = (seen: Map<string, number | string>): boolean =>
    [...shape].every(([path, bounds]) => inBounds(seen.get(path), bounds));
  return await eventually(ask, isWhole, 30).catch(ask);
}

function expectShape(seen: Map<string, number | string>, shape: ReturnType<typeof podShape>): void {
  const paths = [...seen.keys()].filter((path) => !/\.(time|psi\..*)$|^podRef|startTime$/.test(path));
  expect(paths.sort()).toEqual([...shape.keys()].sort());
  const outside = [...shape].filter(([path, bounds]) => !inBounds(seen.get(path), bounds));
  expect(outside.map(([path]) => `${path}: ${seen.get(path)}`)).toEqual([]);
}

/** Names of metrics, and how many samples of each there are of this pod, none counted twice. */
async function samples(path: string): Promise<Map<string, string[]>> {
  const lines = (await node.kubelet.api.text(path)).split('\n');
  const byName = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = '', labels = ''] = /^(\w+)\{(.*)\} \S+(?: \d+)?$/.exec(line) ?? [];
    if (labels.includes(`pod="${found.metadata.name}"`))
      byName.set(name, [...(byName.get(name) ?? []), labels]);
  }
  return byName;
}

/** How often the server was called, by call. */
async function calls(): Promise<(name: string) => number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const pattern = (name: string) =>
    new RegExp(`^gantry_rpc_seconds_count\\{rpc="${name}",code="OK"\\} (\\d+)$`, 'm');
  return (name) => Number(pattern(name).exec(text)?.[1] ?? 0);
}

function statsFromCri(): void {
  test('the summary has everything of the pod', async () => {
    const shape = podShape(['busy', 'web'], ['empty']);
    const seen = await podLeaves(shape);
    expectShape(seen, shape);
    const pressure = [...seen.keys()].filter((path) => path.includes('.psi.'));
    expect(pressure.length).toBe(keepsPressure ? 3 * 3 * 8 : 0);
  });

  test('the summary has the file systems of images and of containers', async () => {
    const { node: ofNode } = await node.kubelet.api.json<Summary>('/stats/summary');
    const all = leaves(ofNode);
    for (const filesystem of ['imageFs', 'containerFs']) {
      for (const member of [
        'availableBytes',
        'capacityBytes',
        'usedBytes',
        'inodesFree',
        'inodes',
        'inodesUsed',
      ])
        expect([member, all.get(`runtime.${filesystem}.${member}`)]).toEqual([member, expect.any(Number)]);
    }
    expect(all.get('runtime.imageFs.usedBytes')).toBeGreaterThan(1 << 20);
  });

  test('the metrics have cAdvisor’s names, with labels that tell pod and container', async () => {
    const seen = await samples('/metrics/cadvisor');
    for (const [name, kind] of [...expectedMetrics, ...(keepsPressure ? metricsOfCgroup2 : [])]) {
      const labels = seen.get(name) ?? [];
      const containers = labels.map((one) => /container="(.*?)"/.exec(one)?.[1]);
      const expected = kind === 'container' ? ['busy', 'web'] : [''];
      expect([name, [...new Set(containers)].sort()]).toEqual([name, expected]);
      expect(new Set(labels).size).toBe(labels.length);
    }
    for (const line of (seen.get('container_memory_working_set_bytes') ?? []).values())
      expect(line).toMatch(
        /^container="\w+",id="[0-9a-f]{64}",image="[\w./:]+",namespace="default",pod="stats-/,
      );
  });

  test('resource metrics have the pod and its containers', async () => {
    const seen = await samples('/metrics/resource');
    const counts = [...seen].map(([name, labels]) => `${name} ${labels.length}`);
    expect(counts.sort()).toEqual([
      'container_cpu_usage_seconds_total 2',
      'container_memory_working_set_bytes 2',
      'container_start_time_seconds 2',
      'container_swap_limit_bytes 2',
      'container_swap_usage_bytes 2',
      'pod_cpu_usage_seconds_total 1',
      'pod_memory_working_set_bytes 1',
      'pod_swap_usage_bytes 1',
    ]);
  });
}

describe('with PodAndContainerStatsFromCRI', () => {
  statsFromCri();

  test('the kubelet asked the runtime', async () => {
    const count = await calls();
    for (const name of [
      'ListPodSandboxStats',
      'ListPodSandboxMetrics',
      'ListMetricDescriptors',
      'ImageFsInfo',
    ])
      expect([name, count(name) > 0]).toEqual([name, true]);
  });
});

describe('with CRIListStreaming as well', () => {
  beforeAll(async () => {
    await node.kubelet.restart({ ...quick, featureGates: { ...fromCri, CRIListStreaming: true } });
    await podWhen(node, manifest, isReady);
  });

  statsFromCri();

  test('every list came as a stream', async () => {
    const earlier = await calls();
    await node.kubelet.api.text('/stats/summary');
    await node.kubelet.api.text('/metrics/cadvisor');
    const streams = ['Containers', 'PodSandboxes', 'PodSandboxStats', 'PodSandboxMetrics', 'Images'];
    await eventually(calls, (now) =>
      streams.every(
        (name) => now(`Stream${name}`) > 0 && now('StreamContainers') > earlier('StreamContainers') + 2,
      ),
    );
    const later = await calls();
    for (const name of [
      'ListContainers',
      'ListPodSandbox',
      'ListPodSandboxStats',
      'ListPodSandboxMetrics',
      'ListImages',
    ])
      expect([name, later(name) - earlier(name)]).toEqual([name, 0]);
  });
});

// The default: the kubelet's cAdvisor knows containerd's and CRI-O's sockets only, and takes containers for bare cgroups.
describe('without either gate', () => {
  beforeAll(async () => {
    await node.kubelet.restart(quick);
    await podWhen(node, manifest, isReady);
  });

  test('the summary lacks the pod’s network and count of processes', async () => {
    const shape = shapeWithoutCri(['busy', 'web'], ['empty']);
    expectShape(await podLeaves(shape), shape);
  });

  test('metrics of containers are there by cgroup only: no pod, no name, no image', async () => {
    const id = (container: string): string => {
      const status = found.status.containerStatuses?.find(({ name }) => name === container);
      return (status?.containerID ?? '').replace('gantry://', '');
    };
    const text = await eventually(
      () => node.kubelet.api.text('/metrics/cadvisor'),
      (seen) => seen.includes(id('web')),
      30,
    );
    const line = text
      .split('\n')
      .find((one) => one.startsWith('container_memory_rss') && one.includes(id('web')));
    expect(line).toMatch(/\{container="",id="\/.*",image="",name="",namespace="",pod=""\}/);
    expect(text).not.toMatch(/^container_network_receive_bytes_total.*pod="stats-/m);
  });

  test('resource metrics are whole', async () => {
    const seen = await samples('/metrics/resource');
    expect(seen.get('container_memory_working_set_bytes')).toHaveLength(2);
    expect(seen.get('pod_memory_working_set_bytes')).toHaveLength(1);
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
