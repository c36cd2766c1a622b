import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLayout } from '../../resources/index.ts';
import { containerStatus } from './container-status.ts';
import { execSync } from './exec-sync.ts';
import { listPodSandbox } from './list-pod-sandbox.ts';
import { removeContainer } from './remove-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { stopContainer } from './stop-container.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { eventually, processes, World } from './test-world.ts';

let world: World;
let before: string[];
beforeAll(async () => {
  world = await World.open();
  before = world.leftovers();
});
afterAll(async () => {
  await world.close();
});

const state = (id: string) => world.services.pods.requireContainer(id).state;
const remove = (podSandboxId: string) =>
  world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
const podDirectory = (id: string) => join(world.config.root, 'pods', id);

function signalStage1(podId: string, signal: NodeJS.Signals): void {
  const [line = ''] = processes(podDirectory(podId));
  process.kill(Number(line.replace('process ', '')), signal);
}

const killStage1 = (podId: string): void => signalStage1(podId, 'SIGKILL');

/** The last word of a container's cgroup, asked of the kernel. */
function pidsOf(containerId: string): string[] {
  return procsIn(world.services.pods.requireContainer(containerId).cgroupPath);
}

const procsOf = (parent: string, containerId: string): string[] => procsIn(`${parent}/${containerId}`);

/** In every hierarchy, wherever it is mounted: v1's have a directory each, v2 alone is at the top. */
function procsIn(cgroupPath: string): string[] {
  return readLayout().hierarchies.flatMap(({ mountPoint }) => {
    try {
      const procs = readFileSync(join(mountPoint, cgroupPath, 'cgroup.procs'), 'utf8');
      return procs.split('\n').filter((pid) => pid !== '');
    } catch {
      return [];
    }
  });
}

describe('a container that has ended', () => {
  // A process that could not be killed in time, and died later; or one that somebody put there.
  it('goes with what stage1 had to leave in its cgroup', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['true']);
    await eventually(() => state(container).kind === 'exited');
    const { cgroupPath } = world.services.pods.requireContainer(container);
    const [hierarchy] = readLayout().hierarchies;
    const cgroup = join(hierarchy?.mountPoint ?? '', cgroupPath);
    mkdirSync(cgroup);
    const left = spawn('sleep', ['1000']);
    writeFileSync(join(cgroup, 'cgroup.procs'), `${left.pid}`);
    const removed = once(left, 'exit');
    await world.call(removeContainer, 'RemoveContainerRequest', { containerId: container });
    await removed;
    expect(existsSync(cgroup)).toBe(false);
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });
});

// What the kernel makes of a disk with errors.
it('a file system that became read-only under a pod does not keep it from being stopped', async () => {
  const pod = await world.runPod();
  const container = await world.start(pod, ['sleep', '1000']);
  const { root } = world.config;
  execFileSync('mount', ['--bind', root, root]);
  try {
    execFileSync('mount', ['-o', 'remount,bind,ro', root]);
    await world.call(stopContainer, 'StopContainerRequest', { containerId: container, timeout: 0 });
    expect(state(container)).toMatchObject({ kind: 'exited', exitCode: 137 });
    await world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId: pod });
    expect(world.services.pods.requireSandbox(pod).state.kind).toBe('notready');
  } finally {
    execFileSync('umount', ['-l', root]);
  }
  await remove(pod);
  expect(world.leftovers()).toEqual(before);
});

