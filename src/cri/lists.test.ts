import { describe, expect, it } from 'vitest';
import { type ContainerFilterInit, complete, type PodSandboxFilterInit } from '../cri-types/index.ts';
import type { ImageRecord, ImageService } from '../image/index.ts';
import type { ContainerState, SandboxState } from '../pod/index.ts';
import { chunks } from './chunks.ts';
import { filterContainers, filterSandboxes } from './filters.ts';
import { toContainer, toContainerStatus, toPodSandboxStatus } from './status-builders.ts';
import { containerRecord, readerOf, sandboxRecord } from './testing.ts';
import {
  requireVisibleContainer,
  requireVisibleSandbox,
  visibleContainers,
  visibleSandboxes,
} from './visible.ts';
import { codec } from './wire.ts';

const imageless = { find: () => undefined } as Partial<ImageService> as ImageService;

describe('sandbox filters', () => {
  const all = [
    sandboxRecord('aa1', { createdAt: 1n }, { labels: { app: 'web', tier: 'front' } }),
    sandboxRecord(
      'aa2',
      { createdAt: 3n, state: { kind: 'notready', networkDown: true, reason: '' } },
      { labels: { app: 'web' } },
    ),
    sandboxRecord('bb1', { createdAt: 2n }),
  ];
  const cases: [string, PodSandboxFilterInit | undefined, string[]][] = [
    ['nothing: all, newest first', undefined, ['aa2', 'bb1', 'aa1']],
    ['an empty one', {}, ['aa2', 'bb1', 'aa1']],
    ['the start of an ID', { id: 'aa' }, ['aa2', 'aa1']],
    ['a state', { state: { state: 'SANDBOX_READY' } }, ['bb1', 'aa1']],
    ['a label', { labelSelector: { app: 'web' } }, ['aa2', 'aa1']],
    ['labels, all of them', { labelSelector: { app: 'web', tier: 'front' } }, ['aa1']],
    [
      'everything at once',
      { id: 'aa', state: { state: 'SANDBOX_NOTREADY' }, labelSelector: { app: 'web' } },
      ['aa2'],
    ],
    ['what nobody has', { labelSelector: { toString: '' } }, []],
  ];
  it.each(cases)('%s', (_name, filter, expected) => {
    const whole = filter && complete('PodSandboxFilter', filter);
    expect(filterSandboxes(all, whole).map((s) => s.name)).toEqual(expected);
  });
});

describe('container filters', () => {
  const exited: ContainerState = {
    kind: 'exited',
    startedAt: 1n,
    finishedAt: 2n,
    exitCode: 0,
    reason: 'Completed',
    message: '',
  };
  const all = [
    containerRecord('c1', 'p1', { createdAt: 1n }, { labels: { a: 'b' } }),
    containerRecord('c2', 'p1', { createdAt: 2n, state: { kind: 'created' } }),
    containerRecord('d1', 'p2', { createdAt: 3n, state: exited }, { labels: { a: 'b' } }),
  ];
  const cases: [string, ContainerFilterInit | undefined, string[]][] = [
    ['nothing: all, newest first', undefined, ['d1', 'c2', 'c1']],
    ['an ID', { id: 'c2'.padEnd(64, '0') }, ['c2']],
    ['the start of a pod’s ID', { podSandboxId: 'p1' }, ['c2', 'c1']],
    ['created', { state: { state: 'CONTAINER_CREATED' } }, ['c2']],
    ['running', { state: { state: 'CONTAINER_RUNNING' } }, ['c1']],
    ['exited', { state: { state: 'CONTAINER_EXITED' } }, ['d1']],
    ['unknown', { state: { state: 'CONTAINER_UNKNOWN' } }, []],
    ['a label', { labelSelector: { a: 'b' } }, ['d1', 'c1']],
    ['a label and a pod', { labelSelector: { a: 'b' }, podSandboxId: 'p2' }, ['d1']],
  ];
  it.each(cases)('%s', (_name, filter, expected) => {
    const whole = filter && complete('ContainerFilter', filter);
    expect(filterContainers(all, whole).map((c) => c.name)).toEqual(expected);
  });
});

describe('what CRI shows', () => {
  const pods = readerOf(
    [sandboxRecord('a'), sandboxRecord('b', { owner: 'cli' })],
    [
      containerRecord('x', 'a'),
      containerRecord('y', 'b'),
      containerRecord('z', 'a', { state: { kind: 'removing' } }),
    ],
  );

  it('is nothing of the command line’s, and nothing that is going', () => {
    expect(visibleSandboxes(pods).map((s) => s.name)).toEqual(['a']);
    expect(visibleContainers(pods).map((c) => c.name)).toEqual(['x']);
    expect(requireVisibleSandbox(pods, 'a').name).toBe('a');
    expect(() => requireVisibleSandbox(pods, 'b')).toThrow('no pod sandbox "b"');
    expect(requireVisibleContainer(pods, 'x').name).toBe('x');
    expect(() => requireVisibleContainer(pods, 'y')).toThrow('no container "y"');
    expect(() => requireVisibleContainer(pods, 'z')).toThrow('no container "z"');
  });
});

