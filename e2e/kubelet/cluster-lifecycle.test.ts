import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  deleteAllBound,
  deleteBound,
  eventOf,
  forever,
  isOver,
  isReady,
  isRunning,
  KubeletNode,
  output,
  type Pod,
  type PodManifest,
  pod,
  podPath,
  podWhen,
  run,
  runBound,
  sh,
  statusOf,
  storedWhen,
} from './harness/index.ts';

let node: KubeletNode;
let diary: string;
beforeAll(async () => {
  node = await KubeletNode.create({
    subnet: 194,
    controlPlane: true,
    config: { featureGates: { ContainerStopSignals: true } },
  });
  diary = node.world.directory;
});
afterAll(async () => await node?.dispose());

/** A directory of the host where a pod that is gone can still be read. */
const diaryMount = { volumeMounts: [{ name: 'diary', mountPath: '/diary' }] };
const diaryVolume = (): object => ({ volumes: [{ name: 'diary', hostPath: { path: diary } }] });
const written = (name: string): string[] => {
  const file = join(diary, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

/** Conditions in the order of their transitions are not told; which hold is. */
const holding = ({ status }: Pod): string[] =>
  (status.conditions ?? [])
    .filter((one) => one.status === 'True')
    .map(({ type }) => type)
    .sort();

describe('deletion', () => {
  test('runs preStop, then says SIGTERM, and takes no more time than the pod wants', async () => {
    const manifest = pod('polite', {
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          ...sh(
            'trap "echo term >> /diary/polite; exit 3" TERM; echo up >> /diary/polite; while :; do sleep 0.1; done',
          ),
          ...diaryMount,
          lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo stop >> /diary/polite'] } } },
        },
      ],
      ...diaryVolume(),
    });
    await runBound(node, manifest);
    await eventually(
      () => written('polite'),
      (lines) => lines.length === 1,
    );
    const before = Date.now();
    await deleteBound(node, manifest);
    expect(Date.now() - before).toBeLessThan(10_000);
    expect(written('polite')).toEqual(['up', 'stop', 'term']);
    await eventOf(node, manifest, 'Killing');
  });

  test('kills after the grace period what does not go', async () => {
    const manifest = pod('deaf', {
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          ...sh('trap "echo term >> /diary/deaf" TERM; echo up >> /diary/deaf; while :; do sleep 0.1; done'),
          ...diaryMount,
        },
      ],
      ...diaryVolume(),
    });
    await runBound(node, manifest);
    await eventually(
      () => written('deaf'),
      (lines) => lines.length === 1,
    );
    const before = Date.now();
    await deleteBound(node, manifest);
    const took = Date.now() - before;
    expect(written('deaf')).toEqual(['up', 'term']);
    expect(took).toBeGreaterThanOrEqual(2000);
    expect(took).toBeLessThan(8000);
  });

  test('says the signal that the container wants', async () => {
    const manifest = pod('signal', {
      os: { name: 'linux' },
      terminationGracePeriodSeconds: 20,
      containers: [
        {
          ...sh(
            'trap "echo term >> /diary/signal" TERM; trap "echo usr1 >> /diary/signal; exit 0" USR1; ' +
              'echo up >> /diary/signal; while :; do sleep 0.1; done',
          ),
          ...diaryMount,
          lifecycle: { stopSignal: 'SIGUSR1' },
        },
      ],
      ...diaryVolume(),
    });
    const found = await runBound(node, manifest);
    expect(statusOf(found)['stopSignal']).toBe('SIGUSR1');
    await eventually(
      () => written('signal'),
      (lines) => lines.length === 1,
    );
    await deleteBound(node, manifest);
    expect(written('signal')).toEqual(['up', 'usr1']);
  });

  test('by force takes the object at once, and the kubelet the pod', async () => {
    const manifest = pod('forced', {
      terminationGracePeriodSeconds: 600,
      containers: [sh('trap "" TERM; while :; do sleep 0.1; done')],
    });
    const found = await runBound(node, manifest);
    await node.controlPlane.client.delete(podPath(manifest), 0);
    expect(await node.controlPlane.client.find(podPath(manifest))).toBeUndefined();
    const filter = { labelSelector: { 'io.kubernetes.pod.uid': found.metadata.uid } };
    const running = async (): Promise<number> =>
      (await node.world.cri.call('ListContainers', { filter })).containers.filter(
        ({ state }) => state === 'CONTAINER_RUNNING',
      ).length;
    await eventually(running, (count) => count === 0);
  });
});

