import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { armFailpoints, type Failpoint, failpoints } from '../../pod/index.ts';
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
    builtinBridge: `gpodt${process.pid % 10_000}`,
    builtinSubnet: `10.231.${process.pid % 250}.0/24`,
  });
  before = world.leftovers();
});
afterEach(() => armFailpoints(undefined));
afterAll(async () => {
  await world.close();
});

const ownNetwork = {
  securityContext: { namespaceOptions: { network: 'POD', pid: 'POD', ipc: 'POD' } },
} as const;

describe('RunPodSandbox fails after', () => {
  it.each<Failpoint>(failpoints.runPodSandbox)('%s: nothing is left, and the retry works', async (point) => {
    const config = world.sandboxConfig({ linux: { cgroupParent: world.cgroupParent, ...ownNetwork } });
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
  it.each<Failpoint>(failpoints.createContainer)(
    '%s: nothing is left, and the retry works',
    async (point) => {
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
    },
  );
});

describe('StopPodSandbox fails after', () => {
  it.each<Failpoint>(failpoints.stopPodSandbox)('%s: asked again it goes on', async (point) => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...ownNetwork } });
    const stop = () => world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId });
    armFailpoints(point);
    await expect(stop()).rejects.toThrow(point);
    expect(world.services.pods.requireSandbox(podSandboxId).state).toMatchObject({ networkDown: false });
    armFailpoints('');
    await stop();
    expect(world.services.pods.requireSandbox(podSandboxId).state).toMatchObject({ networkDown: true });
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(world.leftovers()).toEqual(before);
  });
});

describe('RemoveContainer fails after', () => {
  it.each<Failpoint>(failpoints.removeContainer)('%s: asked again it goes on', async (point) => {
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
