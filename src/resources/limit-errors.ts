/** Limits that cannot be: told from the numbers alone, or by the kernel. Either way invalid-argument, naming CRI's member. */
import { GantryError } from '../base/index.ts';
import type { LinuxContainerResources } from '../cri-types/index.ts';
import { Stage1Error } from '../stage1/index.ts';

/** Microseconds, the kernel's own bounds (sched-bwc.rst). */
const shortest = 1_000n;
const longestPeriod = 1_000_000n;

/** Errors: invalid-argument. Pure. */
export function checkLimits(limits: LinuxContainerResources): void {
  const { cpuPeriod, cpuQuota, cpuShares, memoryLimitInBytes, memorySwapLimitInBytes } = limits;
  if (cpuPeriod !== 0n && (cpuPeriod < shortest || cpuPeriod > longestPeriod)) {
    throw invalid('cpu_period', `${cpuPeriod} is not between ${shortest} and ${longestPeriod} microseconds`);
  }
  if (cpuQuota > 0n && cpuQuota < shortest) {
    throw invalid('cpu_quota', `${cpuQuota} is less than ${shortest} microseconds; -1 is no limit`);
  }
  if (memoryLimitInBytes < -1n) {
    throw invalid('memory_limit_in_bytes', `${memoryLimitInBytes} is negative; -1 is no limit`);
  }
  if (cpuShares < 0n) throw invalid('cpu_shares', `${cpuShares} is negative; 1024 is a whole CPU's share`);
  if (memorySwapLimitInBytes > 0n && memorySwapLimitInBytes < memoryLimitInBytes) {
    throw invalid(
      'memory_swap_limit_in_bytes',
      `${memorySwapLimitInBytes} is below memory_limit_in_bytes (${memoryLimitInBytes}): it is memory and swap together`,
    );
  }
  for (const { pageSize } of limits.hugepageLimits) {
    if (/^\d+[KMGT]?B$/.test(pageSize)) continue;
    throw invalid('hugepage_limits', `"${pageSize}" is no size of pages; they are written as 2MB or 1GB`);
  }
}

/** What stage1 calls a limit, which is what the OCI document does, in CRI's words. */
const criNames: Readonly<Record<string, string>> = {
  'memory.limit': 'memory_limit_in_bytes',
  'memory.swap': 'memory_swap_limit_in_bytes',
  'cpu.shares': 'cpu_shares',
  'cpu.quota': 'cpu_quota',
  'cpu.period': 'cpu_period',
  'cpu.cpus': 'cpuset_cpus',
  'cpu.mems': 'cpuset_mems',
  hugepageLimits: 'hugepage_limits',
};

/** stage1's refusal of a limit with CRI's name of it; any other error as it is. */
export function asLimitError(error: unknown): never {
  if (!(error instanceof Stage1Error) || error.operation !== 'set' || error.code !== 'invalid-argument') {
    throw error;
  }
  const { subject = '' } = error;
  throw invalid(criNames[subject] ?? subject, error.message);
}

function invalid(subject: string, why: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'set limits',
    subject,
    message: `${subject}: ${why}`,
  });
}
