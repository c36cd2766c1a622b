/** The end of a pod: its processes, its network, its directory. Shared by the calls, their undo, and start-up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deadlines, describeError, native } from '../../base/index.ts';
import { killCgroup } from '../../resources/index.ts';
import { eventOf } from '../model/events.ts';
import type { PodService } from '../service.ts';
import type { Sandbox } from '../store/sandbox.ts';
import { bury } from './bury.ts';
import { applyAppState } from './exits.ts';
import { failpoint } from './failpoints.ts';
import { tellPodStopped } from './nri.ts';
import { discardContainer, eraseContainer } from './remove.ts';

/**
 * Ends every process, then takes the network down: each step once, again only where it failed. Idempotent; under the
 * sandbox's mutex. Errors: the step's, and the pod may be stopped again.
 */
export async function stopSandbox(pods: PodService, sandbox: Sandbox): Promise<void> {
  if (sandbox.state.kind === 'ready') {
    await endProcesses(pods, sandbox);
    await failpoint('stop-pod/processes');
  }
  // Plug-ins hear of it when no process is left, and what they look at still is there.
  await tellPodStopped(pods, sandbox);
  if (sandbox.state.kind === 'notready' && !sandbox.state.networkDown) {
    await takeNetworkDown(pods, sandbox);
    sandbox.advance({ ...sandbox.state, networkDown: true });
  }
}

/** By stage1 where it listens, without it where it does not. Leaves the pod notready. */
async function endProcesses(pods: PodService, sandbox: Sandbox): Promise<void> {
  await askStage1ToEnd(pods, sandbox);
  await untilLockFree(pods, sandbox);
  await bury(pods, sandbox, '');
}

/** Never rejects: what cannot be asked is killed. */
async function askStage1ToEnd(pods: PodService, sandbox: Sandbox): Promise<void> {
  const client = sandbox.client;
  if (client === undefined) return;
  try {
    // No grace: whoever wants one stops the containers first, as the kubelet does.
    const apps = await client.stopPod(0n, { timeout: deadlines.stopPod });
    for (const app of apps) {
      const container = sandbox.containers.get(app.appId);
      if (container !== undefined) applyAppState(pods, container, app);
    }
  } catch (error) {
    pods.log.warn(
      { sandbox: sandbox.id, error: describeError(error) },
      'stage1 did not stop its pod; killing it',
    );
  }
}

/** stage1 ends right after its answer; one that does not is killed with its cgroup. Errors: deadline-exceeded. */
async function untilLockFree(pods: PodService, sandbox: Sandbox): Promise<void> {
  if (sandbox.lockFd !== undefined) return; // it is ours: stage1 was never started
  if (sandbox.client?.isOpen)
    await Promise.race([sandbox.client.closed, sleep(2_000, undefined, { ref: false })]);
  for (let wait = 1; wait < 100; wait *= 2) {
    if (!sandbox.directory.isHeld()) return;
    await sleep(wait);
  }
  if (sandbox.record.cgroupPath !== '')
    await killCgroup(pods.cgroups, sandbox.record.cgroupPath, deadlines.kill);
  for (let wait = 1; wait < 1_000 && sandbox.directory.isHeld(); wait *= 2) await sleep(wait);
}

/** DEL first; the namespace stays until it has succeeded. Idempotent. */
export async function takeNetworkDown(pods: PodService, sandbox: Sandbox): Promise<void> {
  const { network, netnsPath, usernsPath } = sandbox.record;
  if (network !== undefined) await pods.network.tearDown(network);
  await failpoint('stop-pod/network');
  if (netnsPath !== '') await native().netnsRemove(netnsPath);
  if (usernsPath !== '') await native().usernsRemove(usernsPath);
  await failpoint('stop-pod/netns');
}

/** Stops what runs, removes what there is. Idempotent; under the sandbox's mutex. */
export async function removeSandbox(pods: PodService, sandbox: Sandbox): Promise<void> {
  await stopSandbox(pods, sandbox);
  // From here on no container can be added; those in the making fail and undo themselves.
  sandbox.advance({ kind: 'removing' });
  sandbox.making.giveUp(`pod sandbox ${sandbox.id} is being removed`);
  await sandbox.making.ended();
  for (const container of [...sandbox.containers.values()]) {
    await container.mutex.run(() => eraseContainer(pods, container));
  }
  for (const id of sandbox.unknownContainers.keys()) await pods.images.releaseLayers(id);
  await pods.nri.removePodSandbox(sandbox.id);
  await sandbox.directory.remove();
  pods.dropSandbox(sandbox);
  pods.events.publish(eventOf('deleted', sandbox));
}

/**
 * Takes back a sandbox that never was: for start-up, and the last resort of an undo. Every step is idempotent, and one that
 * fails leaves the record, so that the next start-up goes on. Errors: the step's.
 */
export async function discardSandbox(pods: PodService, sandbox: Sandbox): Promise<void> {
  for (const container of [...sandbox.containers.values()]) await discardContainer(pods, container);
  await endStage1(pods, sandbox);
  await takeNetworkDown(pods, sandbox);
  await sandbox.directory.remove();
  pods.dropSandbox(sandbox);
}

/** Undo of a launch: stage1 and all of its processes gone, its lock free. Idempotent, also where it was never started. */
export async function endStage1(pods: PodService, sandbox: Sandbox): Promise<void> {
  await askStage1ToEnd(pods, sandbox);
  await untilLockFree(pods, sandbox);
  await bury(pods, sandbox, 'it was never ready');
}
