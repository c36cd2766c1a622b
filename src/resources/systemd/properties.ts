/** OCI's limits as properties of a scope: what systemd writes again at each daemon-reload. Pure. */
import type { OciResources } from '../../base/index.ts';
import { deviceProperties } from './devices.ts';
import { ioProperties } from './io.ts';
import { numberSet } from './number-set.ts';
import { unifiedProperties } from './unified.ts';
import { infinity, type UnitProperty } from './unit-property.ts';

/** What the limits that are to be set depend on. */
export interface ScopeFacts {
  /** Whether systemd itself uses cgroup v2: it has other properties with v1. */
  readonly unified: boolean;
  /** The period that is in force, in µs, where the limits name only a quota; absent: the kernel's own. */
  readonly period?: number;
  /** The memory limit that is in force, in bytes, where they name only swap. */
  readonly memoryLimit?: number;
}

const defaultPeriod = 100_000;

/**
 * The properties that stand for these limits; members that are absent give none, so that an update leaves them. What has no property
 * (huge pages, cpu.burst, most of `unified`) systemd never touches, and stage1 writes it.
 */
export function limitProperties(resources: OciResources, facts: ScopeFacts): UnitProperty[] {
  const properties = [
    ...memoryProperties(resources.memory ?? {}, facts),
    ...cpuProperties(resources.cpu ?? {}, facts),
    ...tasksProperties(resources.pids),
    ...ioProperties(resources.blockIO ?? {}, facts.unified),
    ...(resources.devices === undefined ? [] : deviceProperties(resources.devices)),
    ...(facts.unified ? unifiedProperties(resources.unified ?? {}) : []),
  ];
  // `unified` is written last: what it says wins.
  return [...new Map(properties.map((property) => [property.name, property])).values()];
}

/**
 * systemd keeps a quota in whole percents of a CPU: a fraction is rounded up, as runc does, and cpu.max gets the same value, so
 * that nothing changes at the next daemon-reload. Pure.
 */
export function asSystemdKeepsThem(resources: OciResources, facts: ScopeFacts): OciResources {
  const { cpu, unified } = resources;
  const [quota = '', period = '100000'] = (unified?.['cpu.max'] ?? '').trim().split(/\s+/);
  return {
    ...resources,
    ...(cpu?.quota === undefined || cpu.quota <= 0
      ? {}
      : { cpu: { ...cpu, quota: wholePercents(cpu.quota, cpu.period || facts.period || defaultPeriod) } }),
    ...(/^\d+$/.test(quota) && Number(period) > 0
      ? { unified: { ...unified, 'cpu.max': `${wholePercents(Number(quota), Number(period))} ${period}` } }
      : {}),
  };
}

/** The quota that systemd writes for its own form of this one. */
function wholePercents(quota: number, period: number): number {
  return Math.floor((Number(quotaPerSecond(quota, period)) * period) / 1_000_000);
}

/** µs of CPU time a second, rounded up to 1 % of a CPU. */
export function quotaPerSecond(quota: number, period: number): bigint {
  return BigInt(Math.ceil((quota * 100) / period)) * 10_000n;
}

/** v1's shares (2–262144) as v2's weight (1–10000): the curve of the OCI runtimes since 2025, on which 1024 is 100. */
export function cpuWeightOf(shares: number): bigint {
  if (shares <= 2) return 1n;
  if (shares >= 262_144) return 10_000n;
  const log = Math.log2(shares);
  return BigInt(Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)));
}

function memoryProperties(
  { limit = 0, swap = 0, reservation = 0 }: NonNullable<OciResources['memory']>,
  { unified, memoryLimit = 0 }: ScopeFacts,
): UnitProperty[] {
  if (!unified) return limit === 0 ? [] : [bytes('MemoryLimit', limit)];
  const base = limit > 0 ? limit : memoryLimit;
  return [
    ...(limit === 0 ? [] : [bytes('MemoryMax', limit)]),
    ...(reservation === 0 ? [] : [bytes('MemoryLow', reservation)]),
    // OCI's is memory plus swap. One below the memory alone is stage1's to refuse.
    ...(swap < 0 ? [bytes('MemorySwapMax', -1)] : []),
    ...(swap > 0 && base > 0 && swap >= base ? [bytes('MemorySwapMax', swap - base)] : []),
  ];
}

function bytes(name: string, value: number): UnitProperty {
  return { name, type: 't', value: value < 0 ? infinity : BigInt(value) };
}

function cpuProperties(cpu: NonNullable<OciResources['cpu']>, facts: ScopeFacts): UnitProperty[] {
  const { quota = 0, period = 0, cpus = '', mems = '' } = cpu;
  const perSecond = quota < 0 ? infinity : quotaPerSecond(quota, period || facts.period || defaultPeriod);
  return [
    ...weight(cpu, facts.unified),
    ...(period === 0 ? [] : [{ name: 'CPUQuotaPeriodUSec', type: 't', value: BigInt(period) }]),
    ...(quota === 0 ? [] : [{ name: 'CPUQuotaPerSecUSec', type: 't', value: perSecond }]),
    // systemd has nothing to do with v1's controller `cpuset`.
    ...(facts.unified ? numberSet('AllowedCPUs', cpus) : []),
    ...(facts.unified ? numberSet('AllowedMemoryNodes', mems) : []),
  ];
}

function weight(
  { shares = 0, idle = 0 }: NonNullable<OciResources['cpu']>,
  unified: boolean,
): UnitProperty[] {
  if (unified && idle > 0) return [{ name: 'CPUWeight', type: 't', value: 0n }];
  if (shares === 0) return [];
  return unified
    ? [{ name: 'CPUWeight', type: 't', value: cpuWeightOf(shares) }]
    : [{ name: 'CPUShares', type: 't', value: BigInt(shares) }];
}

function tasksProperties(pids: OciResources['pids']): UnitProperty[] {
  if (pids === undefined) return [];
  return [{ name: 'TasksMax', type: 't', value: pids.limit > 0 ? BigInt(pids.limit) : infinity }];
}
