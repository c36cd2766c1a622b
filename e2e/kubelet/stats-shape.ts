/** Least and most. Bytes, but for the CPU's nanoseconds, inodes and counts. */
export type Bounds = readonly [least: number, most: number];
export type Shape = ReadonlyMap<string, Bounds>;

const KiB = 1024;
const MiB = 1024 * KiB;
const disk: Bounds = [100 * MiB, 10 * 1024 * 1024 * MiB];
const inodes: Bounds = [1e4, 1e9];
const limit = 2 * 80e6;

/** Every number and string below an object, by its path; lists by their members' `name`, or by position. */
export function leaves(value: unknown, path = ''): Map<string, number | string> {
  if (typeof value === 'number' || typeof value === 'string') return new Map([[path, value]]);
  const members = Array.isArray(value)
    ? value.map((member, index) => [(member as { name?: string }).name ?? `${index}`, member] as const)
    : Object.entries(value as object).filter(([key]) => key !== 'name');
  return new Map(
    members.flatMap(([key, member]) => [...leaves(member, path === '' ? key : `${path}.${key}`)]),
  );
}

export function inBounds(value: number | string | undefined, [least, most]: Bounds): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

const below = (path: string, members: Record<string, Bounds>): [string, Bounds][] =>
  Object.entries(members).map(([name, bounds]) => [`${path}.${name}`, bounds]);

const cpu = { usageNanoCores: [0, 2e10], usageCoreNanoSeconds: [1e6, 1e12] } as const satisfies Record<
  string,
  Bounds
>;

const memory = {
  availableBytes: [KiB, limit],
  usageBytes: [10 * KiB, limit],
  workingSetBytes: [10 * KiB, limit],
  rssBytes: [KiB, limit],
  pageFaults: [0, 1e9],
  majorPageFaults: [0, 1e9],
} as const satisfies Record<string, Bounds>;

const filesystem = (used: Bounds): Record<string, Bounds> => ({
  availableBytes: disk,
  capacityBytes: disk,
  usedBytes: used,
  inodesFree: inodes,
  inodes,
  inodesUsed: [1, 1e6],
});

const containerShape = (name: string): [string, Bounds][] => [
  ...below(`containers.${name}.cpu`, cpu),
  ...below(`containers.${name}.memory`, memory),
  ...below(`containers.${name}.swap`, { swapAvailableBytes: [0, limit], swapUsageBytes: [0, limit] }),
  ...below(`containers.${name}.rootfs`, filesystem([KiB, 10 * MiB])),
  ...below(`containers.${name}.logs`, filesystem([KiB, 10 * MiB])),
];

const traffic = {
  rxBytes: [10, 1e9],
  rxErrors: [0, 0],
  txBytes: [10, 1e9],
  txErrors: [0, 0],
} as const satisfies Record<string, Bounds>;

/** What Kubernetes' own tests of a node want of a pod in the summary; swap of the pod as a whole CRI cannot tell. */
export function podShape(containers: readonly string[], volumes: readonly string[]): Shape {
  return new Map([
    ...containers.flatMap(containerShape),
    ...below('cpu', cpu),
    ...below('memory', memory),
    ...below('network', traffic),
    ...below('network.interfaces.eth0', traffic),
    ...volumes.flatMap((name) => below(`volume.${name}`, filesystem([100 * KiB, MiB]))),
    ...below('ephemeral-storage', filesystem([300 * KiB, 20 * MiB])),
    ['process_stats.process_count', [3, 100]],
  ]);
}

/** The same by a kubelet that takes only the containers' part from the runtime, and the pod's from its cgroup. */
export function shapeWithoutCri(containers: readonly string[], volumes: readonly string[]): Shape {
  const known = [...podShape(containers, volumes)].filter(([path]) => !/^(network|process_stats)/.test(path));
  return new Map([...known, ...below('swap', { swapUsageBytes: [0, limit] })]);
}
