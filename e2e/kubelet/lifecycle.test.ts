import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, shellImage } from '../harness/index.ts';
import {
  agnhost,
  agnhostImage,
  type Container,
  containerId,
  forever,
  isReady,
  isRunning,
  KubeletNode,
  manyAtOnce,
  type Pod,
  type PodManifest,
  pod,
  podWhen,
  removeStatic,
  run,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({
    subnet: 163,
    config: { featureGates: { ContainerStopSignals: true } },
    images: [shellImage, agnhostImage, 'gantry.test/config:1'],
  });
});
afterAll(async () => await node?.dispose());

/** Takes the pod away; how long it took until its sandbox was down, in milliseconds. */
async function timeToEnd(manifest: PodManifest): Promise<number> {
  const start = Date.now();
  await removeStatic(node, manifest, 40);
  return Date.now() - start;
}

/** A pod whose containers write on the host, where it can be read when they are gone. */
function withNotes(
  name: string,
  container: Container,
  more: Readonly<Record<string, unknown>> = {},
): [PodManifest, () => string[]] {
  const directory = join(node.world.directory, name);
  const manifest = pod(name, {
    terminationGracePeriodSeconds: 30,
    volumes: [{ name: 'notes', hostPath: { path: directory, type: 'DirectoryOrCreate' } }],
    containers: [{ ...container, volumeMounts: [{ name: 'notes', mountPath: '/notes' }] }],
    ...more,
  });
  return [manifest, () => readFileSync(join(directory, 'all'), 'utf8').trim().split('\n')];
}
const note = (text: string): string => `echo ${text} >> /notes/all`;
const loop = 'while :; do sleep 3600 & wait $!; done';
/** Until it is told to end. */
const stay = `trap "exit 0" TERM; ${loop}`;
/** A web server that is up before the containers that follow it, and writes what a hook asks it to. */
const web = {
  name: 'web',
  ...agnhost('netexec', '--http-port=8080'),
  restartPolicy: 'Always',
  startupProbe: { periodSeconds: 1, tcpSocket: { port: 8080 } },
  volumeMounts: [{ name: 'notes', mountPath: '/notes' }],
};
const httpGet = (text: string): object => ({
  httpGet: { path: `/shell?shellCommand=${encodeURIComponent(note(text))}`, port: 8080 },
});
const exec = (script: string): object => ({ exec: { command: ['sh', '-c', script] } });

describe.concurrent('postStart', () => {
  test('runs beside the command, and only then is the container running', async () => {
    const [manifest, notes] = withNotes('post-start', {
      ...sh(`${note('main')}; ${stay}`),
      lifecycle: {
        postStart: exec(`until [ -s /notes/all ]; do sleep 0.05; done; sleep 0.5; ${note('hook')}`),
      },
    });
    await runStatic(node, manifest);
    expect(notes()).toEqual(['main', 'hook']);
    await removeStatic(node, manifest);
  });

  test('by HTTP reaches the pod', async () => {
    const hook = { lifecycle: { postStart: httpGet('hook') } };
    const [manifest, notes] = withNotes(
      'post-start-http',
      { ...forever, ...hook },
      { initContainers: [web] },
    );
    await runStatic(node, manifest);
    expect(notes()).toEqual(['hook']);
    await removeStatic(node, manifest);
  });

  test('that fails ends the container', async () => {
    const [manifest] = withNotes('post-start-fails', {
      ...forever,
      lifecycle: { postStart: exec('exit 3') },
    });
    const found = await runToEnd(node, manifest);
    expect(found.status.phase).not.toBe('Running');
    expect(node.kubelet.log).toMatch(
      new RegExp(`PostStart.*${found.metadata.name}|${found.metadata.name}.*PostStart`),
    );
  });

  test('may just sleep', async () => {
    const [manifest] = withNotes('post-start-sleep', {
      ...forever,
      lifecycle: { postStart: { sleep: { seconds: 1 } } },
    });
    await runStatic(node, manifest);
    await removeStatic(node, manifest);
  });
});

describe.concurrent('preStop', () => {
  test('runs before the signal, and takes of the grace period', async () => {
    const [manifest, notes] = withNotes('pre-stop', {
      ...sh(`trap '${note('signal')}; exit 0' TERM; touch /tmp/up; while :; do sleep 3600 & wait $!; done`),
      readinessProbe: { periodSeconds: 1, exec: { command: ['test', '-e', '/tmp/up'] } },
      lifecycle: { preStop: exec(`${note('hook')}; sleep 0.5; ${note('hook ends')}`) },
    });
    await runStatic(node, manifest, isReady);
    await removeStatic(node, manifest);
    expect(notes()).toEqual(['hook', 'hook ends', 'signal']);
  });

  test('by HTTP reaches the pod', async () => {
    const hook = { lifecycle: { preStop: httpGet('hook') } };
    const [manifest, notes] = withNotes('pre-stop-http', { ...forever, ...hook }, { initContainers: [web] });
    await runStatic(node, manifest);
    await removeStatic(node, manifest);
    expect(notes()).toEqual(['hook']);
  });

  test('may just sleep', async () => {
    const [manifest] = withNotes('pre-stop-sleep', {
      ...forever,
      lifecycle: { preStop: { sleep: { seconds: 2 } } },
    });
    await runStatic(node, manifest);
    expect(await timeToEnd(manifest)).toBeGreaterThan(1900);
  });

  test('that hangs ends with the grace period', async () => {
    const [manifest] = withNotes(
      'pre-stop-hangs',
      { ...forever, lifecycle: { preStop: exec('sleep 600') } },
      { terminationGracePeriodSeconds: 1 },
    );
    await runStatic(node, manifest);
    expect(await timeToEnd(manifest)).toBeLessThan(20_000);
  });
});

