import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  logOf,
  type Pod,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

const second = 1_000_000_000n;

// The server is killed with -9 and started again; what runs must not notice, and nothing may be forgotten.
describe('a server that is killed', () => {
  let world: World;
  let pod: Pod;

  beforeAll(async () => {
    world = await World.create({ subnet: 106 });
    await pull(world, shellImage);
    pod = await runPod(world);
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('finds its pods, containers and images again as they were', async () => {
    const running = await startContainer(world, pod);
    const created = await createContainer(world, pod);
    const before = await seen();
    await killAndStart();
    expect(await seen()).toEqual(before);
    expect((await exec(world, running, 'echo alive')).text).toBe('alive');
    await world.cri.call('StartContainer', { containerId: created });
    expect((await exec(world, created, 'echo started')).text).toBe('started');
  });

  test('reports what exited meanwhile, with its code and its time', async () => {
    const ends = ['exit 7', 'kill -9 $$', 'exit 0'];
    const ids: string[] = [];
    for (const end of ends) ids.push(await startContainer(world, pod, script(`sleep 1; ${end}`)));
    const from = BigInt(Date.now()) * 1_000_000n;
    await world.gantry.daemon.kill();
    await sleep(3000);
    await world.gantry.daemon.start();
    const statuses = [];
    for (const id of ids) statuses.push(await containerStatus(world, id));
    expect(statuses.map(({ state }) => state)).toEqual(ids.map(() => 'CONTAINER_EXITED'));
    expect(statuses.map(({ exitCode }) => exitCode)).toEqual([7, 137, 0]);
    for (const { finishedAt, startedAt } of statuses) {
      expect(finishedAt).toBeGreaterThan(startedAt);
      expect(finishedAt - startedAt).toBeLessThan(3n * second);
      expect(finishedAt - from).toBeLessThan(2n * second);
    }
  });

  test('leaves no gap in a log that is written all the time', async () => {
    const metadata = { name: 'counts', attempt: 0 };
    const counts = script('n=0; while [ $n -lt 30000 ]; do echo $n; n=$((n+1)); done');
    const id = await startContainer(world, pod, { metadata, logPath: 'counts.log', ...counts });
    await killAndStart();
    expect((await waitForExit(world, id)).exitCode).toBe(0);
    const lines = logOf(pod, 'counts').trimEnd().split('\n');
    expect(lines).toEqual(Array.from({ length: 30_000 }, (_, n) => String(n)));
  });

  test('goes on with every other call on what it adopted', async () => {
    const metadata = { name: 'adopted', attempt: 0 };
    const loop = script('trap "exit 5" TERM; while :; do echo tick; sleep 0.05; done');
    const id = await startContainer(world, pod, { metadata, logPath: 'adopted.log', ...loop });
    await killAndStart();
    const { stats } = await world.cri.call('ContainerStats', { containerId: id });
    expect(stats?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
    await world.cri.call('UpdateContainerResources', {
      containerId: id,
      linux: { memoryLimitInBytes: 64n << 20n },
    });
    await world.cri.call('ReopenContainerLog', { containerId: id });
    await world.cri.call('StopContainer', { containerId: id, timeout: 10n });
    expect((await containerStatus(world, id)).exitCode).toBe(5);
    await world.cri.call('RemoveContainer', { containerId: id });
  });

  test('removes what it was writing when it was killed, and nothing else', async () => {
    const id = await startContainer(world, pod);
    const directory = join(world.gantry.root, 'pods', pod.id);
    // The process number is beyond the kernel's highest.
    const half = ['', `apps/${id}/`].map((at) => join(directory, `${at}record.json.tmp-4194305-7-0`));
    const lookalike = join(directory, 'record.json.tmp-1');
    await world.gantry.daemon.kill();
    for (const path of [...half, lookalike]) writeFileSync(path, '{"vers');
    await world.gantry.daemon.start();
    expect([...half, lookalike].filter((path) => existsSync(path))).toEqual([lookalike]);
    expect(await containerStatus(world, id)).toMatchObject({ state: 'CONTAINER_RUNNING' });
    rmSync(lookalike);
  });

  test('leaves a pod with a bad record running and serves the rest; it is set aside once it has ended', async () => {
    const broken = await runPod(world);
    await world.gantry.daemon.kill();
    const records = readdirSync(join(world.gantry.root, 'pods', broken.id)).filter((name) =>
      name.endsWith('.json'),
    );
    expect(records).not.toEqual([]);
    for (const name of records) writeFileSync(join(world.gantry.root, 'pods', broken.id, name), '{"half": ');
    await world.gantry.daemon.start();
    const { items } = await world.cri.call('ListPodSandbox', {});
    expect(items.map(({ id }) => id)).toEqual([pod.id]);
    expect(world.serverLog).toContain(broken.id);
    const stage1 = Number(
      execFileSync('pgrep', ['--full', `gantry-stage1.*${broken.id}`], { encoding: 'utf8' }),
    );
    process.kill(stage1, 'SIGKILL');
    // It was named, and is kept for a look; that nothing of it still runs is the next test's business.
    const quarantine = join(world.gantry.root, 'quarantine');
    await eventually(
      () => (existsSync(quarantine) ? readdirSync(quarantine).join() : ''),
      (names) => names.includes(broken.id),
      60,
    );
  });

  test.each(['spdy', 'websocket'])(
    'and is stopped in good order tells the clients of sessions over %s, and ends no command',
    async (transport) => {
      const container = await startContainer(world, pod);
      const mark = `40.${transport.length}`;
      const clients = [
        world.crictl.try('exec', '--transport', transport, container, 'sleep', mark),
        world.crictl.try('attach', '--transport', transport, container),
      ];
      const isRunning = async (): Promise<boolean> =>
        (
          await exec(world, container, `for p in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$p; echo; done`)
        ).text.includes(`sleep ${mark}`);
      await eventually(isRunning, Boolean);
      await world.gantry.daemon.stop();
      for (const { code, stderr } of await Promise.all(clients)) {
        expect(code).toBe(1);
        expect(stderr).toContain('the server ends; what was started in the container runs on');
      }
      await world.gantry.daemon.start();
      // A hang-up, and the kill that follows it, would have come by now.
      await sleep(3000);
      expect(await isRunning()).toBe(true);
    },
  );

  test('is left with nothing once all is removed', async () => {
    await removePod(world, pod);
    await world.removeEverything();
    rmSync(join(world.gantry.root, 'quarantine'), { recursive: true });
    expect(await world.leftovers()).toEqual([]);
  });

  async function killAndStart(): Promise<void> {
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
  }

  /** Everything that the lists tell, in an order that does not matter. */
  async function seen(): Promise<unknown> {
    const lists = await eventually(
      async () => ({
        pods: (await world.cri.call('ListPodSandbox', {})).items,
        containers: (await world.cri.call('ListContainers', {})).containers,
        images: (await world.cri.call('ListImages', {})).images,
        status: (await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id })).status,
      }),
      ({ pods }) => pods.length > 0,
    );
    const byId = (a: { id: string }, b: { id: string }): number => a.id.localeCompare(b.id);
    return { ...lists, containers: [...lists.containers].sort(byId) };
  }
});
