import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../harness/index.ts';
import {
  containerId,
  deleteBound,
  isReady,
  KubeletNode,
  kill,
  Ledger,
  lookedAgain,
  nodeName,
  type Pod,
  type PodManifest,
  pod,
  podPath,
  runBound,
  startAgain,
  statusOf,
  storedWhen,
  victims,
} from './harness/index.ts';

// With an API server the kubelet knows after a restart what it was about.
let node: KubeletNode;
let ledger: Ledger;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 186, controlPlane: true });
  ledger = new Ledger(join(node.world.directory, 'ledger'));
});
afterAll(async () => await node?.dispose());

describe.each(victims)('%s dies', (victim) => {
  const key = victim.replace(/\W/g, '').toLowerCase();
  const name = (what: string): string => `${key}-${what}`;
  let stays: Pod;
  let manifests: Record<'stays' | 'ending' | 'deleted' | 'made', PodManifest>;

  function service(what: string, graceSeconds: number, atTerm?: string): PodManifest {
    return pod(name(what), {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: graceSeconds,
      volumes: [ledger.volume],
      containers: [ledger.service(name(what), {}, atTerm)],
    });
  }

  beforeAll(async () => {
    const signal = name('signal');
    const slowly = `note term; until [ -e /ledger/${signal} ]; do sleep 0.05; done; note go`;
    manifests = {
      stays: service('stays', 10),
      ending: service('ending', 40, slowly),
      deleted: service('deleted', 10),
      made: service('made', 10),
    };
    const { client } = node.controlPlane;
    await Promise.all([manifests.ending, manifests.deleted].map((one) => runBound(node, one, isReady)));
    await runBound(node, manifests.stays, isReady);
    stays = await storedWhen(node, manifests.stays, isReady);
    await ledger.wrote('start', name('stays'), name('ending'), name('deleted'));
    await client.delete(podPath(manifests.ending));
    await ledger.wrote('term', name('ending'));

    await kill(node, victim);
    await client.delete(podPath(manifests.deleted));
    const { made } = manifests;
    await client.create('/api/v1/namespaces/default/pods', { ...made, spec: { nodeName, ...made.spec } });
    await startAgain(node, victim);
    await storedWhen(node, made, isReady, 40);
    await ledger.wrote('start', name('made'));
    writeFileSync(join(node.world.directory, 'ledger', signal), '');
  });

  const gone = async (manifest: PodManifest): Promise<void> => {
    await eventually(
      () => node.controlPlane.client.find(podPath(manifest)),
      (found) => found === undefined,
      40,
    );
  };

  test('a pod that was being ended has its grace, and ends by itself', async () => {
    await gone(manifests.ending);
    expect(ledger.read(name('ending')).filter((line) => line !== 'term')).toEqual(['start', 'go']);
  });

  test('a pod that was deleted meanwhile is asked to end', async () => {
    await gone(manifests.deleted);
    expect(ledger.read(name('deleted'))).toEqual(['start', 'term']);
  });

  test('a pod that was made meanwhile is started, once', async () => {
    await lookedAgain(node);
    expect(ledger.starts(name('made'))).toBe(1);
    expect(statusOf(await storedWhen(node, manifests.made, isReady)).restartCount).toBe(0);
  });

  test('a pod that was not meant is the same as before', async () => {
    const after = await storedWhen(node, manifests.stays, isReady);
    expect(containerId(after)).toBe(containerId(stays));
    expect([statusOf(after).restartCount, after.status.podIP]).toEqual([0, stays.status.podIP]);
    expect(ledger.read(name('stays'))).toEqual(['start']);
    await Promise.all([manifests.stays, manifests.made].map((one) => deleteBound(node, one)));
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
