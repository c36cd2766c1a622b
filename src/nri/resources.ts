/** Limits: NRI's form, CRI's and OCI's. Pure. */
import type { OciResources } from '../base/index.ts';
import type { LinuxContainerResources } from '../cri-types/index.ts';
import type { Field, LinuxResources, LinuxResourcesInit } from './generated/messages.ts';
import type { Owners } from './owners.ts';

const memoryFields = {
  limit: 'MemLimit',
  reservation: 'MemReservation',
  swap: 'MemSwapLimit',
  kernel: 'MemKernelLimit',
  kernelTcp: 'MemTCPLimit',
  swappiness: 'MemSwappiness',
  disableOomKiller: 'MemDisableOomKiller',
  useHierarchy: 'MemUseHierarchy',
} as const satisfies Record<string, Field>;

const cpuFields = {
  shares: 'CPUShares',
  quota: 'CPUQuota',
  period: 'CPUPeriod',
  realtimeRuntime: 'CPURealtimeRuntime',
  realtimePeriod: 'CPURealtimePeriod',
  cpus: 'CPUSetCPUs',
  mems: 'CPUSetMems',
} as const satisfies Record<string, Field>;

/** Errors: Owners.claim's. */
export function claimResources(owners: Owners, plugin: string, wanted: LinuxResources): void {
  const claimEach = (given: object, fields: Readonly<Record<string, Field>>): void => {
    for (const name of Object.keys(given)) {
      const field = fields[name];
      if (field !== undefined) owners.claim(field, plugin);
    }
  };
  claimEach(given(wanted.memory), memoryFields);
  claimEach(given(wanted.cpu), cpuFields);
  for (const { pageSize } of wanted.hugepageLimits) owners.claim('HugepageLimits', plugin, pageSize);
  for (const name of Object.keys(wanted.unified)) owners.claim('CgroupsUnified', plugin, name);
  if (wanted.blockioClass !== undefined) owners.claim('BlockioClass', plugin);
  if (wanted.rdtClass !== undefined) owners.claim('RdtClass', plugin);
  if (wanted.pids !== undefined) owners.claim('PidsLimit', plugin);
}

/** What is given replaces what was there. */
export function overlay(under: LinuxResourcesInit, over: LinuxResources): LinuxResourcesInit {
  const sizes = new Set(over.hugepageLimits.map(({ pageSize }) => pageSize));
  const kept = (under.hugepageLimits ?? []).filter(({ pageSize }) => !sizes.has(pageSize ?? ''));
  return {
    ...under,
    memory: { ...under.memory, ...given(over.memory) },
    cpu: { ...under.cpu, ...given(over.cpu) },
    hugepageLimits: [...kept, ...over.hugepageLimits],
    unified: { ...under.unified, ...over.unified },
    devices: [...(under.devices ?? []), ...over.devices],
    ...(over.blockioClass === undefined ? {} : { blockioClass: over.blockioClass }),
    ...(over.rdtClass === undefined ? {} : { rdtClass: over.rdtClass }),
    ...(over.pids === undefined ? {} : { pids: over.pids }),
  };
}

function given(part: object | undefined): object {
  const members = Object.entries(part ?? {}).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(members);
}

/** Members that CRI leaves at 0 or empty are absent. */
export function fromCri(from: LinuxContainerResources | undefined): LinuxResourcesInit | undefined {
  if (from === undefined) return undefined;
  const some = (value: bigint): { value: bigint } | undefined => (value === 0n ? undefined : { value });
  return {
    memory: { limit: some(from.memoryLimitInBytes), swap: some(from.memorySwapLimitInBytes) },
    cpu: {
      shares: some(from.cpuShares),
      quota: some(from.cpuQuota),
      period: some(from.cpuPeriod),
      cpus: from.cpusetCpus,
      mems: from.cpusetMems,
    },
    hugepageLimits: from.hugepageLimits,
    unified: from.unified,
  };
}

