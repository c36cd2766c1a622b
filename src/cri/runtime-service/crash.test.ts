import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failpoints } from '../../pod/index.ts';
import { createContainer } from './create-container.ts';
import { removeContainer } from './remove-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { World } from './test-world.ts';

let world: World;
let before: string[];
beforeAll(async () => {
  world = await World.open({
    network: 'builtin',
    builtinBridge: `gpodc${process.pid % 10_000}`,
    builtinSubnet: `10.230.${process.pid % 250}.0/24`,
  });
  before = world.leftovers();
});
afterAll(async () => {
  await world.close();
});

const program = fileURLToPath(new URL('./test-crash.ts', import.meta.url));
const ids = [{ containerId: 0, hostId: 1_000_000, length: 65_536 }];
/** A pod that has every resource. */
const everything = {
  sysctls: { 'net.ipv4.conf.eth0.arp_notify': '1' },
  securityContext: {
    namespaceOptions: {
      network: 'POD',
      pid: 'POD',
      ipc: 'POD',
      usernsOptions: { mode: 'POD', uids: ids, gids: ids },
    },
  },
} as const;

/** A server of its own on the same directories dies at `point` of the call; then ours comes back. */
async function crash(point: string, rpc: string, request: object): Promise<void> {
  await world.restart(() => {
    const child = spawnSync(
      process.execPath,
      [program, JSON.stringify(world.config), rpc, JSON.stringify(request)],
      { env: { ...process.env, GANTRY_FAILPOINTS: `${point}=exit` }, encoding: 'utf8' },
    );
    expect({ signal: child.signal, says: child.stderr }).toEqual({ signal: 'SIGKILL', says: '' });
  });
}

const remove = (podSandboxId: string) =>
  world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });

describe('the server is killed in RunPodSandbox after', () => {
  it.each<string>(failpoints.runPodSandbox)('%s: nothing is left, or a pod that works', async (point) => {
    const config = world.sandboxConfig({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    await crash(point, 'RunPodSandbox', { config });
    expect(world.services.pods.sandboxes().map(({ state }) => state.kind)).toEqual(
      point === 'pod/commit' ? ['ready'] : [],
    );
    if (point !== 'pod/commit') expect(world.leftovers()).toEqual(before);
    const { podSandboxId } = await world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
    await world.start(podSandboxId, ['sleep', '1000'], { linux: everything });
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('the server is killed in CreateContainer after', () => {
  it.each<string>(failpoints.createContainer)('%s: nothing is left, or a container', async (point) => {
    const podSandboxId = await world.runPod();
    const there = world.leftovers();
    const mounts = [world.imageVolume(), world.imageVolume('etc')];
    const request = { podSandboxId, config: world.containerConfig(['sleep', '1000'], { mounts }) };
    await crash(point, 'CreateContainer', request);
    expect(world.services.pods.containersOf(podSandboxId).map(({ state }) => state.kind)).toEqual(
      point === 'app/commit' ? ['created'] : [],
    );
    if (point !== 'app/commit') expect(world.leftovers()).toEqual(there);
    const { containerId } = await world.call(createContainer, 'CreateContainerRequest', request);
    // Nobody else's layers are held, and its own are.
    expect(world.layerUsers()).toEqual([containerId]);
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('the server is killed in StopPodSandbox after', () => {
  it.each<string>(failpoints.stopPodSandbox)('%s: start-up finishes it', async (point) => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    await crash(point, 'StopPodSandbox', { podSandboxId });
    const { state } = world.services.pods.requireSandbox(podSandboxId);
    // Nothing was done yet, and nothing is known of the call: then the pod goes on.
    const untouched = point === 'pod/supervisor/release';
    expect(state).toMatchObject(untouched ? { kind: 'ready' } : { kind: 'notready', networkDown: true });
    await world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId });
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('the server is killed in RemovePodSandbox after', () => {
  it.each<string>(failpoints.removePodSandbox)('%s: it can be asked for again, or is gone', async (point) => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    await world.start(podSandboxId, ['sleep', '1000'], { linux: everything });
    await crash(point, 'RemovePodSandbox', { podSandboxId });
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('the server is killed in RemoveContainer after', () => {
  it.each<string>(failpoints.removeContainer)('%s: it can be asked for again', async (point) => {
    const podSandboxId = await world.runPod();
    const there = world.leftovers();
    const containerId = await world.start(podSandboxId, ['sleep', '1000']);
    await crash(point, 'RemoveContainer', { containerId });
    await world.call(removeContainer, 'RemoveContainerRequest', { containerId });
    expect(world.services.pods.container(containerId)).toBeUndefined();
    expect(world.leftovers()).toEqual(there);
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });
});