test('what a pod is made of ends in order: first its containers, then its sidecars from the last to the first', async () => {
  const chatty = (name: string, seconds: number): Record<string, unknown> => ({
    name,
    ...sh(
      `trap "sleep ${seconds}; echo ${name} ends >> /diary/order; exit 0" TERM; ` +
        `echo ${name} >> /diary/order; while :; do sleep 0.1; done`,
    ),
    ...diaryMount,
  });
  const sidecar = { restartPolicy: 'Always' };
  const manifest = pod('ordered', {
    terminationGracePeriodSeconds: 20,
    initContainers: [
      { ...chatty('first', 0), ...sidecar, startupProbe: { exec: { command: ['true'] }, periodSeconds: 1 } },
      { ...chatty('second', 0), ...sidecar },
    ],
    containers: [chatty('main', 1)],
    ...diaryVolume(),
  });
  await runBound(node, manifest);
  await eventually(
    () => written('order'),
    (lines) => lines.length === 3,
  );
  await deleteBound(node, manifest);
  expect(written('order')).toEqual(['first', 'second', 'main', 'main ends', 'second ends', 'first ends']);
});

test('an ephemeral container joins a running pod, and the processes of the one that it is to look at', async () => {
  const manifest = pod('debugged', { containers: [{ ...sh('exec sleep 4242') }] });
  const before = await runBound(node, manifest);
  const image = 'gantry.test/base:1';
  const ephemeralContainers = [
    { name: 'looks', image, targetContainerName: 'main', ...forever },
    { name: 'alone', image, ...sh('echo here; exit 5') },
  ];
  await node.controlPlane.client.patch(`${podPath(manifest)}/ephemeralcontainers`, {
    spec: { ephemeralContainers },
  });
  const found = await storedWhen(node, manifest, ({ status }) => {
    const states = status.ephemeralContainerStatuses ?? [];
    return states.some(({ state }) => state.running) && states.some(({ state }) => state.terminated);
  });
  expect(statusOf(found).containerID).toBe(statusOf(before).containerID);
  expect(statusOf(found, 'alone').state.terminated).toMatchObject({ exitCode: 5, reason: 'Error' });
  expect(await node.kubelet.api.logs(found, 'alone')).toBe('here\n');
  const looks = { container: 'looks' };
  expect(await output(node, found, 'tr "\\0" " " </proc/1/cmdline', looks)).toBe('sleep 4242');
  expect(await output(node, found, 'ls /proc/1/root/bin | wc -l', looks)).toMatch(/^\d{2,}$/);
  const hostname = await output(node, found, 'hostname; ip -4 -o address show eth0', looks);
  expect(hostname).toBe(await output(node, found, 'hostname; ip -4 -o address show eth0'));
});

test('a pod that may not be active any longer is failed', async () => {
  const manifest = pod('deadline', { activeDeadlineSeconds: 1, containers: [forever] });
  await runBound(node, manifest, () => true);
  const { status } = await storedWhen(node, manifest, isOver);
  expect(status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
});

test('conditions come as the pod gets there, and the last waits for its gate', async () => {
  const gate = 'test.gantry/gate';
  const manifest = pod('gated', {
    readinessGates: [{ conditionType: gate }],
    initContainers: [{ name: 'waits', ...sh('until [ -e /diary/go ]; do sleep 0.05; done'), ...diaryMount }],
    containers: [{ ...forever, readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } }],
    ...diaryVolume(),
  });
  const initializing = ({ status }: Pod): boolean =>
    (status.initContainerStatuses ?? []).some(({ state }) => state.running !== undefined);
  await runBound(node, manifest, initializing);
  const first = await storedWhen(node, manifest, initializing);
  expect(holding(first)).toEqual(['PodReadyToStartContainers', 'PodScheduled']);
  expect(first.status.podIP).toMatch(/^10\.194\./);
  await run(node, first, 'touch /diary/go', { container: 'waits' });
  const waiting = await storedWhen(node, manifest, (found) => holding(found).includes('ContainersReady'));
  expect(holding(waiting)).toEqual([
    'ContainersReady',
    'Initialized',
    'PodReadyToStartContainers',
    'PodScheduled',
  ]);
  const conditions = [{ type: gate, status: 'True' }];
  await node.controlPlane.client.patch(`${podPath(manifest)}/status`, { status: { conditions } });
  await storedWhen(node, manifest, isReady);
});

