import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  failure,
  hostNetwork,
  NriPlugin,
  nriPlace,
  type Pod,
  podConfig,
  pull,
  removeNriPlace,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from '../harness/index.ts';

const place = nriPlace();
let world: World;
let plugin: NriPlugin;

beforeAll(async () => {
  world = await World.create({ subnet: 150, server: { flags: place.flags } });
  await pull(world, shellImage);
  plugin = await NriPlugin.start(place, '10', 'watcher');
});
afterAll(async () => {
  await world.dispose();
  await plugin.stop();
  removeNriPlace(place);
});
beforeEach(() => plugin.rules({}));

const run = (config = {}): Promise<Pod> => runPod(world, { linux: hostNetwork, ...config });
const stop = (containerId: string) => world.cri.call('StopContainer', { containerId, timeout: 0n }, 30_000);
const remove = (containerId: string) => world.cri.call('RemoveContainer', { containerId }, 30_000);

describe('a plug-in', () => {
  test('is configured with what it must know, and with what is there', () => {
    const [configured, synchronized] = plugin.events();
    expect(configured).toMatchObject({
      event: 'Configure',
      runtime: 'gantry',
      registrationTimeout: 5000,
      requestTimeout: 2000,
      config: '',
    });
    expect(synchronized).toMatchObject({ event: 'Synchronize', pods: [], containers: [] });
  });

  test('hears of every step of a pod and its container, in order and once', async () => {
    const pod = await run();
    const id = await startContainer(world, pod);
    await world.cri.call('UpdateContainerResources', { containerId: id, linux: { cpuShares: 512n } });
    await world.cri.call('UpdatePodSandboxResources', {
      podSandboxId: pod.id,
      resources: { cpuShares: 700n },
    });
    await stop(id);
    await remove(id);
    for (const _ of [1, 2]) await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
    await world.cri.call('RemovePodSandbox', { podSandboxId: pod.id });
    const heard = plugin
      .events()
      .filter((event) => (event.pod ?? { id: event.container?.podSandboxId }).id === pod.id)
      .map(({ event }) => event);
    expect(heard).toEqual([
      'RunPodSandbox',
      'CreateContainer',
      'ValidateContainerAdjustment',
      'PostCreateContainer',
      'StartContainer',
      'PostStartContainer',
      'UpdateContainer',
      'PostUpdateContainer',
      'UpdatePodSandbox',
      'PostUpdatePodSandbox',
      'StopContainer',
      'RemoveContainer',
      'StopPodSandbox',
      'RemovePodSandbox',
    ]);
  });

  test('sees who they are, and how they are', async () => {
    const pod = await runPod(world, { labels: { app: 'x' } });
    const metadata = { name: 'seen', attempt: 0 };
    const id = await startContainer(world, pod, {
      metadata,
      annotations: { why: 'test' },
      envs: [{ key: 'A', value: Buffer.from('1') }],
    });
    await stop(id);
    const of = (event: string) => plugin.events().findLast((e) => e.event === event && e.pod?.id === pod.id);
    expect(of('RunPodSandbox')?.pod).toMatchObject({
      name: pod.config.metadata?.name,
      namespace: 'e2e',
      uid: pod.config.metadata?.uid,
      labels: { app: 'x' },
      ips: [expect.stringMatching(/^10\.150\./)],
      linux: { cgroupParent: world.cgroupParent },
    });
    const created = of('CreateContainer')?.container;
    expect(created).toMatchObject({ id, name: 'seen', podSandboxId: pod.id, annotations: { why: 'test' } });
    expect(created?.args).toEqual(['sleep', '36000']);
    expect(created?.env).toContain('A=1');
    expect(of('PostStartContainer')?.container).toMatchObject({ state: 'CONTAINER_RUNNING' });
    expect(of('PostStartContainer')?.container?.pid).toBeGreaterThan(1);
    expect(of('StopContainer')?.container).toMatchObject({ state: 'CONTAINER_STOPPED', exitCode: 137 });
    await removePod(world, pod);
  });

  test('hears of a container that ends by itself before anybody removes it', async () => {
    const pod = await run();
    const id = await startContainer(world, pod, script('exit 3'));
    await waitForExit(world, id);
    const stopped = await plugin.wait('StopContainer', ({ container }) => container?.id === id);
    expect(stopped.container).toMatchObject({ exitCode: 3, state: 'CONTAINER_STOPPED' });
    expect(plugin.heard(id).slice(-3)).toEqual(['StartContainer', 'PostStartContainer', 'StopContainer']);
    await stop(id);
    await remove(id);
    expect(plugin.heard(id).slice(-2)).toEqual(['StopContainer', 'RemoveContainer']);
    await removePod(world, pod);
  });

  test('hears of what a stopped pod takes with it, containers first', async () => {
    const pod = await run();
    const ids = [await startContainer(world, pod), await startContainer(world, pod)];
    await removePod(world, pod);
    const ends = plugin
      .events()
      .filter(({ event }) => /^(Stop|Remove)/.test(event))
      .slice(-6)
      .map(({ event, pod: inPod, container }) => [event, container?.id ?? inPod?.id]);
    expect(ends.slice(0, 2).map(([event]) => event)).toEqual(['StopContainer', 'StopContainer']);
    expect(new Set(ends.slice(0, 2).map(([, id]) => id))).toEqual(new Set(ids));
    expect(ends.slice(2).map(([event]) => event)).toEqual([
      'StopPodSandbox',
      'RemoveContainer',
      'RemoveContainer',
      'RemovePodSandbox',
    ]);
  });

  test('hears only of what it has subscribed to', async () => {
    const narrow = await NriPlugin.start(place, '20', 'narrow', { events: 'RunPodSandbox,StopContainer' });
    const pod = await run();
    const id = await startContainer(world, pod);
    await stop(id);
    await removePod(world, pod);
    const heard = narrow.events().map(({ event }) => event);
    expect(heard).toEqual(['Configure', 'Synchronize', 'RunPodSandbox', 'StopContainer']);
    await narrow.stop();
  });
});

