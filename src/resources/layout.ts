import { readFileSync } from 'node:fs';
import { GantryError } from '../base/index.ts';

/** One cgroup hierarchy as it is mounted on this host. */
export interface Hierarchy {
  readonly mountPoint: string;
  readonly version: 1 | 2;
  /** v1: as mounted (cpu, cpuacct …; empty for name=systemd). v2: what its root offers, which may be nothing. */
  readonly controllers: readonly string[];
}

/** Which controller is where. Hybrid hosts have some on v1 and the rest, or only process tracking, on v2. */
export interface CgroupLayout {
  readonly mode: 'v1' | 'v2' | 'hybrid';
  /** v2 first where there is one. */
  readonly hierarchies: readonly Hierarchy[];
  /** cgroup2's mount options that matter to others: nsdelegate, memory_recursiveprot. */
  readonly cgroup2Flags: readonly string[];
}

/** The hierarchy that holds a controller; undefined where the kernel has none. `cpu` is on v2 wherever v2 lists it. */
export function hierarchyOf(layout: CgroupLayout, controller: string): Hierarchy | undefined {
  // v2 has no controller cpuacct, devices or freezer: the first is part of cpu, the others are the hierarchy's own.
  const onV2 = controller === 'cpuacct' ? 'cpu' : controller;
  return layout.hierarchies.find((h) =>
    h.version === 2 ? h.controllers.includes(onV2) : h.controllers.includes(controller),
  );
}

/** cgroup2, wherever it is mounted: it can kill and say whether it is populated even without controllers. */
export function unifiedOf(layout: CgroupLayout): Hierarchy | undefined {
  return layout.hierarchies.find((h) => h.version === 2);
}

/** This host's layout, read once. Throws failed-precondition on a host without cgroups. */
export function readLayout(): CgroupLayout {
  return parseLayout(readFileSync('/proc/self/mountinfo', 'utf8'), (mountPoint) =>
    readFileSync(`${mountPoint}/cgroup.controllers`, 'utf8'),
  );
}

/**
 * @param mountinfo /proc/self/mountinfo (proc(5)); a later mount on the same point hides an earlier one
 * @param controllersOf content of `cgroup.controllers` of a cgroup2 mount
 */
export function parseLayout(mountinfo: string, controllersOf: (mountPoint: string) => string): CgroupLayout {
  const found = new Map<string, Hierarchy>();
  let cgroup2Flags: readonly string[] = [];
  for (const mount of mountinfo.split('\n').flatMap(parseMount)) {
    // The same hierarchy may be mounted twice (systemd binds cpu to cpu,cpuacct): the first is the usual place.
    const key = mount.version === 2 ? 'v2' : mount.options.join();
    if (found.has(key)) continue;
    const { mountPoint, version } = mount;
    if (version === 2) {
      cgroup2Flags = mount.options.filter((o) => o === 'nsdelegate' || o === 'memory_recursiveprot');
      found.set(key, { mountPoint, version, controllers: words(controllersOf(mountPoint)) });
    } else {
      found.set(key, { mountPoint, version, controllers: mount.options.filter((o) => v1Controllers.has(o)) });
    }
  }
  const hierarchies = [...found.values()].sort((a, b) => b.version - a.version);
  if (hierarchies.length === 0) {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'discover cgroups',
      subject: '/proc/self/mountinfo',
      message: 'no cgroup file system is mounted; mount cgroup2 at /sys/fs/cgroup',
    });
  }
  const versions = new Set(
    hierarchies.filter((h) => h.version === 2 || h.controllers.length > 0).map((h) => h.version),
  );
  const mode = versions.size === 2 ? 'hybrid' : versions.has(2) ? 'v2' : 'v1';
  return { mode, hierarchies, cgroup2Flags };
}

const v1Controllers: ReadonlySet<string> = new Set(
  words('cpu cpuacct cpuset memory devices freezer blkio pids net_cls net_prio perf_event hugetlb rdma misc'),
);

interface CgroupMount {
  readonly mountPoint: string;
  readonly version: 1 | 2;
  /** The super block's. */
  readonly options: readonly string[];
}

function parseMount(line: string): CgroupMount[] {
  const [before = '', after = ''] = line.split(' - ');
  const mountPoint = before.split(' ')[4];
  const [type, , options = ''] = after.split(' ');
  if (mountPoint === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
  return [
    { mountPoint: decodeOctal(mountPoint), version: type === 'cgroup2' ? 2 : 1, options: options.split(',') },
  ];
}

/** mountinfo writes space, tab, newline and backslash as octal numbers. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