describe('a pod’s status', () => {
  const network = (ips: string[]) => ({ kind: 'cni', ips, request: {}, details: {} }) as never;
  const cases: [string, SandboxState, string, string[]][] = [
    ['ready', { kind: 'ready' }, 'SANDBOX_READY', ['10.0.0.1', 'fd00::1']],
    [
      'ended, its network still up',
      { kind: 'notready', networkDown: false, reason: 'x' },
      'SANDBOX_NOTREADY',
      ['10.0.0.1', 'fd00::1'],
    ],
    ['ended', { kind: 'notready', networkDown: true, reason: 'x' }, 'SANDBOX_NOTREADY', []],
  ];
  it.each(cases)('%s', (_name, state, expected, [ip = '', ...more]) => {
    const record = sandboxRecord('a', {
      state,
      network: network(['10.0.0.1', 'fd00::1']),
      runtimeHandler: 'gantry',
    });
    expect(toPodSandboxStatus(record)).toMatchObject({
      state: expected,
      createdAt: 1000n,
      runtimeHandler: 'gantry',
      network: { ip, additionalIps: more.map((address) => ({ ip: address })) },
    });
  });

  it('on the host’s network has no address', () => {
    expect(toPodSandboxStatus(sandboxRecord('a')).network).toEqual({ ip: '', additionalIps: [] });
  });
});

describe('a container’s status', () => {
  const image: Partial<ImageRecord> = { repoTags: ['repo:1', 'repo:2'], repoDigests: ['repo@sha256:9'] };
  const images = { find: (id: string) => (id === 'sha256:1' ? image : undefined) } as ImageService;

  it('of a running one', () => {
    expect(toContainerStatus(containerRecord('c', 'p'), images)).toMatchObject({
      state: 'CONTAINER_RUNNING',
      startedAt: 2000n,
      image: { image: 'repo:1' },
      imageRef: 'repo@sha256:9',
      imageId: 'sha256:1',
      logPath: '/logs/a.log',
      user: { linux: { uid: 1n, gid: 2n, supplementalGroups: [2n, 3n] } },
      stopSignal: 'SIGNAL_SIGTERM',
    });
  });

  it('of an exited one, its image gone', () => {
    const state: ContainerState = {
      kind: 'exited',
      startedAt: 5n,
      finishedAt: 6n,
      exitCode: 137,
      reason: 'OOMKilled',
      message: 'm',
    };
    expect(toContainerStatus(containerRecord('c', 'p', { state }), imageless)).toMatchObject({
      state: 'CONTAINER_EXITED',
      startedAt: 5n,
      finishedAt: 6n,
      exitCode: 137,
      reason: 'OOMKilled',
      message: 'm',
      image: { image: 'asked' },
      imageRef: 'repo@sha256:2',
    });
  });

  it('of one that never started says no times', () => {
    const status = toContainerStatus(containerRecord('c', 'p', { state: { kind: 'created' } }), imageless);
    expect(status.state).toBe('CONTAINER_CREATED');
    expect(status.startedAt).toBeUndefined();
    expect(status.finishedAt).toBeUndefined();
  });
});

describe('ten thousand containers', () => {
  const annotations = {
    'io.kubernetes.container.hash': '0123abcd',
    'io.kubernetes.pod.terminationGracePeriod': '30',
    'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
    'io.kubernetes.container.terminationMessagePolicy': 'File',
    'io.kubernetes.container.restartCount': '3',
  };
  const labels = {
    'io.kubernetes.container.name': 'a-container',
    'io.kubernetes.pod.name': 'a-deployment-5d5b6c7d8f-abcde',
    'io.kubernetes.pod.namespace': 'a-namespace',
    'io.kubernetes.pod.uid': '0b0a3c2e-0000-4000-8000-000000000000',
  };
  const all = Array.from({ length: 10_000 }, (_, i) =>
    containerRecord(i.toString(16), 'p', { createdAt: BigInt(i) }, { labels, annotations }),
  );

  it('fit into one message of what the kubelet takes, and are quick to list', () => {
    const { encode } = codec('ListContainersResponse');
    encode({ containers: all.slice(0, 10).map(toContainer) });
    const started = performance.now();
    const bytes = encode({ containers: filterContainers(all, undefined).map(toContainer) });
    expect(bytes.length).toBeGreaterThan(5_000_000);
    expect(bytes.length).toBeLessThan(16 * 1024 * 1024);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('are streamed in pieces', () => {
    expect([...chunks(all)].map((part) => part.length)).toEqual(Array.from({ length: 100 }, () => 100));
    expect([...chunks([])]).toEqual([]);
  });
});
