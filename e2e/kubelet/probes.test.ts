import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  agnhost,
  type Container,
  forever,
  isReady,
  isRunning,
  KubeletNode,
  manyAtOnce,
  type Pod,
  pod,
  podWhen,
  removeStatic,
  run,
  runStatic,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 162 });
});
afterAll(async () => await node?.dispose());

/** Every second, and the first answer counts. */
const quick = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 1 };
const restarted = (found: Pod): boolean => statusOf(found).restartCount > 0 && isRunning(found);

/** How a container is asked, and the containers that answer well. */
const kinds: readonly { kind: string; probe: object; answers: Container }[] = [
  { kind: 'exec', probe: { exec: { command: ['cat', '/etc/passwd'] } }, answers: forever },
  {
    kind: 'httpGet',
    probe: { httpGet: { path: '/healthz', port: 8080, httpHeaders: [{ name: 'X-Probe', value: '1' }] } },
    answers: agnhost('netexec', '--http-port=8080'),
  },
  {
    kind: 'tcpSocket',
    probe: { tcpSocket: { port: 8080 } },
    answers: agnhost('netexec', '--http-port=8080'),
  },
  { kind: 'grpc', probe: { grpc: { port: 5000 } }, answers: agnhost('grpc-health-checking') },
];

describe.concurrent('every kind of probe', () => {
  test.each(kinds)(
    '$kind: who answers well becomes started and ready, and is not restarted',
    async ({ probe, answers }) => {
      const probes = {
        startupProbe: { ...quick, ...probe, failureThreshold: 20 },
        readinessProbe: { ...quick, ...probe, failureThreshold: 20 },
      };
      const manifest = pod('good', {
        restartPolicy: 'Always',
        containers: [{ ...answers, ...probes, livenessProbe: { ...quick, ...probe, failureThreshold: 3 } }],
      });
      const up = await runStatic(node, manifest, isReady);
      expect(statusOf(up).started).toBe(true);
      expect(statusOf(up).restartCount).toBe(0);
      await removeStatic(node, manifest);
    },
  );

  test.each([
    { kind: 'exec', probe: { exec: { command: ['false'] } } },
    { kind: 'httpGet', probe: { httpGet: { path: '/', port: 81 } } },
    { kind: 'tcpSocket', probe: { tcpSocket: { port: 81 } } },
    { kind: 'grpc', probe: { grpc: { port: 81 } } },
  ])('$kind: who does not answer is never ready, and is restarted', async ({ probe }) => {
    const manifest = pod('bad', {
      restartPolicy: 'Always',
      containers: [
        { ...forever, livenessProbe: { ...quick, ...probe }, readinessProbe: { ...quick, ...probe } },
      ],
    });
    const again = await runStatic(node, manifest, restarted);
    expect(isReady(again)).toBe(false);
    // It was asked to end, and did.
    expect(statusOf(again).lastState.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    await removeStatic(node, manifest);
  });
});

describe.concurrent('probes', () => {
  test('readiness follows what the container does, without a restart', async () => {
    const probe = { ...quick, exec: { command: ['test', '-e', '/tmp/ready'] } };
    const manifest = pod('readiness', { containers: [{ ...forever, readinessProbe: probe }] });
    const up = await runStatic(node, manifest);
    expect(isReady(up)).toBe(false);
    await run(node, up, 'touch /tmp/ready');
    await podWhen(node, manifest, isReady);
    await run(node, up, 'rm /tmp/ready');
    const after = await podWhen(node, manifest, (found) => !isReady(found));
    expect(statusOf(after).restartCount).toBe(0);
    await removeStatic(node, manifest);
  });

  test('startup holds the others back, and its failure restarts', async () => {
    const manifest = pod('startup', {
      restartPolicy: 'Always',
      containers: [
        {
          ...forever,
          startupProbe: { ...quick, failureThreshold: 3, exec: { command: ['false'] } },
          readinessProbe: { ...quick, exec: { command: ['true'] } },
        },
      ],
    });
    const up = await runStatic(node, manifest);
    expect(statusOf(up)).toMatchObject({ started: false, ready: false });
    await podWhen(node, manifest, restarted);
    await removeStatic(node, manifest);
  });

  test('liveness may have a grace period of its own, and who does not go within it is killed', async () => {
    const manifest = pod('grace', {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 60,
      volumes: [{ name: 'mark', emptyDir: {} }],
      containers: [
        {
          // Stubborn the first time only, or the pod's own grace period would be waited for in the end.
          ...sh(
            `[ -e /mark/first ] && T="exit 0"; touch /mark/first; trap "$T" TERM; [ -z "$T" ] || touch /mark/second; echo up; while :; do sleep 1; done`,
          ),
          volumeMounts: [{ name: 'mark', mountPath: '/mark' }],
          livenessProbe: {
            ...quick,
            exec: { command: ['test', '-e', '/mark/second'] },
            initialDelaySeconds: 2,
            terminationGracePeriodSeconds: 1,
          },
        },
      ],
    });
    const again = await runStatic(node, manifest, restarted);
    expect(statusOf(again).lastState.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    await node.kubelet.api.followLogs(again, 'main', /up/);
    await removeStatic(node, manifest);
  });

  test('a probe that hangs is over in time, fails, and leaves no process', async () => {
    const probe = { ...quick, exec: { command: ['sh', '-c', 'exec sleep 12345'] } };
    const manifest = pod('hangs', { containers: [{ ...forever, readinessProbe: probe }] });
    const up = await runStatic(node, manifest);
    await eventually(
      () =>
        node.kubelet.log
          .split('\n')
          .filter((line) => line.includes(up.metadata.uid) && /timed out|timeout/.test(line)),
      (lines) => lines.length > 0,
    );
    expect(isReady(await podWhen(node, manifest, () => true))).toBe(false);
    // One may be under way; two were not ended.
    const { stdout } = await run(node, up, 'pgrep -xf "sleep 12345" | wc -l');
    expect(Number(stdout)).toBeLessThanOrEqual(1);
    await removeStatic(node, manifest);
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
