import { nowNanoseconds } from '../base/index.ts';
import type {
  ContainerStatsInit,
  CpuUsageInit,
  IoUsageInit,
  MemoryUsageInit,
  NetworkInterfaceUsageInit,
  PodSandboxStatsInit,
  PsiDataInit,
  PsiStatsInit,
  UInt64ValueInit,
} from '../cri-types/index.ts';
import type { ContainerRecord, SandboxRecord } from '../pod/index.ts';
import type {
  CgroupUsage,
  DirectoryUsage,
  InterfaceUsage,
  Pressure,
  PressureLine,
} from '../resources/index.ts';

/** @param filesystem where writable layers lie: the same words as in ImageFsInfo */
export function containerStats(
  container: ContainerRecord,
  usage: CgroupUsage | undefined,
  rate: bigint | undefined,
  layer: DirectoryUsage | undefined,
  filesystem: string,
): ContainerStatsInit {
  const { metadata, labels, annotations } = container.config;
  return {
    attributes: { id: container.id, metadata, labels, annotations },
    cpu: cpuStats(usage, rate),
    memory: memoryStats(usage),
    swap: usage?.swap && {
      timestamp: usage.timestamp,
      swapUsageBytes: value(usage.swap.usage),
      swapAvailableBytes: value(usage.swap.available),
    },
    io: ioStats(usage),
    writableLayer: layer && {
      timestamp: layer.timestamp,
      fsId: { mountpoint: filesystem },
      usedBytes: value(layer.usedBytes),
      inodesUsed: value(layer.inodesUsed),
    },
  };
}

export interface PodMeasurements {
  readonly sandbox: SandboxRecord;
  readonly usage: CgroupUsage | undefined;
  readonly processes: number | undefined;
  readonly rate: bigint | undefined;
  readonly network: readonly InterfaceUsage[] | undefined;
  readonly containers: readonly ContainerStatsInit[];
}

export function podSandboxStats(measured: PodMeasurements): PodSandboxStatsInit {
  const { sandbox, usage, processes, rate, network, containers } = measured;
  const { metadata, labels, annotations } = sandbox.config;
  const timestamp = usage?.timestamp ?? nowNanoseconds();
  const [main] = network ?? [];
  return {
    attributes: { id: sandbox.id, metadata, labels, annotations },
    linux: {
      cpu: cpuStats(usage, rate),
      memory: memoryStats(usage),
      io: ioStats(usage),
      process: processes === undefined ? undefined : { timestamp, processCount: value(processes) },
      network: main && {
        timestamp,
        defaultInterface: interfaceStats(main),
        // The default one, too, as under containerd and in cAdvisor's own statistics, which the kubelet passes on.
        interfaces: network?.map(interfaceStats) ?? [],
      },
      containers,
    },
  };
}

function cpuStats(usage: CgroupUsage | undefined, rate: bigint | undefined): CpuUsageInit | undefined {
  if (usage?.cpu === undefined) return undefined;
  return {
    timestamp: usage.timestamp,
    usageCoreNanoSeconds: { value: usage.cpu.nanoseconds },
    usageNanoCores: rate === undefined ? undefined : { value: rate },
    psi: pressure(usage.cpu.pressure),
  };
}

function memoryStats(usage: CgroupUsage | undefined): MemoryUsageInit | undefined {
  const memory = usage?.memory;
  if (usage === undefined || memory === undefined) return undefined;
  return {
    timestamp: usage.timestamp,
    workingSetBytes: value(memory.workingSet),
    availableBytes: value(memory.available),
    usageBytes: value(memory.usage),
    rssBytes: value(memory.rss),
    pageFaults: value(memory.pageFaults),
    majorPageFaults: value(memory.majorPageFaults),
    psi: pressure(memory.pressure),
  };
}

function ioStats(usage: CgroupUsage | undefined): IoUsageInit | undefined {
  return usage?.io && { timestamp: usage.timestamp, psi: pressure(usage.io.pressure) };
}

function interfaceStats(from: InterfaceUsage): NetworkInterfaceUsageInit {
  return {
    name: from.name,
    rxBytes: value(from.rxBytes),
    rxErrors: value(from.rxErrors),
    txBytes: value(from.txBytes),
    txErrors: value(from.txErrors),
  };
}

function pressure(from: Pressure | undefined): PsiStatsInit | undefined {
  return from && { Some: pressureLine(from.some), Full: pressureLine(from.full) };
}

function pressureLine(from: PressureLine): PsiDataInit {
  return { Total: from.total, Avg10: from.average10, Avg60: from.average60, Avg300: from.average300 };
}

function value(number: number | undefined): UInt64ValueInit | undefined {
  return number === undefined ? undefined : { value: BigInt(Math.round(number)) };
}
