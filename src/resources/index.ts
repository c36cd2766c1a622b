export { absentParents, removeParents } from './cgroup-parents.ts';
export { cgroupPopulated, killCgroup, removeCgroup } from './cgroup-tree.ts';
export { type CgroupCounters, type IoCounter, readCounters } from './counters.ts';
export { CpuRates, type CpuSample } from './cpu-rate.ts';
export { expectMoves } from './expect-moves.ts';
export { type DirectoryUsage, DirectoryUsages } from './layer-usage.ts';
export {
  type CgroupLayout,
  type Hierarchy,
  hierarchyOf,
  readLayout,
  unifiedOf,
} from './layout.ts';
export { asLimitError } from './limit-errors.ts';
export { mergeResources, toOciResources } from './limits.ts';
export { type InterfaceUsage, networkUsage } from './network-usage.ts';
export { type CgroupPath, cgroupPath } from './paths.ts';
export type { Pressure, PressureLine } from './pressure.ts';
export {
  onReloaded,
  requireSystemd,
  restoreUnified,
  type ScopeLimits,
  type ScopeRequest,
  scopeLimits,
  setUnitProperties,
  startScope,
  stopScopeOf,
  type UnitProperty,
} from './systemd/index.ts';
export { type CgroupUsage, type MemoryUsage, readUsage, taskCount } from './usage.ts';
