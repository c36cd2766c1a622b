import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  failure,
  hostNetwork,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;

let world: World;
beforeAll(async () => {
  world = await World.create({ subnet: 120 });
  await pull(world, shellImage);
});
afterAll(async () => {
  await world.removeEverything();
  expect(await world.leftovers()).toEqual([]);
  await world.dispose();
});

describe('a stopped sandbox', () => {
  test('takes no container, today or after a restart, and stays what it is', async () => {
    const pod = await runPod(world, { linux: hostNetwork });
    const id = await startContainer(world, pod);
    for (const _ of [1, 2]) await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
    const refused = async (): Promise<void> => {
      const error = await failure(createContainer(world, pod));
      expect(error.code).toBe(FAILED_PRECONDITION);
      expect(error.details).toContain(pod.id);
      const { status } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id });
      expect(status?.state).toBe('SANDBOX_NOTREADY');
      const { containers } = await world.cri.call('ListContainers', { filter: { podSandboxId: pod.id } });
      expect(containers.map((container) => [container.id, container.state])).toEqual([
        [id, 'CONTAINER_EXITED'],
      ]);
    };
    await refused();
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    await refused();
    // Nor does what it has start again.
    expect((await failure(world.cri.call('StartContainer', { containerId: id }))).code).toBe(
      FAILED_PRECONDITION,
    );
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_EXITED');
    await removePod(world, pod);
  });

  test('gives its name away only when it is removed', async () => {
    const pod = await runPod(world, { linux: hostNetwork });
    await world.cri.call('StopPodSandbox', { podSandboxId: pod.id });
    await failure(world.cri.call('RunPodSandbox', { config: pod.config }));
    await world.cri.call('RemovePodSandbox', { podSandboxId: pod.id });
    const { podSandboxId } = await world.cri.call('RunPodSandbox', { config: pod.config });
    expect(podSandboxId).not.toBe(pod.id);
    await removePod(world, { id: podSandboxId, config: pod.config });
  });
});

describe('resources of a whole pod', () => {
  const update = (podSandboxId: string, cpuShares: bigint, overhead?: { cpuShares: bigint }) =>
    world.cri.call('UpdatePodSandboxResources', {
      podSandboxId,
      resources: { cpuShares, memoryLimitInBytes: 64n << 20n },
      ...(overhead === undefined ? {} : { overhead }),
    });
  interface Info {
    readonly resources?: { readonly linux: { readonly cpu_shares: number } };
    readonly overhead?: { readonly linux: { readonly cpu_shares: number } };
  }
  const inForce = async (podSandboxId: string): Promise<(number | undefined)[]> => {
    const { info } = await world.cri.call('PodSandboxStatus', { podSandboxId, verbose: true });
    const { resources, overhead } = JSON.parse(info['info'] ?? '{}') as Info;
    return [resources?.linux.cpu_shares, overhead?.linux.cpu_shares];
  };

  test('are kept as they were told last, over a restart too, and touch no container', async () => {
    const pod = await runPod(world, { linux: hostNetwork });
    const id = await startContainer(world, pod, { linux: { resources: { cpuShares: 512n } } });
    await update(pod.id, 300n, { cpuShares: 20n });
    await update(pod.id, 400n);
    expect(await inForce(pod.id)).toEqual([400, 20]);
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    expect(await inForce(pod.id)).toEqual([400, 20]);
    const status = await containerStatus(world, id);
    expect([status.state, status.resources?.linux?.cpuShares]).toEqual(['CONTAINER_RUNNING', 512n]);
    await removePod(world, pod);
  });

  test('of no pod are told so', async () => {
    const error = await failure(update('f'.repeat(64), 2n));
    expect(error.code).toBe(NOT_FOUND);
    expect(error.details).toContain('f'.repeat(64));
  });
});
