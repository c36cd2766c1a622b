import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlines, describeError, GantryError } from '../../base/index.ts';
import { killCgroup, startScope } from '../../resources/index.ts';
import { podManifest } from '../plan/pod.ts';
import { isThere } from '../store/directory.ts';
import type { Sandbox } from '../store/sandbox.ts';
import { emptyCgroup } from './cgroup.ts';
import type { PodMaking, PodResource, ResourceHost } from './types.ts';

/** The pod's stage1, with every process below it. Released: no process is left, and the pod's lock is free. */
export const supervisor: PodResource = {
  releaseDeadline: deadlines.stopPod + 2 * deadlines.kill + deadlines.undo,
  make: launch,
  async release(host, sandbox) {
    await askToEnd(host, sandbox);
    await untilLockFree(host, sandbox);
    takeLock(sandbox);
    try {
      sandbox.detach();
      await emptyCgroups(host, sandbox);
    } finally {
      sandbox.releaseLock();
    }
  },
};

/** stage1 started and ready. Its events reach the pod from now on. */
async function launch(host: ResourceHost, making: PodMaking): Promise<void> {
  const { entry: sandbox, plan, facts } = making;
  const { lockFd, directory } = sandbox;
  if (lockFd === undefined) throw new Error(`sandbox ${sandbox.id} is launched without its lock`);
  // Nobody reads it before stage1 is started, so it need not be replaced atomically.
  const manifest = podManifest(plan, sandbox.record, facts);
  writeFileSync(directory.manifest, JSON.stringify(manifest), { mode: 0o600 });
  const { scope, path } = facts.cgroup;
  const description = `Gantry pod ${sandbox.record.name}`;
  const launching = host.control.launch({
    flavor: plan.flavor.name,
    podDirectory: directory.path,
    lockFd,
    cgroupPath: scope === undefined ? path : '',
    deadline: deadlines.launch,
    ...(scope === undefined
      ? {}
      : {
          place: (pid) => startScope({ pid, ...scope, description }, AbortSignal.timeout(deadlines.launch)),
        }),
    onEvent: (event) => host.onEvent(sandbox, event),
  });
  // It is spawned by now, with the lock; our own copy would keep a dead pod's lock held.
  sandbox.releaseLock();
  const { client, sandboxPid } = await launching;
  host.onReady(sandbox, client);
  making.pid = sandboxPid;
}

/** By stage1 where it listens. Never rejects: what cannot be asked is killed. */
async function askToEnd(host: ResourceHost, sandbox: Sandbox): Promise<void> {
  const { client } = sandbox;
  if (client === undefined) return;
  try {
    // No grace: whoever wants one stops the containers first, as the kubelet does.
    host.onStates(sandbox, await client.stopPod(0n, { timeout: deadlines.stopPod }));
  } catch (error) {
    host.log.warn(
      { sandbox: sandbox.id, error: describeError(error) },
      'stage1 did not stop its pod; killing it',
    );
  }
}

/** stage1 ends right after its answer; one that does not is killed with its cgroup. Errors: deadline-exceeded. */
async function untilLockFree(host: ResourceHost, sandbox: Sandbox): Promise<void> {
  if (sandbox.lockFd !== undefined) return; // it is ours: stage1 was never started
  if (sandbox.client?.isOpen)
    await Promise.race([sandbox.client.closed, sleep(2_000, undefined, { ref: false })]);
  for (let wait = 1; wait < 100; wait *= 2) {
    if (!sandbox.directory.isHeld()) return;
    await sleep(wait);
  }
  const { cgroupPath } = sandbox.record;
  if (cgroupPath !== '') await killCgroup(host.cgroups, cgroupPath, deadlines.kill);
  for (let wait = 1; wait < 1_000 && sandbox.directory.isHeld(); wait *= 2) await sleep(wait);
}

/** So that nobody else takes the pod for dead, or alive, meanwhile. Errors: failed-precondition while stage1 lives. */
function takeLock(sandbox: Sandbox): void {
  if (sandbox.lockFd !== undefined || !isThere(sandbox.directory.path)) return;
  const fd = sandbox.directory.take();
  if (fd === undefined) {
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'end pod',
      subject: sandbox.id,
      message: `the stage1 of pod sandbox ${sandbox.id} lives on: the pod's lock is held, and its cgroup is empty`,
    });
  }
  sandbox.holdLock(fd);
}

/** Of everything that may still have some. Errors: deadline-exceeded, naming the processes that cannot be killed. */
async function emptyCgroups(host: ResourceHost, sandbox: Sandbox): Promise<void> {
  const left = [...sandbox.containers.values()].filter(({ state }) => state.kind !== 'exited');
  const all = [...left.map(({ record }) => record.cgroupPath), sandbox.record.cgroupPath];
  await Promise.all(all.filter((path) => path !== '').map((path) => emptyCgroup(host, path)));
}
