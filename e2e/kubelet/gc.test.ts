import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, podConfig, runPod, script, startContainer } from '../harness/index.ts';
import {
  containerId,
  forever,
  isOver,
  isReady,
  KubeletNode,
  type Pod,
  pod,
  podWhen,
  removeStatic,
  runStatic,
  sh,
  statusOf,
} from './harness/index.ts';

// Images are taken by the pressure on their disk: cluster-eviction.test.ts. By thresholds and by age the kubelet looks at them
// every five minutes only.
let node: KubeletNode;
/** When the kubelet started, and with it its first minute: at its end the dead are looked through. */
let firstMinute: number;
beforeAll(async () => {
  node = await KubeletNode.create({
    subnet: 184,
    config: { containerLogMaxSize: '4Ki', containerLogMaxFiles: 3, containerLogMonitorInterval: '3s' },
    kubeletFlags: [
      '--maximum-dead-containers-per-container=1',
      '--maximum-dead-containers=2',
      '--minimum-container-ttl-duration=0s',
    ],
  });
  firstMinute = Date.now() + 60_000;
});
afterAll(async () => await node?.dispose());

/** What is removed only when the minute is over is made first, while the other tests run. */
const doomed: { pods: string[]; logs: string[] } = { pods: [], logs: [] };

async function sandboxesOf(uid: string): Promise<readonly { id: string; state: string }[]> {
  const filter = { labelSelector: { 'io.kubernetes.pod.uid': uid } };
  return (await node.world.cri.call('ListPodSandbox', { filter })).items;
}

async function containersOf(uid: string): Promise<readonly { id: string; state: string }[]> {
  const filter = { labelSelector: { 'io.kubernetes.pod.uid': uid } };
  return (await node.world.cri.call('ListContainers', { filter })).containers;
}

const logDirectory = ({ metadata }: Pod): string =>
  join(node.world.logs, `${metadata.namespace}_${metadata.name}_${metadata.uid}`);

test('a pod that the kubelet does not know is ended', async () => {
  const uid = 'c0ffee00-0000-4000-8000-000000000001';
  const metadata = { name: 'stranger', namespace: 'default', uid, attempt: 0 };
  const labels = {
    'io.kubernetes.pod.name': metadata.name,
    'io.kubernetes.pod.namespace': metadata.namespace,
    'io.kubernetes.pod.uid': uid,
  };
  const config = podConfig(node.world, { metadata, labels });
  const stranger = await runPod(node.world, config);
  await startContainer(node.world, stranger, {
    metadata: { name: 'main', attempt: 0 },
    labels: { ...labels, 'io.kubernetes.container.name': 'main' },
    ...script('trap "exit 0" TERM; sleep 3600 & wait'),
  });
  await eventually(
    () => sandboxesOf(uid),
    (found) => found.every(({ state }) => state === 'SANDBOX_NOTREADY'),
  );
  expect((await containersOf(uid)).filter(({ state }) => state === 'CONTAINER_RUNNING')).toEqual([]);
  doomed.pods.push(uid);
});

test('a pod that is over keeps its sandbox and logs until it is taken away', async () => {
  const manifests = [1, 2].map((n) => pod(`over-${n}`, { containers: [sh('echo said')] }));
  const [gone, stays] = await Promise.all(manifests.map((manifest) => runStatic(node, manifest, isOver)));
  if (gone === undefined || stays === undefined || manifests[0] === undefined) throw new Error('unreachable');
  expect(await node.kubelet.api.logs(gone, 'main')).toBe('said\n');
  await removeStatic(node, manifests[0]);
  expect(existsSync(logDirectory(gone))).toBe(true);
  doomed.pods.push(gone.metadata.uid);
  doomed.logs.push(logDirectory(gone));
  expect(await sandboxesOf(stays.metadata.uid)).toHaveLength(1);
});

