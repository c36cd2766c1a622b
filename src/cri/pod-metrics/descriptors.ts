import type { MetricType } from '../../cri-types/index.ts';
import type { InterfaceUsage, IoCounter } from '../../resources/index.ts';
import type { ContainerSample, PodSample } from './sample.ts';

/** One number with the values of the labels that its metric has besides the common ones. */
export type Sample = readonly [value: number | undefined, ...labels: string[]];

/** One metric: what it is called, and how it is read off a sample. cAdvisor's names and units, in whole numbers. */
export interface Metric<From> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Besides pod, namespace, container, id and image. */
  readonly labels: readonly string[];
  readonly read: (from: From) => readonly Sample[];
}

/** In this order on every sample. */
export const commonLabels = ['pod', 'namespace', 'container', 'id', 'image'] as const;

type Read = (from: ContainerSample) => number | undefined;

const counter = (name: string, help: string, read: Read): Metric<ContainerSample> =>
  plain(name, help, 'COUNTER', read);
const gauge = (name: string, help: string, read: Read): Metric<ContainerSample> =>
  plain(name, help, 'GAUGE', read);

function plain(name: string, help: string, type: MetricType, read: Read): Metric<ContainerSample> {
  return { name: `container_${name}`, help, type, labels: [], read: (from) => [[read(from)]] };
}

const seconds = (nanoseconds: number | undefined): number | undefined =>
  nanoseconds === undefined ? undefined : nanoseconds / 1e9;

const cpu: readonly Metric<ContainerSample>[] = [
  counter('cpu_usage_seconds_total', 'CPU time used.', ({ counters }) => seconds(counters.cpu.usage)),
  counter('cpu_user_seconds_total', 'CPU time used by programs.', ({ counters }) =>
    seconds(counters.cpu.user),
  ),
  counter('cpu_system_seconds_total', 'CPU time used by the kernel.', ({ counters }) =>
    seconds(counters.cpu.system),
  ),
  counter('cpu_cfs_periods_total', 'Periods of the CPU limit.', ({ counters }) => counters.cpu.periods),
  counter(
    'cpu_cfs_throttled_periods_total',
    'Periods in which the CPU limit was reached.',
    ({ counters }) => counters.cpu.throttledPeriods,
  ),
  counter('cpu_cfs_throttled_seconds_total', 'Time held up by the CPU limit.', ({ counters }) =>
    seconds(counters.cpu.throttled),
  ),
];

const memory: readonly Metric<ContainerSample>[] = [
  gauge('memory_usage_bytes', 'Memory used, page cache included.', ({ counters }) => counters.memory.usage),
  gauge(
    'memory_max_usage_bytes',
    'The most memory that was ever used.',
    ({ counters }) => counters.memory.maximum,
  ),
  gauge(
    'memory_working_set_bytes',
    'Memory used, without inactive file pages.',
    ({ counters }) => counters.memory.workingSet,
  ),
  gauge('memory_cache', 'Page cache, in bytes.', ({ counters }) => counters.memory.cache),
  gauge('memory_rss', 'Anonymous memory, in bytes.', ({ counters }) => counters.memory.rss),
  gauge(
    'memory_kernel_usage',
    'Memory that the kernel uses for it, in bytes.',
    ({ counters }) => counters.memory.kernel,
  ),
  gauge('memory_mapped_file', 'Mapped files, in bytes.', ({ counters }) => counters.memory.mappedFile),
  gauge('memory_swap', 'Swap used, in bytes.', ({ counters }) => counters.memory.swap),
  gauge('memory_total_active_file_bytes', 'Active file pages.', ({ counters }) => counters.memory.activeFile),
  gauge(
    'memory_total_inactive_file_bytes',
    'Inactive file pages.',
    ({ counters }) => counters.memory.inactiveFile,
  ),
  counter(
    'memory_failcnt',
    'How often the memory limit was reached.',
    ({ counters }) => counters.memory.limitHits,
  ),
  counter(
    'oom_events_total',
    'Processes that the OOM killer ended.',
    ({ counters }) => counters.memory.oomKills,
  ),
  counter(
    'memory_events_high_total',
    'How often memory.high held it back; cgroup2 only.',
    ({ counters }) => counters.memory.highEvents,
  ),
  counter(
    'memory_events_max_total',
    'How often memory.max was about to be passed; cgroup2 only.',
    ({ counters }) => counters.memory.maxEvents,
  ),
  {
    name: 'container_memory_failures_total',
    help: 'Page faults.',
    type: 'COUNTER',
    labels: ['failure_type', 'scope'],
    read: ({ counters: { memory: m } }) => [
      [m.pageFaults, 'pgfault', 'container'],
      [m.pageFaults, 'pgfault', 'hierarchy'],
      [m.majorPageFaults, 'pgmajfault', 'container'],
      [m.majorPageFaults, 'pgmajfault', 'hierarchy'],
    ],
  },
];

