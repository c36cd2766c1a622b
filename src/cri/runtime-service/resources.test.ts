// One suite for every resource of a pod and of a container: each is made, lost sight of, released, by its record alone.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { armFailpoints, native } from '../../base/index.ts';
import { createContainer } from './create-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { eventually, World } from './test-world.ts';

const ids = [{ containerId: 0, hostId: 1_000_000, length: 65_536 }];
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

let world: World;
let before: string[];
beforeAll(async () => {
  world = await World.open({
    network: 'builtin',
    builtinBridge: `gpodr${process.pid % 10_000}`,
    builtinSubnet: `10.232.${process.pid % 250}.0/24`,
  });
  before = world.leftovers();
});
afterEach(() => armFailpoints(undefined));
afterAll(async () => {
  await world.close();
});

const podConfig = () => world.sandboxConfig({ linux: { cgroupParent: world.cgroupParent, ...everything } });
const remove = (podSandboxId: string) =>
  world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });

const podResources = [
  'directory',
  'cgroup',
  'userns',
  'netns',
  'network',
  'supervisor',
  'files',
  'interface-sysctls',
];
const released = ['supervisor', 'network', 'netns', 'userns', 'cgroup', 'directory'];

describe.each(podResources)('a pod’s %s', (name) => {
  it('is taken back when it was made and nothing after it', async () => {
    armFailpoints(`pod/${name}`);
    await expect(world.call(runPodSandbox, 'RunPodSandboxRequest', { config: podConfig() })).rejects.toThrow(
      name,
    );
    expect(world.leftovers()).toEqual(before);
    expect(world.services.pods.allSandboxes()).toEqual([]);
  });
});

describe.each(released)('the release of a pod’s %s', (name) => {
  it('that fails keeps what is left, in sight and in order; the next one ends it', async () => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    const { record } = world.services.pods.requireSandboxObject(podSandboxId);
    armFailpoints(`pod/${name}/release`);
    await expect(remove(podSandboxId)).rejects.toThrow(name);
    const sandbox = world.services.pods.requireSandboxObject(podSandboxId);
    expect(sandbox.record.failure).toMatchObject({ step: name });
    // It, and what it needs, is held; all that comes before it in the order of releases has gone.
    const at = released.indexOf(name);
    expect(released.filter((one) => sandbox.held.has(one as never))).toEqual(released.slice(at));
    expect(existsSync(record.netnsPath)).toBe(at <= released.indexOf('netns'));
    expect(existsSync(record.usernsPath)).toBe(at <= released.indexOf('userns'));
    expect(existsSync(sandbox.directory.path)).toBe(true);
    armFailpoints('');
    await eventually(() => world.services.pods.sandbox(podSandboxId) === undefined);
    expect(world.leftovers()).toEqual(before);
  });

  it('that fails is known after a restart, and goes on there', async () => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    armFailpoints(`pod/${name}/release`);
    await expect(remove(podSandboxId)).rejects.toThrow(name);
    await world.restart(() => armFailpoints(''));
    // Stopped and not yet removed: then removal has to be asked for again.
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });

  it('works twice, and after a reboot, when nothing of it is there', async () => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    const { record } = world.services.pods.requireSandboxObject(podSandboxId);
    // The release was done, and nobody knows of it.
    armFailpoints(`pod/${name}/released`);
    await expect(remove(podSandboxId)).rejects.toThrow(name);
    armFailpoints('');
    await world.restart(async () => {
      await native().netnsRemove(record.netnsPath);
      await native().usernsRemove(record.usernsPath);
    });
    await remove(podSandboxId);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('what hangs', () => {
  it('in a release holds up nobody else, and the pod is shown', async () => {
    const podSandboxId = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    armFailpoints('pod/network/release=sleep:1500');
    const slow = remove(podSandboxId);
    const other = await world.runPod();
    await remove(other);
    expect(world.services.pods.sandboxes().map(({ id }) => id)).toEqual([podSandboxId]);
    await slow;
    expect(world.leftovers()).toEqual(before);
  });
});

describe.each(['directory', 'layers', 'document', 'app'])('a container’s %s', (name) => {
  it('is taken back when it was made and nothing after it, though the first release fails', async () => {
    const pod = await world.runPod();
    const there = world.leftovers();
    const request = { podSandboxId: pod, config: world.containerConfig(['sleep', '1000']) };
    const create = () => world.call(createContainer, 'CreateContainerRequest', request);
    armFailpoints(`app/${name},app/${name}/release`);
    await expect(create()).rejects.toThrow(name);
    // The name is free, what is left is nobody's to see, and goes in the background.
    expect(world.services.pods.requireSandboxObject(pod).containers.size).toBe(1);
    armFailpoints('');
    await create();
    await eventually(() => world.services.pods.requireSandboxObject(pod).containers.size === 1);
    expect(world.layerUsers()).toEqual([...world.services.pods.requireSandboxObject(pod).containers.keys()]);
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
    expect(there).not.toEqual(before);
  });
});

describe('sysctls of a pod’s own interface', () => {
  it('are set once the network is up, every time', async () => {
    for (let round = 0; round < 10; round++) {
      const pod = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
      const container = await world.start(pod, ['sh', '-c', 'cat /proc/sys/net/ipv4/conf/eth0/arp_notify'], {
        linux: everything,
      });
      await eventually(() => world.services.pods.requireContainer(container).state.kind === 'exited');
      expect(world.log(container)).toMatch(/ stdout F 1\n$/);
      await remove(pod);
    }
  });

  it('of an interface that there is not are refused by name', async () => {
    const sysctls = { 'net.ipv4.conf.eth7.arp_notify': '1' };
    const refused = world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything, sysctls } });
    await expect(refused).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('eth7'),
    });
    expect(world.leftovers()).toEqual(before);
  });
});

describe('a network that a crash has cut off', () => {
  it('is announced in a file that the record never replaces', async () => {
    const pod = await world.runPod({ linux: { cgroupParent: world.cgroupParent, ...everything } });
    const { directory, record } = world.services.pods.requireSandboxObject(pod);
    const announced = JSON.parse(readFileSync(directory.network, 'utf8')) as { request: { podId: string } };
    expect(announced.request.podId).toBe(pod);
    expect(record.network?.kind).toBe('builtin');
    await remove(pod);
  });
});
