import type { OciResources } from '../base/index.ts';
import type { LinuxContainerResources } from '../cri-types/index.ts';
import { checkLimits } from './limit-errors.ts';

/**
 * OCI's form of CRI's limits; members that CRI leaves at 0 or empty are absent, so that an update does not touch them.
 * A memory limit without a swap limit allows no swap, as under containerd; swap is left out where the kernel does not
 * count it. Errors: invalid-argument, for what no kernel takes.
 */
export function toOciResources(
  from: LinuxContainerResources | undefined,
  swapAccounting: boolean,
): OciResources {
  if (from === undefined) return {};
  checkLimits(from);
  const cpu = cpuOf(from);
  const memory = memoryOf(from, swapAccounting);
  return {
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(from.hugepageLimits.length > 0
      ? { hugepageLimits: from.hugepageLimits.map((h) => ({ pageSize: h.pageSize, limit: Number(h.limit) })) }
      : {}),
    ...(Object.keys(from.unified).length > 0 ? { unified: { ...from.unified } } : {}),
  };
}

function cpuOf(from: LinuxContainerResources): NonNullable<OciResources['cpu']> {
  return {
    ...(from.cpuPeriod !== 0n ? { period: Number(from.cpuPeriod) } : {}),
    ...(from.cpuQuota !== 0n ? { quota: Number(from.cpuQuota) } : {}),
    ...(from.cpuShares !== 0n ? { shares: Number(from.cpuShares) } : {}),
    ...(from.cpusetCpus !== '' ? { cpus: from.cpusetCpus } : {}),
    ...(from.cpusetMems !== '' ? { mems: from.cpusetMems } : {}),
  };
}

function memoryOf(
  from: LinuxContainerResources,
  swapAccounting: boolean,
): NonNullable<OciResources['memory']> {
  const limit = from.memoryLimitInBytes;
  const swap = from.memorySwapLimitInBytes !== 0n ? from.memorySwapLimitInBytes : limit;
  return {
    ...(limit !== 0n ? { limit: Number(limit) } : {}),
    ...(swapAccounting && swap !== 0n ? { swap: Number(swap) } : {}),
  };
}

/** What is in force after an update: given members replace, 0 and empty ones leave. `oom_score_adj` cannot be updated. */
export function mergeResources(
  current: LinuxContainerResources | undefined,
  update: LinuxContainerResources,
): LinuxContainerResources {
  if (current === undefined) return update;
  const changed = Object.entries(update).filter(([name, value]) => {
    if (name === 'unified' || name === 'hugepageLimits' || name === 'oomScoreAdj') return false;
    return value !== 0n && value !== '';
  });
  return {
    ...current,
    ...Object.fromEntries(changed),
    unified: { ...current.unified, ...update.unified },
    hugepageLimits: update.hugepageLimits.length > 0 ? update.hugepageLimits : current.hugepageLimits,
  };
}