describe.concurrent('the grace period', () => {
  const stubborn = sh('trap "" TERM; touch /tmp/up; while :; do sleep 1; done');
  const up = { readinessProbe: { periodSeconds: 1, exec: { command: ['test', '-e', '/tmp/up'] } } };

  test('is waited for, and then the container is killed', async () => {
    const manifest = pod('stubborn', {
      terminationGracePeriodSeconds: 3,
      containers: [{ ...stubborn, ...up }],
    });
    await runStatic(node, manifest, isReady);
    const took = await timeToEnd(manifest);
    expect(took).toBeGreaterThan(2900);
    expect(took).toBeLessThan(20_000);
  });

  test('is not waited for where the container goes', async () => {
    const willing = { ...sh(`trap 'exit 0' TERM; touch /tmp/up; ${loop}`), ...up };
    const manifest = pod('willing', {
      terminationGracePeriodSeconds: 600,
      containers: [willing, { name: 'two', ...willing }],
    });
    await runStatic(node, manifest, isReady);
    expect(await timeToEnd(manifest)).toBeLessThan(20_000);
  });

  const caught = (signal: string): Container => ({
    ...sh(`trap '${note(signal)}; exit 0' ${signal}; touch /tmp/up; while :; do sleep 3600 & wait $!; done`),
    ...up,
  });
  test("begins with the image's own signal", async () => {
    const container = { ...caught('USR1'), image: 'gantry.test/config:1', securityContext: { runAsUser: 0 } };
    const [manifest, notes] = withNotes('image-signal', container);
    await runStatic(node, manifest, isReady);
    expect(await timeToEnd(manifest)).toBeLessThan(20_000);
    expect(notes()).toEqual(['USR1']);
  });

  test("begins with the container's own signal", async () => {
    const container = { ...caught('USR2'), lifecycle: { stopSignal: 'SIGUSR2' } };
    const [manifest, notes] = withNotes('own-signal', container, { os: { name: 'linux' } });
    await runStatic(node, manifest, isReady);
    expect(await timeToEnd(manifest)).toBeLessThan(20_000);
    expect(notes()).toEqual(['USR2']);
  });
});

describe.concurrent('the termination message', () => {
  const message = (found: Pod): string | undefined => statusOf(found).state.terminated?.message;

  test('is what the container wrote into its file, to 4 KiB', async () => {
    const done = await runToEnd(
      node,
      pod('message', { containers: [sh('echo the reason > /dev/termination-log')] }),
    );
    expect(message(done)).toBe('the reason\n');
    const path = '/somewhere/else/log';
    const long = await runToEnd(
      node,
      pod('long-message', {
        containers: [
          { ...sh(`head -c 10000 /dev/zero | tr '\\0' x > ${path}`), terminationMessagePath: path },
        ],
      }),
    );
    expect(message(long)).toBe('x'.repeat(4096));
  });

  test('is written also by who is not root', async () => {
    const done = await runToEnd(
      node,
      pod('user-message', {
        containers: [
          { ...sh('echo by $(id -u) > /dev/termination-log'), securityContext: { runAsUser: 1234 } },
        ],
      }),
    );
    expect(message(done)).toBe('by 1234\n');
  });

  test('is the end of the log where the container failed and wrote none, if asked for', async () => {
    const fallback = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    const [failed, good] = await Promise.all([
      runToEnd(
        node,
        pod('fallback', { containers: [{ ...sh('echo said; echo loudly; exit 1'), ...fallback }] }),
      ),
      runToEnd(node, pod('no-fallback', { containers: [{ ...sh('echo said'), ...fallback }] })),
    ]);
    expect(message(failed)).toBe('said\nloudly\n');
    expect(message(good)).toBeUndefined();
  });

  test('of each run is its own', async () => {
    const manifest = pod('messages', {
      restartPolicy: 'Always',
      volumes: [{ name: 'count', emptyDir: {} }],
      containers: [
        {
          ...sh(
            'echo x >> /count/all; wc -l < /count/all > /dev/termination-log; [ $(wc -l < /count/all) -gt 2 ] && exec sleep 3600; exit 1',
          ),
          volumeMounts: [{ name: 'count', mountPath: '/count' }],
        },
      ],
    });
    const third = await runStatic(
      node,
      manifest,
      (found) => statusOf(found).restartCount === 2 && isRunning(found),
    );
    expect(statusOf(third).lastState.terminated?.message).toBe('2\n');
    await removeStatic(node, manifest);
  });
});

test.concurrent('a container that is killed from outside is started again, and its exit is told as it was', async () => {
  const manifest = pod('killed', { restartPolicy: 'Always', containers: [sh('exec sleep 3600')] });
  const first = await runStatic(node, manifest);
  const id = statusOf(first).containerID ?? '';
  const { info } = await node.world.cri.call('ContainerStatus', {
    containerId: containerId(first),
    verbose: true,
  });
  const { pid } = JSON.parse(info['info'] ?? '{}') as { pid: number };
  process.kill(pid, 'SIGKILL');
  const again = await podWhen(
    node,
    manifest,
    (found) => statusOf(found).restartCount === 1 && isRunning(found),
  );
  expect(statusOf(again).lastState.terminated).toMatchObject({
    exitCode: 137,
    reason: 'Error',
    containerID: id,
  });
  expect((await run(node, again, 'echo lives')).stdout).toBe('lives');
  await eventually(
    () => node.kubelet.api.isHealthy(),
    (isHealthy) => isHealthy,
  );
  await removeStatic(node, manifest);
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