export function fromOci(from: OciResources | undefined): LinuxResourcesInit | undefined {
  if (from === undefined) return undefined;
  const { memory = {}, cpu = {} } = from;
  const some = (value: number | undefined): { value: bigint } | undefined =>
    value === undefined ? undefined : { value: BigInt(value) };
  return {
    memory: {
      limit: some(memory.limit),
      reservation: some(memory.reservation),
      swap: some(memory.swap),
      kernelTcp: some(memory.kernelTCP),
      swappiness: some(memory.swappiness),
      disableOomKiller:
        memory.disableOOMKiller === undefined ? undefined : { value: memory.disableOOMKiller },
    },
    cpu: {
      shares: some(cpu.shares),
      quota: some(cpu.quota),
      period: some(cpu.period),
      realtimeRuntime: some(cpu.realtimeRuntime),
      realtimePeriod: some(cpu.realtimePeriod),
      cpus: cpu.cpus ?? '',
      mems: cpu.mems ?? '',
    },
    hugepageLimits: (from.hugepageLimits ?? []).map(({ pageSize, limit }) => ({
      pageSize,
      limit: BigInt(limit),
    })),
    unified: from.unified ?? {},
    devices: (from.devices ?? []).map(({ allow, type, major, minor, access }) => ({
      allow,
      type: type ?? 'a',
      major: some(major),
      minor: some(minor),
      access: access ?? '',
    })),
    pids: from.pids,
  };
}

/** A memory limit without a swap limit allows no swap, as under CRI; swap is left out where the kernel does not count it. */
export function toOci(from: LinuxResourcesInit, swapAccounting: boolean): OciResources {
  const memory = memoryOf(from, swapAccounting);
  const cpu = cpuOf(from);
  const { hugepageLimits = [], unified = {}, devices = [], pids } = from;
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(hugepageLimits.length > 0
      ? {
          hugepageLimits: hugepageLimits.map((h) => ({
            pageSize: h.pageSize ?? '',
            limit: Number(h.limit ?? 0),
          })),
        }
      : {}),
    ...(Object.keys(unified).length > 0 ? { unified: { ...unified } } : {}),
    ...(devices.length > 0 ? { devices: devices.map(deviceRule) } : {}),
    ...(pids === undefined ? {} : { pids: { limit: Number(pids.limit ?? 0) } }),
  };
}

interface Wrapped {
  readonly value?: bigint | number | undefined;
}

function numbers(from: Readonly<Record<string, Wrapped | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(from).flatMap(([name, wrapped]) =>
      wrapped === undefined ? [] : [[name, Number(wrapped.value ?? 0)]],
    ),
  );
}

function memoryOf({ memory = {} }: LinuxResourcesInit, swapAccounting: boolean): OciMemory {
  const { limit, reservation, kernelTcp, swappiness, disableOomKiller } = memory;
  const swap = memory.swap ?? limit;
  return {
    ...numbers({ limit, reservation, kernelTCP: kernelTcp, swappiness }),
    ...(swapAccounting ? numbers({ swap }) : {}),
    ...(disableOomKiller === undefined ? {} : { disableOOMKiller: disableOomKiller.value === true }),
  };
}

type OciMemory = NonNullable<OciResources['memory']>;
type OciCpu = NonNullable<OciResources['cpu']>;

function cpuOf({ cpu = {} }: LinuxResourcesInit): OciCpu {
  const { shares, quota, period, realtimeRuntime, realtimePeriod, cpus = '', mems = '' } = cpu;
  return {
    ...numbers({ shares, quota, period, realtimeRuntime, realtimePeriod }),
    ...(cpus === '' ? {} : { cpus }),
    ...(mems === '' ? {} : { mems }),
  };
}

type Rule = NonNullable<OciResources['devices']>[number];

function deviceRule(rule: NonNullable<LinuxResourcesInit['devices']>[number]): Rule {
  const { allow = false, type = '', access = '' } = rule;
  return {
    allow,
    ...(type === 'a' || type === 'b' || type === 'c' ? { type } : {}),
    ...numbers({ major: rule.major, minor: rule.minor }),
    ...(access === '' ? {} : { access }),
  };
}
