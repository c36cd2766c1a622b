import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Container as CriContainer, PodSandbox } from '../../src/cri-types/index.ts';
import { eventually } from '../harness/index.ts';
import {
  type ContainerStatus,
  isOver,
  isReady,
  KubeletNode,
  kill,
  Ledger,
  lookedAgain,
  type Pod,
  type PodManifest,
  pod,
  podWhen,
  removeStatic,
  runStatic,
  startAgain,
  victims,
} from './harness/index.ts';

let node: KubeletNode;
let ledger: Ledger;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 180 });
  ledger = new Ledger(join(node.world.directory, 'ledger'));
});
afterAll(async () => await node?.dispose());

const withLedger = (name: string, shape: Parameters<typeof pod>[1]): PodManifest =>
  pod(name, { volumes: [ledger.volume], ...shape });

describe('a node at rest', () => {
  const resting: PodManifest[] = [];
  const isRestarted = ({ status }: Pod): boolean =>
    status.containerStatuses?.[0]?.restartCount === 1 && status.containerStatuses[0].ready;
  beforeAll(async () => {
    const thenServes = 'trap "note term; exit 0" TERM; while :; do sleep 3600 & wait $!; done';
    const failsFirst = '[ $(grep -c start /ledger/$1) -gt 1 ] || exit 4';
    const pods: [PodManifest, (pod: Pod) => boolean][] = [
      [
        withLedger('plain', {
          initContainers: [{ name: 'first', ...ledger.container('plain-first', 'true') }],
          containers: [
            ledger.service('plain-main', {
              readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
            }),
            { name: 'other', ...ledger.service('plain-other') },
          ],
        }),
        isReady,
      ],
      [
        withLedger('sidecar', {
          initContainers: [
            { name: 'side', restartPolicy: 'Always', ...ledger.service('sidecar-side') },
            { name: 'then', ...ledger.container('sidecar-then', 'true') },
          ],
          containers: [ledger.service('sidecar-main')],
        }),
        isReady,
      ],
      [withLedger('done', { containers: [ledger.container('done', 'exit 0')] }), isOver],
      [withLedger('failed', { containers: [ledger.container('failed', 'exit 3')] }), isOver],
      [
        withLedger('second-try', {
          restartPolicy: 'OnFailure',
          containers: [ledger.container('second-try', failsFirst.replace('$1', 'second-try'))],
        }),
        isOver,
      ],
      [
        withLedger('restarted', {
          restartPolicy: 'Always',
          containers: [
            ledger.container('restarted', `${failsFirst.replace('$1', 'restarted')}; ${thenServes}`),
          ],
        }),
        isRestarted,
      ],
    ];
    await Promise.all(pods.map(([manifest, isGood]) => runStatic(node, manifest, isGood)));
    await ledger.wrote('start', 'plain-main', 'plain-other', 'sidecar-side', 'sidecar-main');
    // The sandboxes of those that are over are stopped a moment later.
    await eventually(liveSandboxes, (ids) => ids.length === 3);
    resting.push(...pods.map(([manifest]) => manifest));
  });

  test.each(victims)('nothing changes when %s dies and comes back', async (victim) => {
    const before = await picture();
    await kill(node, victim);
    await startAgain(node, victim);
    await lookedAgain(node);
    // The kubelet shows a pod's status only once it has seen to it.
    const after = await eventually(
      picture,
      (seen) => JSON.stringify(seen) === JSON.stringify(before),
      10,
    ).catch(picture);
    expect(after).toEqual(before);
  });

  test('a start for each, and one more for those that failed', () => {
    expect(ledger.allStarts()).toEqual({
      done: 1,
      failed: 1,
      'plain-first': 1,
      'plain-main': 1,
      'plain-other': 1,
      restarted: 2,
      'second-try': 2,
      'sidecar-main': 1,
      'sidecar-side': 1,
      'sidecar-then': 1,
    });
  });

  test('they all go when they are told to', async () => {
    await Promise.all(resting.map((manifest) => removeStatic(node, manifest)));
    for (const key of ['plain-main', 'plain-other', 'sidecar-main', 'sidecar-side', 'restarted']) {
      expect([key, ...ledger.read(key)].filter((line) => line === 'term')).toHaveLength(1);
    }
  });
});

