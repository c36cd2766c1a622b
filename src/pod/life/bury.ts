/** What is done for a pod whose stage1 is gone: whatever is left of it is killed before anything is reported. */
import { deadlines, describeError, GantryError, nowNanoseconds } from '../../base/index.ts';
import { killCgroup, removeCgroup, removeParents } from '../../resources/index.ts';
import { eventOf } from '../model/events.ts';
import type { PodService } from '../service.ts';
import type { Sandbox } from '../store/sandbox.ts';
import { accountForLost } from './exits.ts';

/**
 * Takes the lock, kills the pod's cgroups, waits until they are empty, accounts for each container by its exit record, and
 * marks the pod as not ready. Idempotent; under the sandbox's mutex. Errors: deadline-exceeded when a process cannot be
 * killed (the pod stays as it is and the call may be repeated), failed-precondition while stage1 lives.
 */
export async function bury(pods: PodService, sandbox: Sandbox, why: string): Promise<void> {
  holdLock(sandbox);
  try {
    sandbox.detach();
    await clearCgroups(pods, sandbox);
    const when = nowNanoseconds();
    for (const container of sandbox.containers.values()) {
      accountForLost(
        pods,
        container,
        when,
        `pod sandbox ${sandbox.id}: ${why} before this container's end was recorded`,
      );
    }
    if (sandbox.state.kind === 'ready') {
      sandbox.advance({ kind: 'notready', networkDown: !hasNetwork(sandbox), reason: why });
      pods.events.publish(eventOf('stopped', sandbox));
    }
  } finally {
    sandbox.releaseLock();
  }
}

/** Whether there is anything of a network to take down. */
export function hasNetwork(sandbox: Sandbox): boolean {
  return (
    sandbox.record.network !== undefined ||
    sandbox.record.netnsPath !== '' ||
    sandbox.record.usernsPath !== ''
  );
}

/** Kills and removes the cgroups of everything that may still have some. */
export async function clearCgroups(pods: PodService, sandbox: Sandbox): Promise<void> {
  const left = [...sandbox.containers.values()].filter(({ state }) => state.kind !== 'exited');
  const all = [...left.map(({ record }) => record.cgroupPath), sandbox.record.cgroupPath];
  await Promise.all(all.filter((path) => path !== '').map((path) => clearCgroup(pods, path)));
  removeParents(pods.cgroups, sandbox.record.newCgroups ?? []);
}

export async function clearCgroup(pods: PodService, path: string): Promise<void> {
  await killCgroup(pods.cgroups, path, deadlines.kill);
  try {
    await removeCgroup(pods.cgroups, path);
  } catch (error) {
    // Empty, but busy: a bug of ours or of the kernel. It hurts nobody, and must not keep a pod from ending.
    pods.log.warn({ cgroup: path, error: describeError(error) }, 'an empty cgroup could not be removed');
  }
}

function holdLock(sandbox: Sandbox): void {
  if (sandbox.lockFd !== undefined) return;
  const fd = sandbox.directory.take();
  if (fd === undefined) {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'bury pod',
      subject: sandbox.id,
      message: `pod sandbox ${sandbox.id} is not dead: its lock is held`,
    });
  }
  sandbox.holdLock(fd);
}
