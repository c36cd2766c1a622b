import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createContainer } from './create-container.ts';
import { execSync } from './exec-sync.ts';
import { getContainerEvents } from './get-container-events.ts';
import { podSandboxStatus } from './pod-sandbox-status.ts';
import { removeContainer } from './remove-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { reopenContainerLog } from './reopen-container-log.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { startContainer } from './start-container.ts';
import { stopContainer } from './stop-container.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { eventually, World } from './test-world.ts';
import { updateContainerResources } from './update-container-resources.ts';

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
const exec = (containerId: string, cmd: readonly string[], timeout = 0) =>
  world.call(execSync, 'ExecSyncRequest', { containerId, cmd, timeout });
const stop = (containerId: string, timeout: number) =>
  world.call(stopContainer, 'StopContainerRequest', { containerId, timeout });

describe('a pod and its containers', () => {
  it('from nothing to nothing', async () => {
    const pod = await world.runPod();
    const container = await world.create(pod, ['sh', '-c', 'echo hello; exit 3']);
    expect(state(container).kind).toBe('created');
    await world.call(startContainer, 'StartContainerRequest', { containerId: container });
    await eventually(() => state(container).kind === 'exited');
    expect(state(container)).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(world.log(container)).toMatch(/ stdout F hello\n$/);
    await world.call(removeContainer, 'RemoveContainerRequest', { containerId: container });
    expect(world.services.pods.container(container)).toBeUndefined();
    await world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId: pod });
    expect(world.services.pods.requireSandbox(pod).state.kind).toBe('notready');
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: pod });
    expect(world.leftovers()).toEqual(before);
  });

  it('is removed by force while it runs, and all of it twice', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    for (let time = 0; time < 2; time++) {
      await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: pod });
      await world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId: pod });
      await world.call(removeContainer, 'RemoveContainerRequest', { containerId: container });
      await stop(container, 0);
    }
    expect(world.leftovers()).toEqual(before);
  });
});

describe('removing a container', () => {
  // stage1 ends with the pod: a removal that has just asked it is answered by nobody.
  it('while its pod is stopped succeeds, however the two meet', async () => {
    for (let round = 0; round < 12; round += 1) {
      const pod = await world.runPod();
      const running = await world.start(pod, ['sleep', '1000']);
      const ended = await world.start(pod, ['true']);
      await eventually(() => state(ended).kind === 'exited');
      const stopped = world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId: pod });
      await sleep(round % 6);
      const removed = [ended, running].map((containerId) =>
        world.call(removeContainer, 'RemoveContainerRequest', { containerId }),
      );
      await Promise.all([stopped, ...removed]);
      expect(world.services.pods.containersOf(pod)).toEqual([]);
      await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: pod });
    }
    expect(world.leftovers()).toEqual(before);
  });
});

describe('stopping a container', () => {
  it('by its signal, within its grace', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, [
      'sh',
      '-c',
      'trap "exit 5" TERM; while true; do sleep 0.05; done',
    ]);
    await exec(container, ['true']);
    await stop(container, 10);
    expect(state(container)).toMatchObject({ kind: 'exited', exitCode: 5 });
    await stop(container, 10);
  });

  it('by force once the grace has passed, and the shorter of two graces wins', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sh', '-c', 'trap "" TERM; while true; do sleep 0.05; done']);
    const began = performance.now();
    await Promise.all([stop(container, 60), stop(container, 1)]);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(state(container)).toMatchObject({ kind: 'exited', exitCode: 137 });
  });

  it('a stop outlives its caller', async () => {
    const pod = await world.runPod();
    const container = await world.start(pod, ['sh', '-c', 'trap "" TERM; while true; do sleep 0.05; done']);
    const request = { containerId: container, timeout: 1 };
    const call = world.call(stopContainer, 'StopContainerRequest', request, AbortSignal.timeout(100));
    await expect(call).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await eventually(() => state(container).kind === 'exited');
  });
});

describe('starting', () => {
  it('a program that is not there: 128, StartError, and the reason', async () => {
    const pod = await world.runPod();
    let container = '';
    const whole = async (): Promise<void> => {
      container = await world.create(pod, ['/no/such/program']);
      await world.call(startContainer, 'StartContainerRequest', { containerId: container });
    };
    await expect(whole()).rejects.toThrow(/no\/such\/program/);
    if (container !== '') {
      expect(state(container)).toMatchObject({ kind: 'exited', exitCode: 128, reason: 'StartError' });
    }
  });

  it('a second time is refused', async () => {
    const pod = await world.runPod();
    const containerId = await world.start(pod, ['sleep', '1000']);
    const again = world.call(startContainer, 'StartContainerRequest', { containerId });
    await expect(again).rejects.toMatchObject({ code: 'failed-precondition' });
  });
});

