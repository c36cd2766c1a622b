import type { CgroupPath } from '../../resources/index.ts';
import type { CgroupDriver, LogSink, PodOwner } from '../../stage1/index.ts';

/** Who has pods made, and what that decides. `src/owner/` has one file for each; nobody else asks a record who its owner is. */
export interface Owner {
  readonly name: PodOwner;
  /** Whether CRI shows its pods (lists, statuses, events, statistics, NRI): the kubelet kills those that it does not know. */
  readonly shownByCri: boolean;
  /** Whether the server looks after its pods: adopts the living at start-up, ends the dead. */
  readonly supervisedByServer: boolean;
  /** The pod's own cgroup, where stage1 is. Errors: invalid-argument for a parent that the driver cannot have. */
  podCgroup(driver: CgroupDriver, parent: string, podId: string): CgroupPath;
  /** Where an app's output goes; `path` is '' where no log was asked for. */
  logSink(path: string): LogSink;
}

/** The owner of a record; a word of another release is an owner that nobody is shown. */
export type Owners = (name: string) => Owner;