describe('while a plug-in considers', () => {
  test('RunPodSandbox, the pod is not there and takes no container', async () => {
    await plugin.rules({ RunPodSandbox: { delay: 1000 } });
    const config = podConfig(world, { linux: hostNetwork });
    const running = world.cri.call('RunPodSandbox', { config });
    const name = config.metadata?.name;
    const { pod } = await plugin.wait('RunPodSandbox', (event) => event.pod?.name === name);
    const id = pod?.id ?? '';
    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items.map((item) => item.id)).not.toContain(id);
    await failure(world.cri.call('PodSandboxStatus', { podSandboxId: id }));
    await failure(createContainer(world, { id, config }));
    const { podSandboxId } = await running;
    expect(podSandboxId).toBe(id);
    await createContainer(world, { id, config });
    await removePod(world, { id, config });
  });

  test('CreateContainer, the container is not there', async () => {
    const pod = await run();
    await plugin.rules({ CreateContainer: { delay: 1000 } });
    const creating = createContainer(world, pod);
    const asked = await plugin.wait('CreateContainer', (event) => event.pod?.id === pod.id);
    const id = asked.container?.id ?? '';
    const { containers } = await world.cri.call('ListContainers', {});
    expect(containers.map((container) => container.id)).not.toContain(id);
    await failure(containerStatus(world, id));
    expect(await creating).toBe(id);
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_CREATED');
    await removePod(world, pod);
  });

  test('StopPodSandbox, the containers have ended and the pod is there', async () => {
    const pod = await run();
    await startContainer(world, pod);
    await plugin.rules({ StopPodSandbox: { delay: 1000 } });
    const stopping = world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
    await plugin.wait('StopPodSandbox', (event) => event.pod?.id === pod.id);
    const { containers } = await world.cri.call('ListContainers', { filter: { podSandboxId: pod.id } });
    expect(containers.map(({ state }) => state)).toEqual(['CONTAINER_EXITED']);
    const { status } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id });
    expect(status?.id).toBe(pod.id);
    await stopping;
    await failure(createContainer(world, pod));
    expect(plugin.events().filter((e) => e.event === 'CreateContainer' && e.pod?.id === pod.id)).toHaveLength(
      1,
    );
    await removePod(world, pod);
  });
});

