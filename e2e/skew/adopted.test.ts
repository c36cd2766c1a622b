import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerStatus } from '../../src/cri-types/index.ts';
import {
  containerStatus,
  createContainer,
  eventually,
  exec,
  failure,
  logOf,
  type Pod,
  programs,
  pull,
  removePod,
  runPod,
  script,
  startContainer,
  World,
  waitForExit,
} from '../harness/index.ts';
import { makePlace, type Place } from '../sessions/place.ts';
import { polite } from '../sessions/polite.ts';
import { olderReleases, programOf } from './releases.ts';
import { stage1sOf } from './stage1s.ts';

const layered = 'gantry.test/layers:1';

// Made by the older release's server, executed by its stage1, used to its end by this release's server.
describe.each(olderReleases())('pods of release %s', (commit) => {
  let world: World;
  let place: Place;
  /** With a shared pid namespace. */
  let shared: Pod;
  let containers: Record<'created' | 'exited' | 'endsAlone' | 'ticks' | 'shared', string>;
  let before: unknown;
  let supervisors: ReturnType<typeof stage1sOf>;

  const named = (name: string): { metadata: { name: string; attempt: number }; logPath: string } => ({
    metadata: { name, attempt: 0 },
    logPath: `${name}.log`,
  });

  beforeAll(async () => {
    const program = programOf(commit);
    // 3f9e960 does not make it.
    mkdirSync('/run/netns', { recursive: true });
    world = await World.create({ subnet: 161, server: { program } });
    await pull(world, layered);
    place = await makePlace(world);
    shared = await runPod(world, {
      linux: { securityContext: { namespaceOptions: { pid: 'POD' } } },
    });
    const { pod } = place;
    const mounts = [{ hostPath: world.directory, containerPath: '/host' }];
    const ending = script('until test -e /host/end; do sleep 0.05; done; exit 7');
    const ticking = script('trap "exit 5" TERM; n=0; while :; do echo $n; n=$((n+1)); sleep 0.02; done');
    containers = {
      created: await createContainer(world, pod, {
        ...named('created'),
        ...script('echo hello; sleep 36000'),
      }),
      exited: await startContainer(world, pod, { ...named('exited'), ...script('echo bye; exit 3') }),
      endsAlone: await startContainer(world, pod, { ...named('ends-alone'), mounts, ...ending }),
      ticks: await startContainer(world, pod, { ...named('ticks'), ...ticking }),
      shared: await startContainer(world, shared, named('shared')),
    };
    await waitForExit(world, containers.exited);
    supervisors = stage1sOf([pod.id, shared.id], world);
    before = await seen();
    await world.gantry.daemon.kill();
    // Nobody but the old stage1 sees this one end.
    writeFileSync(join(world.directory, 'end'), '');
    await sleep(500);
    world.gantry.daemon.change({ program: programs.gantry });
    await world.gantry.daemon.start();
  });
  afterAll(async () => {
    await world.dispose();
  });

  test('are as they were, and so are images', async () => {
    expect((await world.cri.call('Version', {})).runtimeName).toBe('gantry');
    expect(await seen()).toEqual(before);
    expect(stage1sOf([place.pod.id, shared.id], world)).toEqual(supervisors);
    for (const { executable } of supervisors)
      expect(executable).toContain(join('skew', commit, 'build', 'release', 'gantry-stage1'));
    expect(world.serverLog).not.toContain('set aside');
  });

  test('tell how they ended while no server ran, and before', async () => {
    const status = await containerStatus(world, containers.endsAlone);
    expect([status.state, status.exitCode]).toEqual(['CONTAINER_EXITED', 7]);
    const earlier = await containerStatus(world, containers.exited);
    expect([earlier.exitCode, earlier.reason]).toEqual([3, 'Error']);
  });

  test('run commands, and end those that take too long', async () => {
    expect((await exec(world, place.heart, 'echo out; exit 4')).exitCode).toBe(4);
    const call = world.cri.call('ExecSync', {
      containerId: place.heart,
      cmd: ['sleep', '7654'],
      timeout: 1,
    });
    expect((await failure(call)).code).toBe(4);
    const left = async (): Promise<string> => (await exec(world, place.heart, 'ps')).text;
    expect(await eventually(left, (text) => !text.includes('sleep 7654'))).not.toContain('sleep 7654');
  });

  describe.each(['spdy', 'websocket'] as const)('over %s', (transport) => {
    test.each(Object.keys(polite))('have sessions: %s', async (name) => {
      await polite[name]?.(place, transport);
    });
  });

  test('go on with their logs, in the same file and in the next one', async () => {
    const { logPath } = await containerStatus(world, containers.ticks);

    renameSync(logPath, `${logPath}.1`);
    await world.cri.call('ReopenContainerLog', { containerId: containers.ticks });
    await eventually(
      () => logOf(place.pod, 'ticks'),
      (text) => text.split('\n').length > 5,
    );
    const first = readFileSync(`${logPath}.1`, 'utf8').trimEnd().split('\n');
    const second = readFileSync(logPath, 'utf8').trimEnd().split('\n');
    const numbers = [...first, ...second].map((line) => Number(line.split(' ')[3]));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => n));
  });

  test('have statistics and metrics', async () => {
    const { stats } = await world.cri.call('ContainerStats', { containerId: place.heart });
    expect(stats?.memory?.workingSetBytes?.value).toBeGreaterThan(0n);
    expect(stats?.cpu?.usageCoreNanoSeconds?.value).toBeGreaterThan(0n);
    const pod = await world.cri.call('PodSandboxStats', { podSandboxId: place.pod.id });
    expect(pod.stats?.linux?.network?.defaultInterface?.name).toBe('eth0');
    const all = await world.cri.call('ListContainerStats', { filter: { podSandboxId: place.pod.id } });
    expect(all.stats.length).toBeGreaterThan(4);
  });

  test('take new limits', async () => {
    await world.cri.call('UpdateContainerResources', {
      containerId: place.heart,
      linux: { memoryLimitInBytes: 96n << 20n, cpuShares: 512n },
    });
    const { status } = await world.cri.call('ContainerStatus', { containerId: place.heart });
    expect(status?.resources?.linux?.memoryLimitInBytes).toBe(96n << 20n);
    const file = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null';
    expect((await exec(world, place.heart, file)).text).toBe(String(96 << 20));
  });

  test('start what was created', async () => {
    await world.cri.call('StartContainer', { containerId: containers.created });
    expect((await exec(world, containers.created, 'echo runs')).text).toBe('runs');
  });

  test('take further containers, of images of the old store and of new ones', async () => {
    const inOld = await startContainer(world, place.pod, {
      ...named('added'),
      image: { image: layered },
      ...script('echo added; exec sleep 36000'),
    });
    expect((await exec(world, inOld, 'echo in an old pod')).text).toBe('in an old pod');
    // A stage1 refuses manifests of a later version than its own.
    const manifest = join(world.gantry.root, 'pods', place.pod.id, 'apps', inOld, 'app.json');
    const { contractVersion } = JSON.parse(readFileSync(manifest, 'utf8')) as { contractVersion: number };
    expect(contractVersion).toBe(await contractOf(place.pod));
    await pull(world, 'gantry.test/docker:1');
    const inShared = await startContainer(world, shared, {
      ...named('beside'),
      image: { image: 'gantry.test/docker:1' },
      linux: { securityContext: { namespaceOptions: { pid: 'POD' } } },
      mounts: [{ containerPath: '/volume', readonly: true, image: { image: layered } }],
    });
    expect((await exec(world, inShared, 'ls /volume | wc -l')).text).not.toBe('0');
    expect((await exec(world, inShared, 'ps | grep -c "[s]leep 36000"')).text).toBe('2');
  });

  test('live beside pods of this release', async () => {
    const pod = await runPod(world);
    const id = await startContainer(world, pod);
    const { status } = await world.cri.call('PodSandboxStatus', { podSandboxId: place.pod.id });
    const ping = await exec(world, id, `ping -c 1 -W 5 ${status?.network?.ip}`);
    expect(ping.exitCode).toBe(0);
    await removePod(world, pod);
  });

  test('are stopped with the grace and the signal that they were made for, and removed', async () => {
    await world.cri.call('StopContainer', { containerId: containers.ticks, timeout: 10n });
    expect((await containerStatus(world, containers.ticks)).exitCode).toBe(5);
    await world.cri.call('RemoveContainer', { containerId: containers.ticks });
    expect((await failure(containerStatus(world, containers.ticks))).code).toBe(5);
    await removePod(world, shared);
    await removePod(world, place.pod);
    await world.removeEverything();
    expect(await world.leftovers()).toEqual([]);
  });

  /** What `crictl inspectp` says of the pod's stage1. */
  async function contractOf(pod: Pod): Promise<unknown> {
    const { info } = await world.cri.call('PodSandboxStatus', { podSandboxId: pod.id, verbose: true });
    const { stage1 } = JSON.parse(info['info'] ?? '{}') as { stage1?: { contractVersion?: number } };
    return stage1?.contractVersion;
  }

  /** What the lists and statuses tell, but what goes on by itself. */
  async function seen(): Promise<unknown> {
    const { items } = await world.cri.call('ListPodSandbox', {});
    const { containers: list } = await world.cri.call('ListContainers', {});
    const statuses: ContainerStatus[] = [];
    for (const { id } of list) {
      if (id !== containers.endsAlone) statuses.push(await containerStatus(world, id));
    }
    const pods = [];
    for (const { id } of items)
      pods.push((await world.cri.call('PodSandboxStatus', { podSandboxId: id })).status);
    const byId = (a: { id: string }, b: { id: string }): number => a.id.localeCompare(b.id);
    return {
      pods: pods.flatMap((status) => status ?? []).sort(byId),
      containers: statuses.sort(byId),
      images: [...(await world.cri.call('ListImages', {})).images].sort(byId),
    };
  }
});