describe('in the middle of many pods being made', () => {
  const moments = [1, 7];
  test.each(victims.flatMap((victim) => moments.map((moment) => [victim, moment] as const)))(
    '%s dies when %i containers were started',
    async (victim, moment) => {
      const name = `${victim.replace(/\W/g, '').toLowerCase()}-${moment}`;
      const batch = [1, 2, 3, 4].map((number) => makeBatchPod(`${name}-${number}`));
      const begun = (): number =>
        Object.entries(ledger.allStarts()).filter(([key]) => key.startsWith(name)).length;
      for (const manifest of batch) node.kubelet.putStaticPod(manifest);
      await eventually(begun, (count) => count >= moment);
      await kill(node, victim);
      await startAgain(node, victim);
      await Promise.all(batch.map((manifest) => podWhen(node, manifest, isReady, 40)));
      const parts = ['side', 'first', 'main', 'other'];
      const keys = [1, 2, 3, 4].flatMap((number) => parts.map((part) => `${name}-${number}-${part}`));
      await ledger.wrote('start', ...keys);
      await lookedAgain(node);
      const starts = Object.entries(ledger.allStarts()).filter(([key]) => key.startsWith(name));
      expect(starts.filter(([, count]) => count !== 1)).toEqual([]);
      expect(starts).toHaveLength(keys.length);
      expect(await doubles()).toEqual([]);
      await Promise.all(batch.map((manifest) => removeStatic(node, manifest)));
    },
  );
});

function makeBatchPod(key: string): PodManifest {
  return withLedger(`batch-${key}`, {
    initContainers: [
      { name: 'side', restartPolicy: 'Always', ...ledger.service(`${key}-side`) },
      { name: 'first', ...ledger.container(`${key}-first`, 'true') },
    ],
    containers: [ledger.service(`${key}-main`), { name: 'other', ...ledger.service(`${key}-other`) }],
  });
}

/** Pods with more than one live sandbox, and containers of which more than one runs. */
async function doubles(): Promise<string[]> {
  const names = [
    ...(await liveSandboxes()).map(({ metadata }) => metadata?.name ?? ''),
    ...(await runningContainers()).map(
      ({ labels }) => `${labels['io.kubernetes.pod.name']} ${labels['io.kubernetes.container.name']}`,
    ),
  ];
  return names.filter((name, index) => names.indexOf(name) !== index);
}

async function liveSandboxes(): Promise<readonly PodSandbox[]> {
  const filter = { state: { state: 'SANDBOX_READY' } } as const;
  return (await node.world.cri.call('ListPodSandbox', { filter })).items;
}

async function runningContainers(): Promise<readonly CriContainer[]> {
  const filter = { state: { state: 'CONTAINER_RUNNING' } } as const;
  return (await node.world.cri.call('ListContainers', { filter })).containers;
}

/** Without what a standalone kubelet forgets: which volumes were mounted, and what a container that is over was before. */
function lasting({ volumeMounts, lastState, ...status }: ContainerStatus): object {
  return status.state.running === undefined ? status : { ...status, lastState };
}

/** All that must stay: what the kubelet says of each container, what the runtime runs, and how often each was started. */
async function picture(): Promise<object> {
  const byName = (one: Pod, other: Pod): number => (one.metadata.name < other.metadata.name ? -1 : 1);
  const pods = [...(await node.kubelet.api.pods())].sort(byName);
  return {
    pods: pods.map(({ metadata, status }) => ({
      name: metadata.name,
      phase: status.phase,
      // Of a pod that is over, a kubelet that was not there has no address.
      ip: status.phase === 'Running' ? status.podIP : undefined,
      init: (status.initContainerStatuses ?? []).map(lasting),
      containers: (status.containerStatuses ?? []).map(lasting),
    })),
    sandboxes: (await liveSandboxes()).map(({ id }) => id).sort(),
    running: (await runningContainers()).map(({ id }) => id).sort(),
    starts: ledger.allStarts(),
  };
}

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
