import { statfsSync } from 'node:fs';
import { nowNanoseconds } from '../../base/index.ts';
import type { ContainerRecord, SandboxRecord } from '../../pod/index.ts';
import type { CgroupCounters, DirectoryUsage, InterfaceUsage } from '../../resources/index.ts';

/** All that one container's samples are made from. */
export interface ContainerSample {
  readonly container: ContainerRecord;
  readonly counters: CgroupCounters;
  readonly layer: DirectoryUsage | undefined;
  readonly filesystem: Filesystem | undefined;
  /** Nanoseconds since the epoch. */
  readonly at: bigint;
}

export interface Filesystem {
  readonly bytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** All that a pod's own samples are made from. */
export interface PodSample {
  readonly sandbox: SandboxRecord;
  readonly interfaces: readonly InterfaceUsage[];
}

/** Of the file system that a directory lies on; undefined when it is gone. */
export function filesystemOf(directory: string): Filesystem | undefined {
  try {
    const { blocks, bsize, files, ffree } = statfsSync(directory);
    return { bytes: blocks * bsize, inodes: files, inodesFree: ffree };
  } catch {
    return undefined;
  }
}

export function containerSample(
  container: ContainerRecord,
  counters: CgroupCounters,
  layer: DirectoryUsage | undefined,
): ContainerSample {
  const filesystem = container.writablePath === '' ? undefined : filesystemOf(container.writablePath);
  return { container, counters, layer, filesystem, at: nowNanoseconds() };
}
