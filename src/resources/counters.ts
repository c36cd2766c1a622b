import { join } from 'node:path';
import { openFilesOf } from '../host-files/index.ts';
import { type HugetlbCounter, readHugetlb } from './hugetlb.ts';
import { type CgroupLayout, hierarchyOf } from './layout.ts';
import { type Pressure, parsePressure } from './pressure.ts';
import { parseKeyed, readNumber, readSmall } from './small-file.ts';

/** Everything of a cgroup that monitoring asks for. A member is undefined where this host does not keep it. */
export interface CgroupCounters {
  readonly cpu: CpuCounters;
  readonly memory: MemoryCounters;
  readonly io: readonly IoCounter[];
  readonly processes: ProcessCounters;
  readonly hugetlb: readonly HugetlbCounter[];
  /** Kept by cgroup2 only. */
  readonly pressure: Readonly<Record<'cpu' | 'memory' | 'io', Pressure | undefined>>;
}

export interface CpuCounters {
  /** Nanoseconds. */
  readonly usage: number | undefined;
  readonly user: number | undefined;
  readonly system: number | undefined;
  readonly periods: number | undefined;
  readonly throttledPeriods: number | undefined;
  readonly throttled: number | undefined;
}

/** Bytes, but for the last seven. */
export interface MemoryCounters {
  readonly usage: number | undefined;
  readonly maximum: number | undefined;
  readonly workingSet: number | undefined;
  readonly cache: number | undefined;
  readonly rss: number | undefined;
  readonly kernel: number | undefined;
  readonly mappedFile: number | undefined;
  readonly swap: number | undefined;
  readonly activeFile: number | undefined;
  readonly inactiveFile: number | undefined;
  readonly limitHits: number | undefined;
  readonly pageFaults: number | undefined;
  readonly majorPageFaults: number | undefined;
  readonly oomKills: number | undefined;
  /** How often it was held back, or reclaimed from, at `memory.high` and at `memory.max`; cgroup2 only. */
  readonly highEvents: number | undefined;
  readonly maxEvents: number | undefined;
}

export interface IoCounter {
  readonly major: number;
  readonly minor: number;
  readonly operation: 'Read' | 'Write';
  readonly bytes: number;
  readonly operations: number;
}

export interface ProcessCounters {
  readonly processes: number;
  readonly threads: number | undefined;
  /** undefined: no limit. */
  readonly threadsMaximum: number | undefined;
  /** undefined: they were not counted in time. */
  readonly fileDescriptors: number | undefined;
  readonly sockets: number | undefined;
  /** Of the cgroup's first process; undefined: no limit, or no process. */
  readonly openFilesLimit: number | undefined;
}

/** Reads them all: some thirty files here, and the descriptors of every process in a helper. */
export async function readCounters(layout: CgroupLayout, path: string): Promise<CgroupCounters> {
  const at = (controller: string): { directory: string; v1: boolean } | undefined => {
    const hierarchy = hierarchyOf(layout, controller);
    return hierarchy && { directory: join(hierarchy.mountPoint, path), v1: hierarchy.version === 1 };
  };
  return {
    cpu: readCpu(at('cpuacct'), at('cpu')),
    memory: readMemory(at('memory')),
    io: readIo(at('blkio') ?? at('io')),
    processes: await readProcesses(at('pids') ?? at('memory')),
    hugetlb: readHugetlb(layout, path),
    pressure: {
      cpu: readPressure(at('cpu'), 'cpu.pressure'),
      memory: readPressure(at('memory'), 'memory.pressure'),
      io: readPressure(at('io'), 'io.pressure'),
    },
  };
}

type Place = { readonly directory: string; readonly v1: boolean } | undefined;

/** USER_HZ of every Linux that Gantry runs on: cpuacct.stat counts in it. */
const nanosecondsPerTick = 10_000_000;

function readCpu(accounting: Place, cpu: Place): CpuCounters {
  const stat = parseKeyed(cpu && readSmall(join(cpu.directory, 'cpu.stat')));
  const scaled = (name: string, factor: number): number | undefined => multiply(stat.get(name), factor);
  const limits = { periods: stat.get('nr_periods'), throttledPeriods: stat.get('nr_throttled') };
  if (cpu?.v1 === false) {
    const [usage, user, system] = ['usage_usec', 'user_usec', 'system_usec'].map((name) =>
      scaled(name, 1000),
    );
    return { usage, user, system, ...limits, throttled: scaled('throttled_usec', 1000) };
  }
  const ticks = parseKeyed(accounting && readSmall(join(accounting.directory, 'cpuacct.stat')));
  return {
    usage: accounting && readNumber(join(accounting.directory, 'cpuacct.usage')),
    user: multiply(ticks.get('user'), nanosecondsPerTick),
    system: multiply(ticks.get('system'), nanosecondsPerTick),
    ...limits,
    throttled: stat.get('throttled_time'),
  };
}