/** Of the writable layer and its file system. */
function layer(name: string, help: string, read: Read): Metric<ContainerSample> {
  return {
    name: `container_fs_${name}`,
    help,
    type: 'GAUGE',
    labels: ['device'],
    read: (from) => [[read(from), from.container.writablePath]],
  };
}

/** Of block devices; one sample a device. */
function device(
  name: string,
  help: string,
  operation: IoCounter['operation'],
  read: (io: IoCounter) => number,
): Metric<ContainerSample> {
  return {
    name: `container_fs_${name}`,
    help,
    type: 'COUNTER',
    labels: ['device'],
    read: ({ counters }) =>
      counters.io
        .filter((io) => io.operation === operation)
        .map((io) => [read(io), `${io.major}:${io.minor}`]),
  };
}

const disk: readonly Metric<ContainerSample>[] = [
  layer('usage_bytes', 'Space that the writable layer takes.', ({ layer: l }) => l?.usedBytes),
  layer(
    'limit_bytes',
    'Size of the file system of the writable layer.',
    ({ filesystem }) => filesystem?.bytes,
  ),
  layer('inodes_total', 'Inodes of that file system.', ({ filesystem }) => filesystem?.inodes),
  layer('inodes_free', 'Inodes of it that are free.', ({ filesystem }) => filesystem?.inodesFree),
  device('reads_bytes_total', 'Bytes read.', 'Read', (io) => io.bytes),
  device('reads_total', 'Reads done.', 'Read', (io) => io.operations),
  device('writes_bytes_total', 'Bytes written.', 'Write', (io) => io.bytes),
  device('writes_total', 'Writes done.', 'Write', (io) => io.operations),
  {
    name: 'container_blkio_device_usage_total',
    help: 'Bytes read and written, by block device.',
    type: 'COUNTER',
    labels: ['device', 'major', 'minor', 'operation'],
    read: ({ counters }) =>
      counters.io.map((io) => [
        io.bytes,
        `${io.major}:${io.minor}`,
        `${io.major}`,
        `${io.minor}`,
        io.operation,
      ]),
  },
];

const processes: readonly Metric<ContainerSample>[] = [
  gauge('processes', 'Processes.', ({ counters }) => counters.processes.processes),
  gauge('threads', 'Threads.', ({ counters }) => counters.processes.threads),
  gauge(
    'threads_max',
    'The most threads that are allowed; 0: no limit.',
    ({ counters }) => counters.processes.threadsMaximum ?? 0,
  ),
  gauge('file_descriptors', 'Open files.', ({ counters }) => counters.processes.fileDescriptors),
  gauge('sockets', 'Open sockets.', ({ counters }) => counters.processes.sockets),
  {
    name: 'container_ulimits_soft',
    help: 'Soft limits of the first process.',
    type: 'GAUGE',
    labels: ['ulimit'],
    read: ({ counters }) => [[counters.processes.openFilesLimit, 'max_open_files']],
  },
];

/** Of one page size a sample. */
function hugetlb(
  name: string,
  help: string,
  read: (h: Hugetlb) => number | undefined,
): Metric<ContainerSample> {
  return {
    name: `container_hugetlb_${name}`,
    help,
    type: 'GAUGE',
    labels: ['pagesize'],
    read: ({ counters }) => counters.hugetlb.map((h) => [read(h), h.pageSize]),
  };
}
type Hugetlb = ContainerSample['counters']['hugetlb'][number];