describe('a plug-in that refuses', () => {
  test('RunPodSandbox fails it, and the retry finds nothing in its way', async () => {
    await plugin.rules({ RunPodSandbox: { error: 'not this one', times: 1 } });
    const config = podConfig(world, { linux: hostNetwork });
    const error = await failure(world.cri.call('RunPodSandbox', { config }));
    expect(error.message).toMatch(/NRI plug-in "10-watcher" refused RunPodSandbox: not this one/);
    const failed = await plugin.wait('RemovePodSandbox', ({ pod }) => pod?.name === config.metadata?.name);
    expect(plugin.heard(failed.pod?.id ?? '')).toEqual([
      'RunPodSandbox',
      'StopPodSandbox',
      'RemovePodSandbox',
    ]);
    expect((await world.cri.call('ListPodSandbox', {})).items).toEqual([]);
    const { podSandboxId } = await world.cri.call('RunPodSandbox', { config });
    await removePod(world, { id: podSandboxId, config });
  });

  test('CreateContainer fails it; nothing is started, nothing left', async () => {
    const pod = await run();
    await plugin.rules({ CreateContainer: { error: 'no room', times: 1 } });
    const metadata = { name: 'refused', attempt: 0 };
    expect((await failure(createContainer(world, pod, { metadata }))).message).toMatch(/no room/);
    expect((await world.cri.call('ListContainers', {})).containers).toEqual([]);
    const id = await startContainer(world, pod, { metadata });
    await stop(id);
    await remove(id);
    const failed =
      plugin.events().find(({ container }) => container?.name === 'refused')?.container?.id ?? '';
    expect(failed).not.toBe(id);
    expect(plugin.heard(failed)).toEqual(['CreateContainer', 'StopContainer', 'RemoveContainer']);
    await removePod(world, pod);
  });

  test('StartContainer keeps it from being started, until it does not', async () => {
    const pod = await run();
    const id = await createContainer(world, pod);
    await plugin.rules({ StartContainer: { error: 'later', times: 1 } });
    expect((await failure(world.cri.call('StartContainer', { containerId: id }))).message).toMatch(/later/);
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_CREATED');
    await world.cri.call('StartContainer', { containerId: id });
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_RUNNING');
    await removePod(world, pod);
  });

  test('UpdatePodSandbox leaves the pod as it was; what comes after an update refuses nothing', async () => {
    const pod = await run();
    await plugin.rules({
      UpdatePodSandbox: { error: 'too much', times: 1 },
      PostUpdatePodSandbox: { error: 'x' },
    });
    const update = (cpuShares: bigint) =>
      world.cri.call('UpdatePodSandboxResources', {
        podSandboxId: pod.id,
        overhead: { cpuShares: 10n },
        resources: { cpuShares, cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryLimitInBytes: 64n << 20n },
      });
    const inForce = async (): Promise<unknown> => {
      const { info } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id, verbose: true });
      return (JSON.parse(info['info'] ?? '{}') as { resources?: { linux: { cpu_shares: number } } }).resources
        ?.linux.cpu_shares;
    };
    expect((await failure(update(300n))).message).toMatch(/too much/);
    expect(await inForce()).toBeUndefined();
    expect(plugin.heard(pod.id)).toEqual(['RunPodSandbox', 'UpdatePodSandbox']);
    await update(400n);
    expect(plugin.heard(pod.id).slice(1)).toEqual([
      'UpdatePodSandbox',
      'UpdatePodSandbox',
      'PostUpdatePodSandbox',
    ]);
    expect(await inForce()).toBe(400);
    const asked = plugin.events().findLast(({ event }) => event === 'UpdatePodSandbox');
    expect(asked).toMatchObject({
      overhead: { cpu: { shares: { value: '10' } } },
      resources: {
        cpu: { shares: { value: '400' }, quota: { value: '50000' }, period: { value: '100000' } },
        memory: { limit: { value: String(64 << 20) } },
      },
    });
    await removePod(world, pod);
  });

  test('what cannot be refused changes nothing', async () => {
    const failing = { error: 'I do not agree' };
    await plugin.rules({
      PostCreateContainer: failing,
      PostStartContainer: failing,
      PostUpdateContainer: failing,
      StopContainer: failing,
      RemoveContainer: failing,
      StopPodSandbox: failing,
      RemovePodSandbox: failing,
    });
    const pod = await run();
    const id = await startContainer(world, pod);
    await world.cri.call('UpdateContainerResources', { containerId: id, linux: { cpuShares: 300n } });
    await stop(id);
    await remove(id);
    await removePod(world, pod);
    expect((await world.cri.call('ListPodSandbox', {})).items).toEqual([]);
  });
});

test('requests that make no sense are told to nobody', async () => {
  const pod = await run();
  const before = plugin.events().length;
  const unknown = 'no-such-id';
  await failure(createContainer(world, { id: unknown, config: pod.config }));
  await failure(
    world.cri.call('CreateContainer', { podSandboxId: pod.id, config: { image: { image: shellImage } } }),
  );
  await failure(world.cri.call('RunPodSandbox', { config: {} }));
  const again = await world.cri.call('RunPodSandbox', { config: pod.config });
  expect(again.podSandboxId).toBe(pod.id);
  await failure(world.cri.call('StartContainer', { containerId: unknown }));
  await stop(unknown);
  await remove(unknown);
  await world.cri.call('StopPodSandbox', { podSandboxId: unknown });
  await world.cri.call('RemovePodSandbox', { podSandboxId: unknown });
  await sleep(300);
  expect(plugin.events().slice(before)).toEqual([]);
  await removePod(world, pod);
});

test('nothing is left on the host', async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
});