describe('pods that end', () => {
  // No one of them is the pod's process 1, which no signal of its own kills.
  test.each([
    { name: 'well', script: 'exit 0', phase: 'Succeeded', terminated: { exitCode: 0, reason: 'Completed' } },
    { name: 'ill', script: 'exit 3', phase: 'Failed', terminated: { exitCode: 3, reason: 'Error' } },
    {
      name: 'killed',
      // Of two dollars the kubelet leaves one.
      script: 'kill -9 $$$$',
      phase: 'Failed',
      terminated: { exitCode: 137, reason: 'Error' },
    },
  ])('$name', async ({ name, script, phase, terminated }) => {
    const manifest = pod(name, { shareProcessNamespace: true, containers: [sh(script)] });
    await runBound(node, manifest, () => true);
    const found = await storedWhen(node, manifest, isOver);
    expect(found.status.phase).toBe(phase);
    expect(statusOf(found).state.terminated).toMatchObject(terminated);
    expect(statusOf(found).state.terminated?.containerID).toMatch(/^\w+:\/\/[0-9a-f]{64}$/);
  });

  test('a task is tried until it succeeds, and its last failure is kept', async () => {
    const manifest = pod('task', {
      restartPolicy: 'OnFailure',
      containers: [
        {
          ...sh(
            'echo try >> /diary/task; [ $(wc -l < /diary/task) -ge 2 ] || { echo not yet > /dev/termination-log; exit 9; }',
          ),
          ...diaryMount,
        },
      ],
      ...diaryVolume(),
    });
    await runBound(node, manifest, () => true);
    const found = await storedWhen(node, manifest, isOver);
    expect(found.status.phase).toBe('Succeeded');
    expect(statusOf(found)).toMatchObject({
      restartCount: 1,
      state: { terminated: { exitCode: 0 } },
      lastState: { terminated: { exitCode: 9, message: 'not yet\n' } },
    });
    for (const reason of ['Pulled', 'Created', 'Started']) await eventOf(node, manifest, reason);
  });
});

test('a container may have the whole pod made anew, in the same sandbox', async () => {
  const restartPolicyRules = [
    { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } },
  ];
  const manifest = pod('anew', {
    initContainers: [{ name: 'init', ...sh('echo init >> /diary/anew'), ...diaryMount }],
    containers: [
      {
        ...sh('echo main >> /diary/anew; [ $(grep -c main /diary/anew) -lt 2 ] && exit 42; exec sleep 3600'),
        ...diaryMount,
        restartPolicy: 'Never',
        restartPolicyRules,
      },
      { name: 'other', ...forever },
    ],
    ...diaryVolume(),
  });
  await runBound(node, manifest, () => true);
  const found = await storedWhen(node, manifest, (seen) => isRunning(seen) && written('anew').length === 4);
  expect(written('anew')).toEqual(['init', 'main', 'init', 'main']);
  expect(statusOf(found, 'other').restartCount).toBe(1);
  const filter = { labelSelector: { 'io.kubernetes.pod.uid': found.metadata.uid } };
  expect((await node.world.cri.call('ListPodSandbox', { filter })).items).toHaveLength(1);
});

test('a program that is not there is said in status and events, with its name', async () => {
  const manifest = pod('absent', { containers: [{ command: ['/no/such/program'] }] });
  await runBound(node, manifest, () => true);
  const found = await storedWhen(node, manifest, ({ status }) => status.phase === 'Failed');
  const { terminated } = statusOf(found).state;
  expect(terminated).toMatchObject({ reason: 'StartError', exitCode: 128 });
  expect(terminated?.message).toContain('/no/such/program');
  expect((await eventOf(node, manifest, 'Failed', /\/no\/such\/program/)).type).toBe('Warning');
});

test('the kubelet restarted keeps its pods, ends those deleted meanwhile, and learns how others ended', async () => {
  const [stays, goes] = ['stays', 'goes'].map((name) =>
    pod(name, { restartPolicy: 'Always', terminationGracePeriodSeconds: 5, containers: [forever] }),
  ) as [PodManifest, PodManifest];
  const ends = pod('ends', {
    containers: [{ ...sh('until [ -e /diary/late ]; do sleep 0.05; done; exit 4'), ...diaryMount }],
    ...diaryVolume(),
  });
  const [before] = await Promise.all([stays, goes, ends].map((manifest) => runBound(node, manifest)));
  await node.kubelet.stop('SIGKILL');
  await node.controlPlane.client.delete(podPath(goes));
  writeFileSync(join(diary, 'late'), '');
  await node.kubelet.start();
  const over = await storedWhen(node, ends, isOver);
  expect(statusOf(over)).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 4 } } });
  await eventually(
    async () => await node.controlPlane.client.find(podPath(goes)),
    (gone) => gone === undefined,
  );
  const after = await podWhen(node, stays, isReady);
  expect(statusOf(after)).toMatchObject({
    restartCount: 0,
    containerID: statusOf(before as Pod).containerID,
  });
});

test('nothing is left', async () => {
  await deleteAllBound(node);
  expect(await node.leftovers()).toEqual([]);
});
