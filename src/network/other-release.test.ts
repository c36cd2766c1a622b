import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPodNetwork, type NetworkRecord, type PodNetwork } from './index.ts';

let directory: string;
let network: PodNetwork;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'network-'));
  network = createPodNetwork(
    {
      root: join(directory, 'root'),
      state: join(directory, 'state'),
      cniConfDir: join(directory, 'cni'),
      cniBinDirs: [],
      network: 'builtin',
      builtinSubnet: '10.99.0.0/16',
      builtinBridge: 'skew-none',
      cniGarbageCollection: true,
    },
    { log: pino({ level: 'silent' }) },
  );
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** As a newer release may leave it. */
const foreign = {
  kind: 'ipvlan',
  ips: ['10.1.2.3'],
  request: { podId: 'pod1', netnsPath: '/run/netns/none' },
  details: { master: 'eth7' },
} as unknown as NetworkRecord;

describe('the network of a pod of a newer release', () => {
  it('is not taken for one of ours: its tear-down fails and names it, so the pod keeps its record', async () => {
    await expect(network.tearDown(foreign)).rejects.toMatchObject({
      code: 'unimplemented',
      message: expect.stringContaining('of the kind "ipvlan"'),
    });
  });

  it('does not keep the others from being swept', async () => {
    await expect(network.collectGarbage([foreign])).resolves.toBeUndefined();
  });
});