describe('exec', () => {
  let container: string;
  beforeAll(async () => {
    container = await world.start(await world.runPod(), ['sleep', '1000']);
  });

  it('gives output, error output and exit code', async () => {
    const result = await exec(container, ['sh', '-c', 'echo out; echo err >&2; exit 9']);
    expect({ out: `${result.stdout}`, err: `${result.stderr}`, code: result.exitCode }).toEqual({
      out: 'out\n',
      err: 'err\n',
      code: 9,
    });
  });

  it('keeps what fits a message of 16 MiB, of both streams together, and all else goes on', async () => {
    const flood = 'yes | head -c 20000000 >&2; yes | head -c 20000000';
    const { stdout, stderr } = await exec(container, ['sh', '-c', flood]);
    const kept = (stdout?.length ?? 0) + (stderr?.length ?? 0);
    expect(kept).toBe((16 << 20) - (64 << 10));
  });

  it('many at once do not mix', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => exec(container, ['sh', '-c', `echo ${n}; exit ${n}`])),
    );
    expect(results.map((r) => [`${r.stdout}`, r.exitCode])).toEqual(results.map((_, n) => [`${n}\n`, n]));
  });

  it('a time-out is DeadlineExceeded, in time, and leaves no process', async () => {
    const began = performance.now();
    const late = exec(container, ['sh', '-c', 'sleep 4711 & sleep 4712'], 1);
    await expect(late).rejects.toMatchObject({ code: 'deadline-exceeded' });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(`${(await exec(container, ['ps'])).stdout}`).not.toMatch(/sleep 471/);
  });

  it('a caller that goes away takes its command along', async () => {
    const request = { containerId: container, cmd: ['sleep', '4713'] };
    const gone = world.call(execSync, 'ExecSyncRequest', request, AbortSignal.timeout(200));
    await expect(gone).rejects.toThrow();
    expect(`${(await exec(container, ['ps'])).stdout}`).not.toMatch(/sleep 4713/);
  });

  it('a command that is not there is an error that names it', async () => {
    await expect(exec(container, ['/no/such'])).rejects.toThrow(/no\/such/);
  });

  it('not in a container that has ended, nor in one that never was', async () => {
    const ended = await world.start(await world.runPod(), ['true']);
    await eventually(() => state(ended).kind === 'exited');
    await expect(exec(ended, ['true'])).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(exec('f'.repeat(64), ['true'])).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('names', () => {
  it('asked for twice at once: one pod, one container', async () => {
    const config = world.sandboxConfig();
    const run = () => world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
    const [one, two] = await Promise.all([run(), run()]);
    expect(one).toEqual(two);
    expect(await run()).toEqual(one);
    const podSandboxId = one.podSandboxId;
    const request = { podSandboxId, config: world.containerConfig(['sleep', '1000']) };
    const create = () => world.call(createContainer, 'CreateContainerRequest', request);
    const [first, second] = await Promise.all([create(), create()]);
    expect(first).toEqual(second);
    expect(await create()).toEqual(first);
    expect(world.services.pods.containersOf(podSandboxId)).toHaveLength(1);
  });

  it('a caller that gave up finds its pod on the retry', async () => {
    const config = world.sandboxConfig();
    const impatient = world.call(runPodSandbox, 'RunPodSandboxRequest', { config }, AbortSignal.abort());
    await expect(impatient).rejects.toThrow(/join it/);
    const { podSandboxId } = await world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
    expect(
      world.services.pods.sandboxes().filter((s) => s.config.metadata?.uid === config.metadata?.uid),
    ).toEqual([expect.objectContaining({ id: podSandboxId })]);
  });

  it('another configuration under the name of a live pod is refused', async () => {
    const config = world.sandboxConfig();
    await world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
    const other = world.call(runPodSandbox, 'RunPodSandboxRequest', {
      config: { ...config, hostname: 'other' },
    });
    await expect(other).rejects.toMatchObject({ code: 'already-exists' });
  });
});

describe('bad requests name the thing and leave nothing', () => {
  it.each([
    ['no such image', { image: { image: 'localhost/none:1' } }, /localhost\/none:1/],
    ['no name', { metadata: { name: '', attempt: 0 } }, /has no name/],
    ['a log outside of the pod’s', { logPath: '../x.log' }, /x\.log/],
    [
      'a mount source that cannot be',
      { mounts: [{ hostPath: '/dev/null/dir', containerPath: '/m' }] },
      /\/dev\/null\/dir/,
    ],
  ])('%s', async (_what, init, message) => {
    const pod = await world.runPod();
    const there = world.leftovers();
    await expect(world.create(pod, ['true'], init)).rejects.toThrow(message);
    expect(world.leftovers()).toEqual(there);
    expect(world.services.pods.containersOf(pod)).toEqual([]);
  });

  it('not in a stopped pod', async () => {
    const pod = await world.runPod();
    await world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId: pod });
    await expect(world.create(pod, ['true'])).rejects.toMatchObject({ code: 'failed-precondition' });
  });
});

