import { describe, expect, it } from 'vitest';
import { complete, type LinuxContainerResourcesInit } from '../cri-types/index.ts';
import { mergeResources, toOciResources } from './limits.ts';

const cri = (init: LinuxContainerResourcesInit) => complete('LinuxContainerResources', init);

describe('toOciResources', () => {
  const cases: [string, LinuxContainerResourcesInit, boolean, object][] = [
    ['nothing', {}, true, {}],
    [
      'everything',
      {
        cpuPeriod: 100000,
        cpuQuota: 50000,
        cpuShares: 102,
        cpusetCpus: '0-1',
        cpusetMems: '0',
        memoryLimitInBytes: 1024,
        memorySwapLimitInBytes: 2048,
        hugepageLimits: [{ pageSize: '2MB', limit: 7 }],
        unified: { 'memory.high': '9' },
      },
      true,
      {
        cpu: { period: 100000, quota: 50000, shares: 102, cpus: '0-1', mems: '0' },
        memory: { limit: 1024, swap: 2048 },
        hugepageLimits: [{ pageSize: '2MB', limit: 7 }],
        unified: { 'memory.high': '9' },
      },
    ],
    [
      'a memory limit allows no swap',
      { memoryLimitInBytes: 1024 },
      true,
      { memory: { limit: 1024, swap: 1024 } },
    ],
    [
      'where swap is not counted',
      { memoryLimitInBytes: 1024, memorySwapLimitInBytes: 2048 },
      false,
      { memory: { limit: 1024 } },
    ],
    [
      'no limit, said',
      { cpuQuota: -1, memoryLimitInBytes: -1 },
      true,
      { cpu: { quota: -1 }, memory: { limit: -1, swap: -1 } },
    ],
  ];
  it.each(cases)('%s', (_name, init, swap, expected) => {
    expect(toOciResources(cri(init), swap)).toEqual(expected);
  });

  it('of nothing is nothing', () => {
    expect(toOciResources(undefined, true)).toEqual({});
  });
});

describe('mergeResources', () => {
  it('replaces what is given and leaves the rest', () => {
    const before = cri({
      cpuShares: 10,
      cpuQuota: 5,
      memoryLimitInBytes: 100,
      oomScoreAdj: 900,
      unified: { a: '1', b: '2' },
      hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
    });
    const update = cri({ cpuShares: 20, cpusetCpus: '1', unified: { b: '3' }, oomScoreAdj: 5 });
    expect(mergeResources(before, update)).toEqual({
      ...before,
      cpuShares: 20n,
      cpusetCpus: '1',
      unified: { a: '1', b: '3' },
    });
  });

  it('takes the update where there was nothing', () => {
    const update = cri({ cpuShares: 20 });
    expect(mergeResources(undefined, update)).toEqual(update);
  });
});
