type Kind = 'container' | 'pod';

/** Those of Kubernetes' own test of a node's container metrics that CRI's runtimes give, and whose they are. */
export const expectedMetrics: readonly (readonly [string, Kind])[] = [
  ...names('container', 'container', [
    'blkio_device_usage_total',
    'cpu_system_seconds_total',
    'cpu_usage_seconds_total',
    'cpu_user_seconds_total',
    'file_descriptors',
    'fs_inodes_free',
    'fs_inodes_total',
    'fs_limit_bytes',
    'fs_reads_bytes_total',
    'fs_reads_total',
    'fs_usage_bytes',
    'fs_writes_bytes_total',
    'fs_writes_total',
    'last_seen',
    'memory_cache',
    'memory_failcnt',
    'memory_failures_total',
    'memory_mapped_file',
    'memory_max_usage_bytes',
    'memory_rss',
    'memory_swap',
    'memory_usage_bytes',
    'memory_working_set_bytes',
    'oom_events_total',
    'processes',
    'sockets',
    'spec_cpu_period',
    'spec_cpu_shares',
    'spec_memory_limit_bytes',
    'spec_memory_reservation_limit_bytes',
    'spec_memory_swap_limit_bytes',
    'start_time_seconds',
    'threads',
    'threads_max',
    'ulimits_soft',
  ]),
  ...names('pod', 'container_network', [
    'receive_bytes_total',
    'receive_errors_total',
    'receive_packets_dropped_total',
    'receive_packets_total',
    'transmit_bytes_total',
    'transmit_errors_total',
    'transmit_packets_dropped_total',
    'transmit_packets_total',
  ]),
];

/** Those that only cgroup2 keeps. */
export const metricsOfCgroup2: readonly (readonly [string, Kind])[] = names('container', 'container', [
  'memory_events_high_total',
  'memory_events_max_total',
  'pressure_cpu_stalled_seconds_total',
  'pressure_cpu_waiting_seconds_total',
  'pressure_io_stalled_seconds_total',
  'pressure_io_waiting_seconds_total',
  'pressure_memory_stalled_seconds_total',
  'pressure_memory_waiting_seconds_total',
]);

function names(kind: Kind, prefix: string, rest: readonly string[]): [string, Kind][] {
  return rest.map((name) => [`${prefix}_${name}`, kind]);
}