describe('the rest', () => {
  it('a reopened log goes on in a new file', async () => {
    const container = await world.start(await world.runPod(), [
      'sh',
      '-c',
      'while true; do echo x; sleep 0.02; done',
    ]);
    await eventually(() => world.log(container).length > 0);
    rmSync(world.services.pods.requireContainer(container).logPath);
    await world.call(reopenContainerLog, 'ReopenContainerLogRequest', { containerId: container });
    await eventually(() => world.log(container).endsWith(' stdout F x\n'));
    expect(world.log(container)).toMatch(/^\S+ stdout F x\n/);
  });

  it('new limits are in force and in the record', async () => {
    const container = await world.start(await world.runPod(), ['sleep', '1000']);
    const linux = { cpuShares: 512, memoryLimitInBytes: 64 << 20 };
    const request = { containerId: container, linux };
    await world.call(updateContainerResources, 'UpdateContainerResourcesRequest', request);
    const { config } = world.services.pods.requireContainer(container);
    expect(config.linux?.resources).toMatchObject({ cpuShares: 512n, memoryLimitInBytes: BigInt(64 << 20) });
  });

  it('a pod’s status is without its containers’ and without a time, which a kubelet with events on takes wrong', async () => {
    const pod = await world.runPod();
    await world.start(pod, ['sleep', '1000']);
    const request = { podSandboxId: pod, verbose: true };
    const response = await world.call(podSandboxStatus, 'PodSandboxStatusRequest', request);
    expect(Object.keys(response).sort()).toEqual(['info', 'status']);
  });

  it('a pod and its containers removed at once: each is deleted once', async () => {
    const caller = new AbortController();
    const call = { signal: caller.signal, log: world.services.log };
    const events = getContainerEvents(world.services, {}, call)[Symbol.asyncIterator]();
    const first = events.next();
    const pod = await world.runPod();
    const containers: string[] = [];
    for (let number = 0; number < 6; number += 1) containers.push(await world.start(pod, ['true']));
    await Promise.all([
      world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: pod }),
      ...containers.map((containerId) =>
        world.call(removeContainer, 'RemoveContainerRequest', { containerId }),
      ),
    ]);
    const deleted: (string | undefined)[] = [];
    for (let next = await first; next.done !== true; next = await events.next()) {
      const { containerEventType, containerId } = next.value;
      if (containerEventType === 'CONTAINER_DELETED_EVENT') deleted.push(containerId);
      if (containerId === pod && deleted.includes(pod)) caller.abort();
    }
    expect(deleted.sort()).toEqual([pod, ...containers].sort());
  });

  it('events come in order, each with the statuses of its moment, however late they are read', async () => {
    const caller = new AbortController();
    const call = { signal: caller.signal, log: world.services.log };
    const events = getContainerEvents(world.services, {}, call)[Symbol.asyncIterator]();
    const first = events.next();
    const pod = await world.runPod();
    const container = await world.start(pod, ['sleep', '1000']);
    await stop(container, 0);
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: pod });
    const seen: string[] = [];
    for (let next = await first; next.done !== true; next = await events.next()) {
      const { containerEventType, podSandboxStatus: shown, containersStatuses } = next.value;
      expect(shown?.id).toBe(pod);
      seen.push(`${containerEventType} ${shown?.state} ${containersStatuses?.[0]?.state ?? '-'}`);
      if (seen.length === 8) caller.abort();
    }
    expect(seen.map((line) => line.replace('CONTAINER_', '').replace('_EVENT', ''))).toEqual([
      'CREATED SANDBOX_READY -',
      'STARTED SANDBOX_READY -',
      'CREATED SANDBOX_READY CONTAINER_CREATED',
      'STARTED SANDBOX_READY CONTAINER_RUNNING',
      'STOPPED SANDBOX_READY CONTAINER_EXITED',
      'STOPPED SANDBOX_NOTREADY CONTAINER_EXITED',
      'DELETED SANDBOX_NOTREADY -',
      'DELETED SANDBOX_NOTREADY -',
    ]);
  });
});
