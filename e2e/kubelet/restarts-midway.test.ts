import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, honest, type RogueRegistry, startRogueRegistry } from '../harness/index.ts';
import { busybox, makeImage, makeLayer, Tree, writeHosts } from '../images/index.ts';
import {
  type ContainerStateTerminated,
  containerId,
  isOver,
  isReady,
  KubeletNode,
  kill,
  Ledger,
  lookedAgain,
  onHost,
  type Pod,
  type PodManifest,
  pod,
  podWhen,
  removeStatic,
  runStatic,
  startAgain,
  statusOf,
  victims,
} from './harness/index.ts';

/** Waits until the test says that it may go on. */
const atSignal = (signal: string): string => `until [ -e /ledger/${signal} ]; do sleep 0.05; done; note go`;

let node: KubeletNode;
let ledger: Ledger;
let registry: RogueRegistry;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 181 });
  ledger = new Ledger(join(node.world.directory, 'ledger'));
  registry = await startRogueRegistry();
  writeHosts(join(node.world.directory, 'hosts'), registry.url, ['slow.test']);
});
afterAll(async () => {
  await registry?.stop();
  await node?.dispose();
});

const withLedger = (name: string, shape: Parameters<typeof pod>[1]): PodManifest =>
  pod(name, { volumes: [ledger.volume], ...shape });
const signal = (name: string): void => writeFileSync(join(node.world.directory, 'ledger', name), '');

/** A container's end as its own status, or its last one, tells it. */
function endOf(found: Pod, container = 'main'): ContainerStateTerminated {
  const { state, lastState } = statusOf(found, container);
  const end = state.terminated ?? lastState.terminated;
  if (end === undefined) throw new Error(`${container} has not ended`);
  return end;
}

describe.each(victims)('%s dies and stays dead for a while', (victim) => {
  const key = victim.replace(/\W/g, '').toLowerCase();
  const ownSignal = `${key}-signal`;
  const ending = pieces('ending', 'good', 'fat', 'again');
  const order = pieces('before', 'side', 'between', 'main');
  const alone = pieces('away', 'slow', 'crash', 'pulled');
  let manifests: ReturnType<typeof makeAll>;
  let release: () => void;
  let ended: number;

  function pieces<Name extends string>(...names: Name[]): Record<Name, string> {
    return Object.fromEntries(names.map((name) => [name, `${key}-${name}`])) as Record<Name, string>;
  }

  function makeAll() {
    const first = `[ $(grep -c start /ledger/${ending.again}) -gt 1 ] || { ${atSignal(ownSignal)}; exit 9; }`;
    const thenServes = 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done';
    const slowly = `note term; ${atSignal(`${alone.slow}-signal`)}`;
    return {
      ending: withLedger(ending.ending, {
        containers: [
          ledger.container(ending.ending, `${atSignal(ownSignal)}; exit 7`),
          { name: 'good', ...ledger.container(ending.good, atSignal(ownSignal)) },
          {
            name: 'fat',
            ...ledger.container(ending.fat, `${atSignal(ownSignal)}; exec tail /dev/zero`),
            resources: { limits: { memory: '24Mi' } },
          },
        ],
      }),
      again: withLedger(ending.again, {
        restartPolicy: 'Always',
        containers: [ledger.container(ending.again, `${first}; ${thenServes}`)],
      }),
      order: withLedger(`${key}-order`, {
        initContainers: [
          { name: 'before', ...ledger.container(order.before, 'true') },
          { name: 'side', restartPolicy: 'Always', ...ledger.service(order.side) },
          { name: 'between', ...ledger.container(order.between, atSignal(ownSignal)) },
        ],
        containers: [ledger.service(order.main)],
      }),
      away: withLedger(alone.away, { containers: [ledger.service(alone.away)] }),
      slow: withLedger(alone.slow, {
        terminationGracePeriodSeconds: 20,
        containers: [ledger.service(alone.slow, {}, slowly)],
      }),
      crash: withLedger(alone.crash, {
        restartPolicy: 'Always',
        containers: [ledger.container(alone.crash, 'note at$(date +%s); exit 3')],
      }),
      pulled: withLedger(alone.pulled, {
        containers: [ledger.service(alone.pulled, { image: `slow.test/${key}:1` })],
      }),
    };
  }

  beforeAll(async () => {
    manifests = makeAll();
    release = await serveStalled(key);
    const { kubelet } = node;
    for (const manifest of [manifests.order, manifests.pulled]) kubelet.putStaticPod(manifest);
    const running = [manifests.ending, manifests.again, manifests.away, manifests.slow];
    await Promise.all([
      ...running.map((manifest) => runStatic(node, manifest)),
      runStatic(node, manifests.crash, (found) => statusOf(found).restartCount >= 2),
      ledger.wrote('start', order.between, alone.away, alone.slow),
      eventually(
        () => registry.requests,
        (all) => all.some((line) => line.startsWith(`GET /v2/${key}/blobs/`)),
      ),
    ]);
    kubelet.removeStaticPod(manifests.slow.metadata.name);
    await ledger.wrote('term', alone.slow);

    await kill(node, victim);
    kubelet.removeStaticPod(manifests.away.metadata.name);
    signal(ownSignal);
    // A new kubelet does not know a pod whose manifest is gone, and gives it two seconds at most.
    if (victim !== 'Gantry') signal(`${alone.slow}-signal`);
    const those = [...Object.values(ending), order.between, ...(victim === 'Gantry' ? [] : [alone.slow])];
    await ledger.wrote('go', ...those);
    ended = Date.now();
    release();
    await startAgain(node, victim);
    signal(`${alone.slow}-signal`);
  });

  test('what ended meanwhile has its right exit codes, reasons and times', async () => {
    const over = await podWhen(node, manifests.ending, isOver);
    const ends = ['main', 'good', 'fat'].map((name) => endOf(over, name));
    expect(ends.map(({ exitCode, reason }) => ({ exitCode, reason }))).toEqual([
      { exitCode: 7, reason: 'Error' },
      { exitCode: 0, reason: 'Completed' },
      { exitCode: 137, reason: 'OOMKilled' },
    ]);
    for (const { finishedAt = '' } of ends) expect(Date.parse(finishedAt)).toBeLessThanOrEqual(ended + 1000);
  });

  test('what ended meanwhile and is to be restarted is, once', async () => {
    const restarted = await podWhen(
      node,
      manifests.again,
      (found) => statusOf(found).restartCount === 1 && statusOf(found).state.running !== undefined,
    );
    expect(endOf(restarted).exitCode).toBe(9);
  });

  test('init containers and a sidecar go on in their order, none of them twice', async () => {
    const found = await podWhen(node, manifests.order, isReady);
    await ledger.wrote('start', order.main);
    for (const part of ['before', 'side', 'between', 'main'] as const) {
      expect([part, ledger.starts(order[part]), statusOf(found, part).restartCount]).toEqual([part, 1, 0]);
    }
  });

  test('a pod that was being ended has its grace; one whose manifest went ends, too', async () => {
    await Promise.all([manifests.slow, manifests.away].map((manifest) => removeStatic(node, manifest, 40)));
    expect(ledger.read(alone.slow).filter((line) => line !== 'term')).toEqual(['start', 'go']);
    // A kubelet that does not know a pod kills all that is in its cgroup, while it stops the container with a grace.
    const seen = ledger.read(alone.away);
    expect(victim === 'Gantry' ? seen : seen.slice(0, 1)).toEqual(
      victim === 'Gantry' ? ['start', 'term'] : ['start'],
    );
  });

  test('a container that crashes is restarted as before, not too early', async () => {
    const before = statusOf(await podWhen(node, manifests.crash, () => true)).restartCount;
    const found = await podWhen(node, manifests.crash, (seen) => statusOf(seen).restartCount > before);
    // A start may be written down while its status is on its way.
    expect([0, 1]).toContain(ledger.starts(alone.crash) - 1 - statusOf(found).restartCount);
    // The longest back-off is 2 s here. A new kubelet has forgotten the crashes before it.
    if (victim === 'Gantry') expect(rests(alone.crash).filter((seconds) => seconds < 2)).toEqual([]);
  });

  test('an image that was being pulled arrives', async () => {
    await podWhen(node, manifests.pulled, isReady, 40);
    await ledger.wrote('start', alone.pulled);
    expect(ledger.read(alone.pulled)).toEqual(['start']);
  });

  test('nothing more is started', async () => {
    await lookedAgain(node);
    expect(Object.values(ending).map((name) => ledger.starts(name))).toEqual([1, 1, 1, 2]);
    await Promise.all(Object.values(manifests).map((manifest) => removeStatic(node, manifest)));
  });
});

