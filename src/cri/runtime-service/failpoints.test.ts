import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { armFailpoints } from '../../base/index.ts';
import { failpoints } from '../../pod/index.ts';
import { createContainer } from './create-container.ts';
import { podSandboxStatus } from './pod-sandbox-status.ts';
import { removeContainer } from './remove-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { eventually, World } from './test-world.ts';

let world: World;
let before: string[];
beforeAll(async () => {
  world = await World.open({
    network: 'builtin',
    builtinBridge: `gpodt${process.pid % 10_000}`,
    builtinSubnet: `10.231.${process.pid % 250}.0/24`,
  });
  before = world.leftovers();
});
afterEach(() => armFailpoints(undefined));
afterAll(async () => {
  await world.close();
});

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

describe('RunPodSandbox fails after', () => {
  it.each<string>(failpoints.runPodSandbox)('%s: nothing is left, and the retry works', async (point) => {
    const config = world.sandboxConfig({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    const run = () => world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
    armFailpoints(point);
    await expect(run()).rejects.toThrow(point);
    expect(world.leftovers()).toEqual(before);
    expect(world.services.pods.allSandboxes()).toEqual([]);
    armFailpoints('');
    const { podSandboxId } = await run();
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(world.leftovers()).toEqual(before);
  });
});

describe('CreateContainer fails after', () => {
  it.each<string>(failpoints.createContainer)('%s: nothing is left, and the retry works', async (point) => {
    const podSandboxId = await world.runPod();
    const there = world.leftovers();
    const mounts = [world.imageVolume(), world.imageVolume('etc')];
    const request = { podSandboxId, config: world.containerConfig(['sleep', '1000'], { mounts }) };
    const create = () => world.call(createContainer, 'CreateContainerRequest', request);
    armFailpoints(point);
    await expect(create()).rejects.toThrow(point);
    expect(world.leftovers()).toEqual(there);
    expect(world.services.pods.requireSandboxObject(podSandboxId).containers.size).toBe(0);
    expect(world.layerUsers()).toEqual([]);
    armFailpoints('');
    await create();
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(world.leftovers()).toEqual(before);
  });
});

describe('StopPodSandbox fails after', () => {
  it.each<string>(failpoints.stopPodSandbox)('%s: asked again it goes on', async (point) => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    const stop = () => world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId });
    armFailpoints(point);
    await expect(stop()).rejects.toThrow(point);
    const { state, failure } = world.services.pods.requireSandbox(podSandboxId);
    expect(state).toMatchObject({ kind: 'notready', networkDown: false });
    expect(point).toContain(`pod/${failure?.step}/`);
    expect(failure?.message).toContain(point);
    armFailpoints('');
    await stop();
    expect(world.services.pods.requireSandbox(podSandboxId).state).toMatchObject({ networkDown: true });
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(world.leftovers()).toEqual(before);
  });
});

describe('RemoveContainer fails where nobody sees the container any more', () => {
  it.each(['app/directory/release', 'app/directory/released'])(
    '%s: it goes in the background',
    async (point) => {
      const podSandboxId = await world.runPod();
      const there = world.leftovers();
      const containerId = await world.start(podSandboxId, ['sleep', '1000']);
      armFailpoints(point);
      const remove = world.call(removeContainer, 'RemoveContainerRequest', { containerId });
      await expect(remove).rejects.toThrow(point);
      armFailpoints('');
      await eventually(() => world.services.pods.container(containerId) === undefined);
      expect(world.leftovers()).toEqual(there);
      await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    },
  );
});

describe('RemovePodSandbox fails after', () => {
  it.each<string>([...failpoints.stopPodSandbox, ...failpoints.removePodSandbox])(
    '%s: the pod stays, says why, and goes in the background',
    async (point) => {
      const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
      await world.start(podSandboxId, ['sleep', '1000'], { linux: everything });
      armFailpoints(point);
      const remove = world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
      await expect(remove).rejects.toThrow(point);
      const { status, info } = await world.call(podSandboxStatus, 'PodSandboxStatusRequest', {
        podSandboxId,
        verbose: true,
      });
      expect(status?.state).toBe('SANDBOX_NOTREADY');
      const { failure } = JSON.parse(info?.['info'] ?? '') as { failure: { step: string; message: string } };
      expect(point).toContain(`pod/${failure.step}/`);
      expect(failure.message).toContain(point);
      armFailpoints('');
      await eventually(() => world.services.pods.sandbox(podSandboxId) === undefined);
      expect(world.leftovers()).toEqual(before);
    },
  );
});

describe('the undo of RunPodSandbox fails as well', () => {
  it.each<string>([...failpoints.stopPodSandbox, ...failpoints.removePodSandbox])(
    '%s: nothing is lost sight of, the name is free, and what is left goes in the background',
    async (point) => {
      const config = world.sandboxConfig({ linux: { cgroupParent: world.cgroupParent, ...everything } });
      const run = () => world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
      armFailpoints(`pod/nri,${point}`);
      await expect(run()).rejects.toThrow('pod/nri');
      const [left] = world.services.pods.sandboxes();
      expect(left).toMatchObject({ state: { kind: 'removing' }, failure: { step: point.split('/')[1] } });
      // Behind the last release nothing is left but the memory of it.
      if (point !== 'pod/directory/released') expect(world.leftovers()).not.toEqual(before);
      armFailpoints(point);
      const { podSandboxId } = await run();
      armFailpoints('');
      await eventually(() => world.services.pods.sandbox(left?.id ?? '') === undefined);
      await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
      expect(world.leftovers()).toEqual(before);
    },
  );
});

describe('RemoveContainer fails after', () => {
  it.each<string>(failpoints.removeContainer)('%s: asked again it goes on', async (point) => {
    const podSandboxId = await world.runPod();
    const there = world.leftovers();
    const mounts = [world.imageVolume()];
    const containerId = await world.start(podSandboxId, ['sleep', '1000'], { mounts });
    const remove = () => world.call(removeContainer, 'RemoveContainerRequest', { containerId });
    armFailpoints(point);
    await expect(remove()).rejects.toThrow(point);
    armFailpoints('');
    await remove();
    expect(world.services.pods.container(containerId)).toBeUndefined();
    expect(world.layerUsers()).toEqual([]);
    expect(world.leftovers()).toEqual(there);
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(world.leftovers()).toEqual(before);
  });
});
