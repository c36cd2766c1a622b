export { cgroupPids, cgroupPopulated, killCgroup, removeCgroup } from './cgroup-tree.ts';
export { type CgroupCounters, type IoCounter, readCounters } from './counters.ts';
export { CpuRates, type CpuSample } from './cpu-rate.ts';
export { type DirectoryUsage, DirectoryUsages, scanDirectory } from './layer-usage.ts';
export {
  type CgroupLayout,
  type Hierarchy,
  hierarchyOf,
  parseLayout,
  readLayout,
  unifiedOf,
} from './layout.ts';
export { mergeResources, toOciResources } from './limits.ts';
export { type InterfaceUsage, networkUsage } from './network-usage.ts';
export { type CgroupPath, cgroupParentPath, cgroupPath, expandSlice } from './paths.ts';
export type { Pressure, PressureLine } from './pressure.ts';
export { type ScopeRequest, startScope } from './systemd.ts';
export { type CgroupUsage, type MemoryUsage, readUsage, taskCount } from './usage.ts';