/** Seconds between starts that their back-off made wait: all but the first two. */
function rests(key: string): number[] {
  const times = ledger.read(key).flatMap((line) => (line.startsWith('at') ? [Number(line.slice(2))] : []));
  return times.slice(2).map((time, index) => time - (times[index + 1] ?? 0));
}

/** An image of that name, whose layers are sent when what is returned is called. */
async function serveStalled(name: string): Promise<() => void> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const file = new Tree().file('name', `${name}\n${'x'.repeat(100_000)}`);
  const image = makeImage([await makeLayer(busybox()), await makeLayer(file, 'none')], { Cmd: ['sh'] });
  registry.add(name, image, {
    layer: (response, body, type) => {
      void released.then(() => honest(response, body, type));
    },
  });
  return release;
}

test('a supervisor that was killed while both were dead: its pod is made anew, once', async () => {
  const manifest = withLedger('anew', {
    restartPolicy: 'Always',
    containers: [ledger.service('anew')],
  });
  const before = await runStatic(node, manifest);
  const supervisor = await supervisorOf(before);
  await kill(node, 'both');
  process.kill(supervisor, 'SIGKILL');
  await startAgain(node, 'both');
  const isAnew = (found: Pod): boolean => statusOf(found).restartCount === 1 && isReady(found);
  const after = await podWhen(node, manifest, isAnew, 40);
  expect(containerId(after)).not.toBe(containerId(before));
  await eventually(
    () => ledger.starts('anew'),
    (count) => count === 2,
  );
  await lookedAgain(node);
  expect(ledger.starts('anew')).toBe(2);
  await removeStatic(node, manifest);
});

/** stage1 names its pod in its arguments. */
async function supervisorOf({ metadata }: Pod): Promise<number> {
  const filter = { labelSelector: { 'io.kubernetes.pod.uid': metadata.uid } };
  const { items } = await node.world.cri.call('ListPodSandbox', { filter });
  return Number(onHost('pgrep', '--full', `gantry-stage1.*${items[0]?.id}`).trim());
}

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