test('of a container that ends again and again, the last one before is kept', async () => {
  const manifest = pod('again', { restartPolicy: 'Always', containers: [sh('echo try; exit 3')] });
  const found = await runStatic(node, manifest, (now) => statusOf(now).restartCount >= 3, 30);
  const kept = await eventually(
    () => containersOf(found.metadata.uid),
    (containers) => containers.length <= 2,
  );
  expect(kept.length).toBeGreaterThan(0);
  // Its log goes with it.
  const { id = '' } = kept[0] ?? {};
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  await eventually(
    () => readdirSync(join(logDirectory(found), 'main')),
    (files) => files.length <= 2,
  );
  await removeStatic(node, manifest);
  doomed.pods.push(found.metadata.uid);
  doomed.logs.push(logDirectory(found));
});

/** The numbers that the log's files hold, oldest file first, and how many files there are. */
function numbers(directory: string): { files: string[]; lines: number[] } {
  const names = readdirSync(directory).filter((name) => !name.endsWith('.tmp'));
  // `0.log.20261121-…` sorts by time; the present one, `0.log`, comes last.
  const files = [...names.filter((name) => name !== '0.log').sort(), '0.log'];
  const texts = files.map((name) => {
    const bytes = readFileSync(join(directory, name));
    return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  });
  const entries = texts.join('').split('\n').slice(0, -1);
  const pattern = /^\S+ stdout F line (\d+) x{80}$/;
  return { files, lines: entries.map((entry) => Number(pattern.exec(entry)?.[1] ?? Number.NaN)) };
}

test('logs are rotated: no line is lost or torn, followers go on', async () => {
  const line = 'echo "line $i $(printf %080d 0 | tr 0 x)"';
  const container = sh(`trap "exit 0" TERM; i=0; while :; do i=$((i+1)); ${line}; sleep 0.02; done`);
  const manifest = pod('writes', { containers: [container] });
  const found = await runStatic(node, manifest, isReady);
  const followed = node.kubelet.api.followLogs(found, 'main', /^line 400 /m);
  const directory = join(logDirectory(found), 'main');
  await eventually(
    () => readdirSync(directory),
    (files) => files.some((name) => name.endsWith('.gz')) && files.length === 3,
    30,
  );
  const inode = (): string => readFileSync(join(directory, '0.log'), 'utf8').slice(0, 30);
  const first = inode();
  await eventually(inode, (now) => now !== first, 20);
  const text = await followed;
  const seen = [...text.matchAll(/^line (\d+) x{80}$/gm)].map(([, number]) => Number(number));
  expect(seen.slice(0, 399)).toEqual(Array.from({ length: 399 }, (_, index) => index + 1));

  await removeStatic(node, manifest);
  const { files, lines } = numbers(directory);
  expect(files.length).toBeLessThanOrEqual(3);
  const start = lines[0] ?? 0;
  expect(start).toBeGreaterThan(1);
  expect(lines).toEqual(Array.from(lines, (_, index) => start + index));
  doomed.pods.push(found.metadata.uid);
  doomed.logs.push(directory);
});

test('within a minute all is removed that no pod needs any more, and nothing else', async () => {
  const manifest = pod('lives', { restartPolicy: 'Always', containers: [forever] });
  const lives = await runStatic(node, manifest, isReady);
  await eventually(
    async () => {
      const left = await Promise.all(
        doomed.pods.map(async (uid) => [...(await sandboxesOf(uid)), ...(await containersOf(uid))].length),
      );
      return [...left, ...doomed.logs.filter(existsSync).map(() => 1)].reduce((sum, count) => sum + count, 0);
    },
    (left) => left === 0,
    (firstMinute - Date.now()) / 1000 + 15,
  );
  const still = await podWhen(node, manifest, isReady);
  expect([containerId(still), statusOf(still).restartCount]).toEqual([containerId(lives), 0]);
  const { items } = await node.world.cri.call('ListPodSandbox', {});
  expect(items.map(({ metadata }) => metadata?.name.replace(/-\d+-e2e-node$/, '')).sort()).toEqual([
    'lives',
    'over-2',
  ]);
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
