import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerEventResponse } from '../../src/cri-types/index.ts';
import { eventually } from '../harness/index.ts';
import {
  containerId,
  forever,
  isOver,
  isReady,
  KubeletNode,
  Ledger,
  type Pod,
  pod,
  podWhen,
  removeStatic,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

// The kubelet takes only STOPPED events, as a reason to look at that pod at once; its older releases took all of them, with
// their statuses. Without the gate it lists every pod each second: every other file's tests show that.
let node: KubeletNode;
let ledger: Ledger;
beforeAll(async () => {
  node = await KubeletNode.create({
    subnet: 182,
    config: { featureGates: { EventedPLEG: true, PLEGOnDemandRelist: true }, logging: { verbosity: 4 } },
  });
  ledger = new Ledger(join(node.world.directory, 'ledger'));
});
afterAll(async () => await node?.dispose());

/** Every event from now on. `ended` says how the stream did, which it does with the server. */
function follow(): { seen: ContainerEventResponse[]; ended: Promise<string> } {
  const seen: ContainerEventResponse[] = [];
  const read = async (): Promise<void> => {
    for await (const event of node.world.cri.stream('GetContainerEvents', {})) seen.push(event);
  };
  const ended = read().then(
    () => 'end',
    (error: Error) => error.message,
  );
  return { seen, ended };
}

const short = (type: string): string => type.replace(/^CONTAINER_|_EVENT$/g, '');

/** The types of the events of one container or sandbox, in order. */
function typesOf(events: readonly ContainerEventResponse[], id: string): string[] {
  return events.filter((event) => event.containerId === id).map((event) => short(event.containerEventType));
}

/** The number behind a metric of the kubelet. */
async function metric(name: string): Promise<number> {
  const text = await node.kubelet.api.text('/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** The containers and sandboxes of a pod that events name, oldest first. */
function idsIn(events: readonly ContainerEventResponse[], found: Pod): string[] {
  const own = events.filter(({ podSandboxStatus }) => podSandboxStatus?.metadata?.uid === found.metadata.uid);
  return [...new Set(own.map((event) => event.containerId))];
}

test('the kubelet is connected, once', async () => {
  expect(await metric('kubelet_evented_pleg_connection_success_count')).toBe(1);
  expect(await metric('kubelet_evented_pleg_connection_error_count')).toBe(0);
});

test('a pod’s whole life: every event, in order, with the statuses of its moment', async () => {
  const { seen } = follow();
  const script =
    '[ $(grep -c start /ledger/twice) -gt 1 ] || exit 4; trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done';
  const manifest = pod('life', {
    restartPolicy: 'Always',
    volumes: [ledger.volume],
    initContainers: [{ name: 'first', ...sh('exit 0') }],
    containers: [ledger.container('twice', script)],
  });
  const found = await runStatic(
    node,
    manifest,
    (now) => isReady(now) && statusOf(now).restartCount === 1 && statusOf(now).state.running !== undefined,
  );
  await removeStatic(node, manifest);
  // The kubelet removes a dead pod's sandbox when nothing of it is needed any more; here it is told to.
  const [sandbox = '', first = '', before = '', after = ''] = idsIn(seen, found);
  await node.world.cri.call('RemovePodSandbox', { podSandboxId: sandbox });
  const whole = ['CREATED', 'STARTED', 'STOPPED', 'DELETED'];
  await eventually(
    () => [sandbox, first, before, after].map((id) => typesOf(seen, id)),
    (all) => all.every((types) => types.length === 4),
  );
  expect([sandbox, first, before, after].map((id) => typesOf(seen, id))).toEqual([
    whole,
    whole,
    whole,
    whole,
  ]);
  expect(after).toBe(containerId(found));

  const own = seen.filter(({ podSandboxStatus }) => podSandboxStatus?.metadata?.uid === found.metadata.uid);
  expect(own).toHaveLength(16);
  expect(own.map(({ createdAt }) => createdAt)).toEqual(
    own.map(({ createdAt }) => createdAt).sort((a, b) => (a < b ? -1 : 1)),
  );
  expect(own.slice(0, 2).map(({ containerId: id }) => id)).toEqual([sandbox, sandbox]);
  expect(own.at(-1)?.containerId).toBe(sandbox);
  const states = own.flatMap(
    ({ containerEventType, containerId: id, containersStatuses, podSandboxStatus }) =>
      id === sandbox
        ? [`${short(containerEventType)} ${podSandboxStatus?.state}`]
        : [
            `${short(containerEventType)} ${containersStatuses.find((one) => one.id === id)?.state ?? 'gone'}`,
          ],
  );
  expect([...new Set(states)].sort()).toEqual([
    'CREATED CONTAINER_CREATED',
    'CREATED SANDBOX_READY',
    'DELETED SANDBOX_NOTREADY',
    'DELETED gone',
    'STARTED CONTAINER_RUNNING',
    'STARTED SANDBOX_READY',
    'STOPPED CONTAINER_EXITED',
    'STOPPED SANDBOX_NOTREADY',
  ]);
  const death = own.find(
    ({ containerId: id, containerEventType: type }) => id === before && short(type) === 'STOPPED',
  );
  expect(death?.containersStatuses.find(({ id }) => id === before)?.exitCode).toBe(4);
});

test('the kubelet looks at a pod at once when one of its containers ended', async () => {
  const done = await runToEnd(node, pod('quick', { containers: [sh('exit 3')] }));
  const id = containerId(done);
  expect(node.kubelet.log).toMatch(
    new RegExp(`requested pod relist after container termination.*containerID="${id}"`),
  );
  expect(statusOf(done).state.terminated?.exitCode).toBe(3);
});

test('the kubelet finds a status in each event', async () => {
  expect(node.kubelet.log).not.toContain('nil PodSandboxStatus');
  expect(await metric('kubelet_evented_pleg_connection_latency_seconds_count')).toBeGreaterThan(20);
});

test('one that follows does not keep the server from ending; the next server is followed anew', async () => {
  const { daemon } = node.world.gantry;
  const before = follow();
  const manifest = pod('across', { restartPolicy: 'Always', containers: [forever] });
  const found = await runStatic(node, manifest, isReady);
  await eventually(
    () => typesOf(before.seen, containerId(found)),
    (types) => types.includes('STARTED'),
  );
  const asked = Date.now();
  await daemon.stop();
  expect(Date.now() - asked).toBeLessThan(5_000);
  expect(await before.ended).not.toBe('');
  await daemon.start();
  const after = follow();
  await removeStatic(node, manifest);
  await eventually(
    () => typesOf(after.seen, containerId(found)),
    (types) => types.includes('STOPPED'),
  );
});

// It tries five times in a row, without a pause, and then does without until its own next start.
test('a kubelet whose stream broke goes on by lists; started anew, it is connected again', async () => {
  await node.world.gantry.daemon.kill();
  await node.world.gantry.daemon.start();
  const manifest = pod('lists', { containers: [sh('exit 5')] });
  const done = await runStatic(node, manifest, isOver);
  expect(statusOf(done).state.terminated?.exitCode).toBe(5);
  expect(await metric('kubelet_evented_pleg_connection_error_count')).toBeGreaterThan(0);
  await node.kubelet.restart();
  expect(await metric('kubelet_evented_pleg_connection_success_count')).toBe(1);
  await podWhen(node, manifest, isOver);
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
