import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  hostNetwork,
  logOf,
  type Pod,
  programs,
  pull,
  removePod,
  runPod,
  script,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';
import { asNewer, future, nativeWith, readJson, recordsOf, rewrite } from './newer.ts';
import { stage1sOf } from './stage1s.ts';

const UNIMPLEMENTED = 12;

interface Standing {
  readonly pod: Pod;
  readonly id: string;
  readonly name: string;
  readonly startedAt: bigint;
  readonly stage1: number;
}

// Servers and stage1s of different releases take turns on one root, killed under load each time: what stands must not notice.
describe('releases that are swapped', () => {
  let world: World;
  const standing: Standing[] = [];
  const load = { stop: false, done: 0, errors: [] as string[] };
  let loading: Promise<void>;
  const natives: Record<'own' | 'newer' | 'older', string> = { own: '', newer: '', older: '' };

  beforeAll(async () => {
    world = await World.create({ subnet: 162 });
    await pull(world, shellImage);
    natives.own = join(programs.build, 'release');
    natives.newer = nativeWith(world, 'newer', { version: 99, lastRequest: 19 });
    // Without resize and exec. Of this version, or it would refuse this server's pods.
    natives.older = nativeWith(world, 'older', { version: 2, lastRequest: 17 });
    for (let n = 0; n < 3; n += 1) await stand(`own-${n}`);
    loading = keepBusy();
  });
  afterAll(async () => {
    load.stop = true;
    await loading;
    await world.dispose();
  });

  test('to a newer one: its records are read, its stage1s are asked for what this one knows', async () => {
    await swap('newer', () => {
      const { pods, containers, images } = recordsOf(world);
      for (const file of [...pods, ...containers, ...images]) rewrite(file, asNewer);
      // Words of the newer release's own, too.
      rewrite(podRecord(0), (record) => ({ ...record, state: { kind: 'paused', future } }));
      rewrite(containerRecord(0), (record) => ({ ...record, state: { kind: 'frozen', future } }));
      rewrite(podRecord(1), (record) => ({ ...record, flavor: 'wasm' }));
      rewrite(podRecord(2), (record) => ({ ...record, cgroupDriver: 'future' }));
      rewrite(join(world.gantry.root, 'pods', at(2).pod.id, 'pod.json'), asNewer);
    });
    await stand('newer-0');
    await stand('newer-1', hostNetwork);
    await allStand();
    expect(await contractOf(at(0).pod)).toBe(2);
    expect(await contractOf(at(3).pod)).toBe(99);
  });

  test('and its records are changed without losing what only it knows', async () => {
    for (const { id } of [at(0), at(1)])
      await world.cri.call('UpdateContainerResources', { containerId: id, linux: { cpuShares: 600n } });
    const added = await startContainer(world, at(0).pod, script('exit 0'));
    await world.cri.call('RemoveContainer', { containerId: added });
    // Where a word decides how something is made, nothing is made.
    const inFlavor = await failure(createContainer(world, at(1).pod));
    expect(inFlavor.details).toContain('flavor "wasm", which this release does not know; it runs on');
    const byDriver = await failure(createContainer(world, at(2).pod));
    expect(byDriver.details).toContain('"future", which this release does not know');
    await pull(world, 'gantry.test/docker:1');
    const record = readJson(containerRecord(1));
    expect(record).toMatchObject({ version: 7, future, state: { kind: 'running', future } });
    expect(readJson(podRecord(1))).toMatchObject({ version: 7, future, flavor: 'wasm', config: { future } });
    // What stage1 and the lock say is written in the place of a word that is not known; what is beside it stays.
    expect(readJson(containerRecord(0))).toMatchObject({ version: 7, state: { kind: 'running', future } });
    expect(readJson(podRecord(0))).toMatchObject({ version: 7, state: { future } });
    for (const file of recordsOf(world).images.filter((image) => readJson(image)['future'] !== undefined))
      expect(readJson(file)).toMatchObject({ version: 7, future, image: { future } });
  });

  test('and back: what the newer one made goes on', async () => {
    await swap('own');
    await stand('back-0');
    await allStand();
    expect(readJson(containerRecord(1))).toMatchObject({ version: 7, future, state: { future } });
    expect(await contractOf(at(3).pod)).toBe(99);
    expect(await contractOf(at(5).pod)).toBe(2);
  });

  test('to a stage1 that knows fewer requests: what it lacks is told, and all else is as ever', async () => {
    await swap('older');
    const pod = await runPod(world, { linux: hostNetwork });
    const id = await createContainer(world, pod, script('exec sleep 36000'));
    await world.cri.call('StartContainer', { containerId: id });
    await world.cri.call('UpdateContainerResources', { containerId: id, linux: { cpuShares: 700n } });
    await world.cri.call('ReopenContainerLog', { containerId: id });
    const error = await failure(exec(world, id, 'true'));
    expect(error.code).toBe(UNIMPLEMENTED);
    expect(error.details).toMatch(
      /stage1 of this pod is of release .* \(contract 2\) and does not know the request "exec"/,
    );
    await world.cri.call('StopContainer', { containerId: id, timeout: 0n });
    expect((await containerStatus(world, id)).state).toBe('CONTAINER_EXITED');
    await removePod(world, pod);
    await allStand();
  });

  test('ten times, each kill in the middle of everything', async () => {
    for (let n = 0; n < 10; n += 1) await swap(n % 2 === 0 ? 'newer' : 'own');
    await allStand();
  }, 240_000);

  test('nothing of it is left', async () => {
    load.stop = true;
    await loading;
    expect([...new Set(load.errors)]).toEqual([]);
    expect(load.done).toBeGreaterThan(5);
    for (const { pod, id, name } of standing) {
      const lines = logOf(pod, name).trimEnd().split('\n').map(Number);
      expect(lines).toEqual(Array.from({ length: lines.length }, (_, n) => n));
      await world.cri.call('StopContainer', { containerId: id, timeout: 10n });
      expect((await containerStatus(world, id)).exitCode).toBe(5);
    }
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  /** A pod with a container that counts into its log, to be there until the end. */
  async function stand(
    name: string,
    linux: Parameters<typeof runPod>[1] extends infer C
      ? C extends { linux?: infer L }
        ? L
        : never
      : never = {},
  ): Promise<void> {
    const pod = await runPod(world, { linux });
    const counts = script('trap "exit 5" TERM; n=0; while :; do echo $n; n=$((n+1)); sleep 0.05; done');
    const metadata = { name, attempt: 0 };
    const id = await startContainer(world, pod, { metadata, logPath: `${name}.log`, ...counts });
    const { startedAt } = await containerStatus(world, id);
    const [stage1] = stage1sOf([pod.id], world);
    standing.push({ pod, id, name, startedAt, stage1: stage1?.pid ?? 0 });
  }

  /** Each runs, under the same stage1, since the same moment, and does what it is asked for. */
  async function allStand(): Promise<void> {
    for (const { pod, id, startedAt, stage1 } of standing) {
      const status = await eventually(
        async () => await containerStatus(world, id),
        ({ state }) => state === 'CONTAINER_RUNNING',
      );
      expect(status.startedAt).toBe(startedAt);
      expect(stage1sOf([pod.id], world).map(({ pid }) => pid)).toEqual([stage1]);
      expect((await exec(world, id, 'echo here')).text).toBe('here');
    }
  }

  async function swap(to: keyof typeof natives, meanwhile: () => void = () => {}): Promise<void> {
    await world.gantry.daemon.kill();
    meanwhile();
    world.gantry.daemon.change({ env: { GANTRY_NATIVE_DIR: natives[to] } });
    await world.gantry.daemon.start();
    // The load had the connection fail meanwhile.
    const isUp = async (): Promise<boolean> =>
      await world.cri.call('Version', {}).then(
        () => true,
        () => false,
      );
    await eventually(isUp, Boolean);
    const before = load.done;
    await eventually(
      () => load.done > before,
      (moved) => moved,
      60,
    );
    // The next kill is in the middle of something else each time.
    await sleep(Math.random() * 200);
  }

  /** Pods that come and go all the time; what fails because the server was killed is begun anew. */
  async function keepBusy(): Promise<void> {
    while (!load.stop) {
      try {
        const pod = await runPod(world, load.done % 2 === 0 ? { linux: hostNetwork } : {});
        const id = await startContainer(world, pod, script('exit 0'));
        await world.cri.call('ContainerStatus', { containerId: id });
        await removePod(world, pod);
        load.done += 1;
      } catch (error) {
        // The server's own word is none of these.
        if (!/No connection established|Connection dropped|ECONNRESET/.test(String(error)))
          load.errors.push(String(error));
        await sleep(50);
      }
    }
  }

  function at(index: number): Standing {
    const found = standing[index];
    if (found === undefined) throw new Error(`there is no pod ${index}`);
    return found;
  }

  function podRecord(index: number): string {
    return join(world.gantry.root, 'pods', at(index).pod.id, 'record.json');
  }

  function containerRecord(index: number): string {
    return join(world.gantry.root, 'pods', at(index).pod.id, 'apps', at(index).id, 'record.json');
  }

  /** What `crictl inspectp` says of the pod's stage1. */
  async function contractOf(pod: Pod): Promise<unknown> {
    const { info } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id, verbose: true });
    return (JSON.parse(info['info'] ?? '{}') as { stage1?: { contractVersion?: number } }).stage1
      ?.contractVersion;
  }
});