describe('a server that is gone for a while', () => {
  it('finds its pods alive, and goes on with them', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    const running = state(container);
    await world.restart();
    expect(state(container)).toEqual(running);
    const { stdout } = await world.call(execSync, 'ExecSyncRequest', {
      containerId: container,
      cmd: ['echo', 'x'],
    });
    expect(`${stdout}`).toBe('x\n');
    await world.call(stopContainer, 'StopContainerRequest', { containerId: container, timeout: 0 });
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });

  it('hears of exits that happened meanwhile, code and time', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sh', '-c', 'sleep 0.3; exit 42']);
    const left = BigInt(Date.now()) * 1_000_000n;
    await world.restart(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
    const end = state(container);
    expect(end).toMatchObject({ kind: 'exited', exitCode: 42, reason: 'Error' });
    if (end.kind === 'exited') expect(Number(end.finishedAt - left) / 1e6).toBeLessThan(900);
    await remove(pod);
  });

  it('and of those whose pod died as well', async () => {
    const pod = await world.runPod();
    const ended = await world.start(pod, ['sh', '-c', 'exit 7']);
    const ran = await world.start(pod, ['sleep', '1000']);
    await eventually(() => state(ended).kind === 'exited');
    await world.restart(() => killStage1(pod));
    expect(world.services.pods.requireSandbox(pod).state).toMatchObject({ kind: 'notready' });
    expect(state(ended)).toMatchObject({ exitCode: 7 });
    expect(state(ran)).toMatchObject({ kind: 'exited', exitCode: 137, reason: 'ContainerStatusUnknown' });
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });

  it('undoes what it had only begun', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    const other = await world.runPod();
    await world.restart(() => {
      for (const [path] of [
        [join(podDirectory(pod), 'apps', container, 'record.json')],
        [join(podDirectory(other), 'record.json')],
      ] as const) {
        const record = JSON.parse(readFileSync(path, 'utf8')) as { state: object };
        writeFileSync(path, JSON.stringify({ ...record, state: { kind: 'creating' } }));
      }
    });
    expect(world.services.pods.container(container)).toBeUndefined();
    expect(world.services.pods.sandbox(other)).toBeUndefined();
    expect(world.services.pods.requireSandbox(pod).state.kind).toBe('ready');
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });

  it('after a reboot everything has exited', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    await world.restart(() => {
      killStage1(pod);
      const path = join(podDirectory(pod), 'record.json');
      const record = JSON.parse(readFileSync(path, 'utf8')) as object;
      writeFileSync(path, JSON.stringify({ ...record, bootId: 'another' }));
    });
    expect(world.services.pods.requireSandbox(pod).state).toMatchObject({
      kind: 'notready',
      networkDown: true,
      reason: 'the node was restarted',
    });
    expect(state(container)).toMatchObject({ kind: 'exited', exitCode: 137 });
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('a bad record', () => {
  const recordOf = (pod: string) => join(podDirectory(pod), 'record.json');
  const rewrite = (path: string, change: (record: Record<string, unknown>) => object): void =>
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));

  it.each<[string, string, (path: string) => void]>([
    ['torn', 'torn', (path) => truncateSync(path, 40)],
    ['absent', 'absent', (path) => rmSync(path)],
    [
      'unreadable',
      'unreadable',
      (path) => {
        rmSync(path);
        symlinkSync(path, path);
      },
    ],
    ['foreign', 'foreign', (path) => rewrite(path, ({ id }) => ({ version: 2, id }))],
  ])('of a living pod that is %s: it runs on, and the others go on', async (_what, kind, spoil) => {
    const good = await world.runPod();
    const bad = await world.runPod();
    const container = await world.start(bad, ['sleep', '1000']);
    const pids = pidsOf(container);
    const saved = readFileSync(recordOf(bad));
    await world.restart(() => spoil(recordOf(bad)));
    expect(world.services.pods.sandbox(bad)).toBeUndefined();
    expect(world.services.pods.unknownPods.get(bad)).toMatchObject({ kind });
    expect(world.services.pods.requireSandbox(good).state.kind).toBe('ready');
    expect(procsOf(world.cgroupParent, container)).toEqual(pids);
    // Readable again: the pod is there again, with nothing lost.
    rmSync(recordOf(bad), { force: true });
    writeFileSync(recordOf(bad), saved);
    await eventually(() => world.services.pods.container(container)?.state.kind === 'running', 30_000);
    expect(pidsOf(container)).toEqual(pids);
    expect(world.services.pods.unknownPods.size).toBe(0);
    await remove(good);
    await remove(bad);
    await expect.poll(() => world.leftovers(), { timeout: 10_000 }).toEqual(before);
  });

  it('that is torn, of a pod that is dead: it is set aside, and what was left of it is removed', async () => {
    const bad = await world.runPod();
    await world.start(bad, ['sleep', '1000']);
    await world.restart(async () => {
      truncateSync(recordOf(bad), 40);
      killStage1(bad);
      await eventually(() => processes(podDirectory(bad)).length === 0);
    });
    expect(readdirSync(join(world.config.root, 'quarantine')).join()).toContain(bad);
    await expect.poll(() => world.leftovers(), { timeout: 10_000 }).toEqual(before);
  });

  it('of a later version with members and words of its own: adopted, used, removed; nothing of it is lost', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    const apps = join(podDirectory(pod), 'apps', container, 'record.json');
    await world.restart(() => {
      rewrite(recordOf(pod), (record) => ({ ...record, version: 7, extra: [1], state: { kind: 'paused' } }));
      rewrite(apps, (record) => ({
        ...record,
        version: 7,
        more: { x: 1 },
        state: { kind: 'frozen', by: 'x' },
      }));
    });
    expect(world.services.pods.requireSandbox(pod).state.kind).toBe('ready');
    expect(state(container).kind).toBe('running');
    const { stdout } = await world.call(execSync, 'ExecSyncRequest', {
      containerId: container,
      cmd: ['echo', 'x'],
    });
    expect(`${stdout}`).toBe('x\n');
    await world.call(stopContainer, 'StopContainerRequest', { containerId: container, timeout: 0 });
    expect(JSON.parse(readFileSync(apps, 'utf8'))).toMatchObject({
      version: 7,
      more: { x: 1 },
      state: { by: 'x' },
    });
    expect(JSON.parse(readFileSync(recordOf(pod), 'utf8'))).toMatchObject({ version: 7, extra: [1] });
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });

  it('of a container in a living pod: it runs on unseen, and goes with its pod', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    const pids = pidsOf(container);
    await world.restart(() => truncateSync(join(podDirectory(pod), 'apps', container, 'record.json'), 0));
    expect(world.services.pods.container(container)).toBeUndefined();
    expect(world.services.pods.requireSandbox(pod).state.kind).toBe('ready');
    expect(procsOf(world.cgroupParent, container)).toEqual(pids);
    await remove(pod);
    expect(world.layerUsers()).toEqual([]);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('ten pods that hang', () => {
  it('slow nobody down: lists, statuses, other pods', async () => {
    const hung = await Promise.all(Array.from({ length: 10 }, () => world.runPod()));
    const container = await world.start(hung[0] ?? '', ['sleep', '1000']);
    for (const pod of hung) signalStage1(pod, 'SIGSTOP');
    const stops = hung.map((podSandboxId) =>
      world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId }, AbortSignal.timeout(2000)),
    );
    let settled = 0;
    for (const stop of stops)
      stop
        .then(
          () => undefined,
          () => undefined,
        )
        .then(() => (settled += 1));
    const list = await world.call(listPodSandbox, 'ListPodSandboxRequest', {});
    const status = await world.call(containerStatus, 'ContainerStatusRequest', { containerId: container });
    // Answered before any of the calls that hang was given up.
    expect(settled).toBe(0);
    expect(list.items).toHaveLength(10);
    expect(status.status?.state).toBe('CONTAINER_RUNNING');
    const other = await world.runPod();
    await world.start(other, ['sleep', '1000']);
    await remove(other);
    for (const { status: outcome } of await Promise.allSettled(stops)) expect(outcome).toBe('rejected');
    for (const pod of hung) signalStage1(pod, 'SIGCONT');
    for (const pod of hung) await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('many pods that do not answer at start-up', () => {
  it('keep no other pod from being adopted; each is when it answers again', async () => {
    const pods: string[] = [];
    for (let i = 0; i < 40; i++) pods.push(await world.runPod());
    const [hung, living] = [pods.slice(0, 30), pods.slice(30)];
    const adopted = (ids: readonly string[]): number =>
      ids.filter((id) => world.services.pods.requireSandboxObject(id).client !== undefined).length;
    for (const pod of hung) signalStage1(pod, 'SIGSTOP');
    await world.reopen();
    expect([adopted(hung), adopted(living)]).toEqual([0, living.length]);
    for (const pod of hung) signalStage1(pod, 'SIGCONT');
    await eventually(() => adopted(hung) === hung.length, 60_000);
    for (const pod of pods) await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });
});

describe('a stage1 that is killed', () => {
  it('takes its pod along: reported dead, nothing left running', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sh', '-c', 'sleep 1000 & sleep 1000']);
    await eventually(() => pidsOf(container).length > 0);
    killStage1(pod);
    await eventually(() => world.services.pods.requireSandbox(pod).state.kind === 'notready');
    expect(state(container)).toMatchObject({ kind: 'exited', exitCode: 137 });
    expect(pidsOf(container)).toEqual([]);
    await remove(pod);
    expect(world.leftovers()).toEqual(before);
  });
});
