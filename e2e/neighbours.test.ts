import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  exec,
  type Pod,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from './harness/index.ts';

// Two servers with two roots on one CNI network, and an address that a third party holds there: nobody cleans up what
// is not its own.
describe('two servers and a foreign reservation', () => {
  let one: World;
  let two: World;
  const pods = new Map<World, { pod: Pod; id: string }>();
  const foreign = (): string => join(one.reservations, '10.108.0.250');

  beforeAll(async () => {
    one = await World.create({ subnet: 108, network: 'cni' });
    two = await World.create({ subnet: 109, network: 'cni', networkOf: one });
    for (const world of [one, two]) {
      await pull(world, shellImage);
      const pod = await runPod(world);
      pods.set(world, { pod, id: await startContainer(world, pod) });
    }
    writeFileSync(foreign(), 'somebody-else\r\neth0');
  });
  afterAll(async () => {
    await two?.dispose();
    await one?.dispose();
  });

  async function expectAlive(world: World): Promise<void> {
    const { pod, id } = pods.get(world) ?? { pod: undefined, id: '' };
    expect((await exec(world, id, 'cat /sys/class/net/eth0/operstate')).text).toBe('up');
    const { status } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod?.id ?? '' });
    expect(status?.state).toBe('SANDBOX_READY');
    expect(existsSync(join(one.reservations, status?.network?.ip ?? 'none'))).toBe(true);
  }

  async function expectAllThere(): Promise<void> {
    for (const world of [one, two]) await expectAlive(world);
    expect(readFileSync(foreign(), 'utf8')).toContain('somebody-else');
  }

  test('each sees its own pods only', async () => {
    for (const world of [one, two]) {
      const { items } = await world.cri.call('ListPodSandbox', {});
      expect(items.map(({ id }) => id)).toEqual([pods.get(world)?.pod.id]);
    }
    await expectAllThere();
  });

  test('the start-up of one leaves the other alone', async () => {
    await two.gantry.daemon.stop();
    await two.gantry.daemon.start();
    await expectAllThere();
  });

  test("so does its recovery after a kill in the middle of pods' starts", async () => {
    const starts = [1, 2, 3].map(async () => await runPod(two).catch(() => undefined));
    await new Promise((resolve) => setTimeout(resolve, 60));
    await two.gantry.daemon.kill();
    await Promise.all(starts);
    await two.gantry.daemon.start();
    await expectAllThere();
    const { items } = await two.cri.call('ListPodSandbox', {});
    for (const { id } of items) {
      if (id !== pods.get(two)?.pod.id) await two.cri.call('RemovePodSandbox', { podSandboxId: id });
    }
    // What the kill cut short holds no address: the two pods' and the foreign one are all.
    expect(addresses()).toHaveLength(3);
  });

  test('and the removal of all of its pods', async () => {
    const { pod } = pods.get(two) ?? {};
    if (pod !== undefined) await removePod(two, pod);
    await two.removeEverything();
    await expectAlive(one);
    expect(addresses()).toHaveLength(2);
    expect(readFileSync(foreign(), 'utf8')).toContain('somebody-else');
    await one.removeEverything();
    expect(addresses()).toEqual(['10.108.0.250']);
    expect(await one.leftovers()).toEqual([]);
  });

  function addresses(): string[] {
    return readdirSync(one.reservations).filter((name) => /^\d+\.\d+\.\d+\.\d+$/.test(name));
  }
});