const hugePages: readonly Metric<ContainerSample>[] = [
  hugetlb('usage_bytes', 'Huge pages used, in bytes.', ({ usage }) => usage),
  hugetlb(
    'max_usage_bytes',
    'The most that was ever used of huge pages, in bytes.',
    ({ maximum }) => maximum,
  ),
];

/** Pressure stall information; cgroup2 only. */
const pressure: readonly Metric<ContainerSample>[] = (['cpu', 'memory', 'io'] as const).flatMap(
  (resource) => [
    counter(
      `pressure_${resource}_waiting_seconds_total`,
      `Time in which some task waited for ${resource}.`,
      (s) => microseconds(s.counters.pressure[resource]?.some.total),
    ),
    counter(
      `pressure_${resource}_stalled_seconds_total`,
      `Time in which all tasks waited for ${resource}.`,
      (s) => microseconds(s.counters.pressure[resource]?.full.total),
    ),
  ],
);

function microseconds(number: bigint | undefined): number | undefined {
  return number === undefined ? undefined : Number(number) / 1e6;
}

const limits = ({ container }: ContainerSample) => container.config.linux?.resources;

const other: readonly Metric<ContainerSample>[] = [
  gauge('last_seen', 'When it was last there, in seconds since the epoch.', ({ at }) => Number(at) / 1e9),
  gauge(
    'start_time_seconds',
    'When it was started, in seconds since the epoch.',
    ({ container: { state } }) => (state.kind === 'running' ? Number(state.startedAt) / 1e9 : undefined),
  ),
  gauge('spec_cpu_period', 'Period of the CPU limit, in microseconds.', (s) =>
    Number(limits(s)?.cpuPeriod ?? 0n),
  ),
  gauge('spec_cpu_quota', 'CPU limit in a period, in microseconds; none without a limit.', (s) => {
    const quota = Number(limits(s)?.cpuQuota ?? 0n);
    return quota > 0 ? quota : undefined;
  }),
  gauge('spec_cpu_shares', 'CPU shares.', (s) => Number(limits(s)?.cpuShares ?? 0n)),
  gauge('spec_memory_limit_bytes', 'Memory limit; 0: none.', (s) =>
    Number(limits(s)?.memoryLimitInBytes ?? 0n),
  ),
  gauge('spec_memory_reservation_limit_bytes', 'Memory reservation; CRI has none.', () => 0),
  gauge('spec_memory_swap_limit_bytes', 'Limit of memory and swap together; 0: none.', (s) =>
    Number(limits(s)?.memorySwapLimitInBytes ?? 0n),
  ),
];

/** Every metric of a container. */
export const containerMetrics: readonly Metric<ContainerSample>[] = [
  ...cpu,
  ...memory,
  ...disk,
  ...processes,
  ...hugePages,
  ...pressure,
  ...other,
];

function network(name: string, help: string, read: (i: InterfaceUsage) => number): Metric<PodSample> {
  return {
    name: `container_network_${name}_total`,
    help,
    type: 'COUNTER',
    labels: ['interface'],
    read: ({ interfaces }) => interfaces.map((i) => [read(i), i.name]),
  };
}

/** Every metric of a pod itself: its network, which its containers share. */
export const podMetrics: readonly Metric<PodSample>[] = [
  network('receive_bytes', 'Bytes received.', (i) => i.rxBytes),
  network('receive_packets', 'Packets received.', (i) => i.rxPackets),
  network('receive_packets_dropped', 'Packets dropped while receiving.', (i) => i.rxDropped),
  network('receive_errors', 'Errors while receiving.', (i) => i.rxErrors),
  network('transmit_bytes', 'Bytes sent.', (i) => i.txBytes),
  network('transmit_packets', 'Packets sent.', (i) => i.txPackets),
  network('transmit_packets_dropped', 'Packets dropped while sending.', (i) => i.txDropped),
  network('transmit_errors', 'Errors while sending.', (i) => i.txErrors),
];