function readMemory(place: Place): MemoryCounters {
  const { directory, v1 } = place ?? { directory: '/nonexistent', v1: true };
  const number = (name: string): number | undefined => readNumber(join(directory, name));
  const stat = parseKeyed(readSmall(join(directory, 'memory.stat')));
  const of = (onV1: string, onV2: string): number | undefined => stat.get(v1 ? `total_${onV1}` : onV2);
  const events = parseKeyed(readSmall(join(directory, v1 ? 'memory.oom_control' : 'memory.events')));
  const usage = number(v1 ? 'memory.usage_in_bytes' : 'memory.current');
  const inactiveFile = of('inactive_file', 'inactive_file');
  return {
    usage,
    maximum: number(v1 ? 'memory.max_usage_in_bytes' : 'memory.peak'),
    workingSet: usage === undefined ? undefined : Math.max(0, usage - (inactiveFile ?? 0)),
    cache: of('cache', 'file'),
    rss: of('rss', 'anon'),
    kernel: v1 ? number('memory.kmem.usage_in_bytes') : stat.get('kernel'),
    mappedFile: of('mapped_file', 'file_mapped'),
    swap: v1 ? stat.get('total_swap') : number('memory.swap.current'),
    activeFile: of('active_file', 'active_file'),
    inactiveFile,
    limitHits: v1 ? number('memory.failcnt') : events.get('max'),
    pageFaults: of('pgfault', 'pgfault'),
    majorPageFaults: of('pgmajfault', 'pgmajfault'),
    oomKills: events.get('oom_kill'),
    // v1 has no threshold before the limit: nobody was ever held up by one.
    highEvents: v1 && usage !== undefined ? 0 : events.get('high'),
    maxEvents: v1 ? number('memory.failcnt') : events.get('max'),
  };
}

function readPressure(place: Place, file: string): Pressure | undefined {
  return place?.v1 === false ? parsePressure(readSmall(join(place.directory, file))) : undefined;
}

function readIo(place: Place): IoCounter[] {
  if (place === undefined) return [];
  return place.v1
    ? parseBlkio(
        readSmall(join(place.directory, 'blkio.throttle.io_service_bytes_recursive')),
        readSmall(join(place.directory, 'blkio.throttle.io_serviced_recursive')),
      )
    : parseIoStat(readSmall(join(place.directory, 'io.stat')));
}

/** `8:0 Read 4096` a line, bytes in one file and operations in another. */
export function parseBlkio(bytes: string | undefined, operations: string | undefined): IoCounter[] {
  const parse = (text: string | undefined): Map<string, number> =>
    new Map(
      [...(text ?? '').matchAll(/^(\d+:\d+ (?:Read|Write)) (\d+)$/gm)].map(([, key, n]) => [
        key ?? '',
        Number(n),
      ]),
    );
  const counts = parse(operations);
  return [...parse(bytes)].map(([key, value]) => {
    const [device = '', operation] = key.split(' ');
    const [major = 0, minor = 0] = device.split(':').map(Number);
    return {
      major,
      minor,
      operation: operation as IoCounter['operation'],
      bytes: value,
      operations: counts.get(key) ?? 0,
    };
  });
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` a line. */
export function parseIoStat(text: string | undefined): IoCounter[] {
  return (text ?? '').split('\n').flatMap((line) => {
    const device = /^(\d+):(\d+) /.exec(line);
    if (device === null) return [];
    const of = (name: string): number => Number(new RegExp(` ${name}=(\\d+)`).exec(line)?.[1] ?? 0);
    const [major, minor] = [Number(device[1]), Number(device[2])];
    return [
      { major, minor, operation: 'Read' as const, bytes: of('rbytes'), operations: of('rios') },
      { major, minor, operation: 'Write' as const, bytes: of('wbytes'), operations: of('wios') },
    ];
  });
}

async function readProcesses(place: Place): Promise<ProcessCounters> {
  const directory = place?.directory ?? '/nonexistent';
  const open = await openFilesOf(directory).catch(() => undefined);
  const limit = /^Max open files\s+(\d+)/m.exec(open?.firstLimits ?? '')?.[1];
  return {
    processes: open?.processes ?? countLines(readSmall(join(directory, 'cgroup.procs'))),
    threads: readNumber(join(directory, 'pids.current')),
    threadsMaximum: readNumber(join(directory, 'pids.max')),
    fileDescriptors: open?.descriptors,
    sockets: open?.sockets,
    openFilesLimit: limit === undefined ? undefined : Number(limit),
  };
}

function countLines(text: string | undefined): number {
  return (text ?? '').split('\n').filter((line) => line !== '').length;
}

function multiply(number: number | undefined, factor: number): number | undefined {
  return number === undefined ? undefined : number * factor;
}
