import { describe, expect, it } from 'vitest';
import type { OciResources } from '../../base/index.ts';
import { asSystemdKeepsThem, cpuWeightOf, limitProperties, type ScopeFacts } from './properties.ts';
import { infinity, knownTo } from './unit-property.ts';

const v2: ScopeFacts = { unified: true };
const v1: ScopeFacts = { unified: false };

const cases: [string, OciResources, ScopeFacts, Record<string, unknown>][] = [
  ['nothing', {}, v2, {}],
  [
    'memory without swap',
    { memory: { limit: 104857600, swap: 104857600 } },
    v2,
    { MemoryMax: 104857600n, MemorySwapMax: 0n },
  ],
  ['memory with swap', { memory: { limit: 100, swap: 150 } }, v2, { MemoryMax: 100n, MemorySwapMax: 50n }],
  [
    'no limits any more',
    { memory: { limit: -1, swap: -1 } },
    v2,
    { MemoryMax: infinity, MemorySwapMax: infinity },
  ],
  [
    'swap alone, by the limit in force',
    { memory: { swap: 150 } },
    { ...v2, memoryLimit: 100 },
    { MemorySwapMax: 50n },
  ],
  ['swap below memory, which stage1 refuses', { memory: { limit: 100, swap: 50 } }, v2, { MemoryMax: 100n }],
  ['a reservation', { memory: { reservation: 4096 } }, v2, { MemoryLow: 4096n }],
  ['memory, v1', { memory: { limit: 4096, swap: 4096, reservation: 1 } }, v1, { MemoryLimit: 4096n }],
  [
    'half a CPU',
    { cpu: { quota: 50000, period: 100000, shares: 512 } },
    v2,
    { CPUQuotaPerSecUSec: 500_000n, CPUQuotaPeriodUSec: 100_000n, CPUWeight: 59n },
  ],
  ['a quota alone', { cpu: { quota: 20000 } }, v2, { CPUQuotaPerSecUSec: 200_000n }],
  [
    'a quota alone, by the period in force',
    { cpu: { quota: 20000 } },
    { ...v2, period: 50000 },
    { CPUQuotaPerSecUSec: 400_000n },
  ],
  [
    'a fraction of a percent',
    { cpu: { quota: 35700, period: 100000 } },
    v2,
    { CPUQuotaPerSecUSec: 360_000n, CPUQuotaPeriodUSec: 100_000n },
  ],
  [
    'a percent',
    { cpu: { quota: 1000, period: 100000 } },
    v2,
    { CPUQuotaPerSecUSec: 10_000n, CPUQuotaPeriodUSec: 100_000n },
  ],
  ['no quota any more', { cpu: { quota: -1 } }, v2, { CPUQuotaPerSecUSec: infinity }],
  ['shares, v1', { cpu: { shares: 512 } }, v1, { CPUShares: 512n }],
  ['idle', { cpu: { idle: 1, shares: 1024 } }, v2, { CPUWeight: 0n }],
  [
    'CPUs and nodes',
    { cpu: { cpus: '0-1,9', mems: '0' } },
    v2,
    { AllowedCPUs: [3, 2], AllowedMemoryNodes: [1] },
  ],
  ['CPUs that are no list', { cpu: { cpus: '1-0', mems: 'x' } }, v2, {}],
  ['CPUs, v1', { cpu: { cpus: '0', mems: '0' } }, v1, {}],
  ['processes', { pids: { limit: 33 } }, v2, { TasksMax: 33n }],
  ['any number of processes', { pids: { limit: -1 } }, v1, { TasksMax: infinity }],
  [
    'block devices',
    {
      blockIO: {
        weight: 500,
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1048576 }],
        throttleWriteIOPSDevice: [
          { major: 8, minor: 0, rate: 0 },
          { major: 8, minor: 16, rate: 7 },
        ],
      },
    },
    v2,
    {
      IOWeight: 4950n,
      IOReadBandwidthMax: [['/dev/block/8:0', 1048576n]],
      IOWriteIOPSMax: [
        ['/dev/block/8:0', infinity],
        ['/dev/block/8:16', 7n],
      ],
    },
  ],
  [
    'block devices, v1',
    {
      blockIO: {
        weight: 500,
        throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 5 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 5 }],
      },
    },
    v1,
    { BlockIOWeight: 500n, BlockIOWriteBandwidth: [['/dev/block/8:0', 5n]] },
  ],
  ['what has no property', { hugepageLimits: [{ pageSize: '2MB', limit: 1 }], cpu: { burst: 5 } }, v2, {}],
  [
    'files of v2, which win',
    {
      memory: { limit: 1 },
      cpu: { shares: 2 },
      unified: {
        'memory.max': 'max',
        'memory.high': '4096',
        'memory.low': '1',
        'memory.min': '2',
        'memory.swap.max': '0',
        'memory.oom.group': '1',
        'cpu.weight': '42',
        'cpu.max': '35700 100000',
        'cpuset.cpus': '1',
        'pids.max': '9',
        'io.weight': 'default 77',
        'io.max': '8:0 rbps=1048576 wiops=max',
      },
    },
    v2,
    {
      MemoryMax: infinity,
      MemoryHigh: 4096n,
      MemoryLow: 1n,
      MemoryMin: 2n,
      MemorySwapMax: 0n,
      OOMPolicy: 'kill',
      CPUWeight: 42n,
      CPUQuotaPeriodUSec: 100_000n,
      CPUQuotaPerSecUSec: 360_000n,
      AllowedCPUs: [2],
      TasksMax: 9n,
      IOWeight: 77n,
      IOReadBandwidthMax: [['/dev/block/8:0', 1048576n]],
      IOWriteIOPSMax: [['/dev/block/8:0', infinity]],
    },
  ],
  [
    'files of v2 that say nonsense, which stage1 refuses',
    { unified: { 'memory.max': 'much', 'cpu.max': 'x y', 'io.max': 'sda rbps=1', 'cpuset.cpus': 'a' } },
    v2,
    {},
  ],
  ['files of v2, on v1', { unified: { 'memory.max': '1' } }, v1, {}],
];

it.each(cases)('limits as properties: %s', (_name, resources, facts, expected) => {
  const properties = limitProperties(resources, facts);
  expect(Object.fromEntries(properties.map(({ name, value }) => [name, value]))).toEqual(expected);
});

describe('devices', () => {
  const deny = { allow: false, access: 'rwm' } as const;
  const null_ = { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' } as const;
  const wide = { allow: true, type: 'c', major: 136, access: 'rwm' } as const;
  type Rules = NonNullable<OciResources['devices']>;
  const table: [string, Rules, string, [string, string][]][] = [
    ['everything', [{ allow: true, access: 'rwm' }], 'auto', []],
    ['no rules', [], 'auto', []],
    ['nothing', [deny], 'strict', []],
    [
      'what every container has',
      [deny, { allow: true, type: 'b', access: 'm' }, { allow: true, type: 'c', access: 'm' }, null_, wide],
      'strict',
      [
        ['block-*', 'm'],
        ['char-*', 'm'],
        ['/dev/char/1:3', 'rwm'],
        ['char-136', 'rwm'],
      ],
    ],
    [
      'letters by and by',
      [deny, { ...null_, access: 'r' }, { ...null_, access: 'w' }],
      'strict',
      [['/dev/char/1:3', 'rw']],
    ],
    [
      'a block device',
      [deny, { allow: true, type: 'b', major: 8, minor: 0, access: 'r' }],
      'strict',
      [['/dev/block/8:0', 'r']],
    ],
    [
      'taken back',
      [deny, null_, { ...null_, allow: false, access: 'w' }],
      'strict',
      [['/dev/char/1:3', 'rm']],
    ],
    ['all taken back', [deny, null_, { ...null_, allow: false }], 'strict', []],
    [
      'refused, and never allowed',
      [deny, null_, { ...null_, allow: false, minor: 9 }],
      'strict',
      [['/dev/char/1:3', 'rwm']],
    ],
    ['a hole in what is allowed', [deny, wide, { ...wide, allow: false, minor: 1 }], 'auto', []],
    ['all but one', [{ allow: true }, { ...null_, allow: false }], 'auto', []],
    [
      'one minor number of every major',
      [deny, { allow: true, type: 'c', minor: 3, access: 'r' }],
      'auto',
      [],
    ],
    ['begun anew', [null_, deny, wide], 'strict', [['char-136', 'rwm']]],
  ];
  it.each(table)('as a policy: %s', (_name, devices, policy, allowed) => {
    expect(limitProperties({ devices }, v2)).toEqual([
      { name: 'DevicePolicy', type: 's', value: policy },
      { name: 'DeviceAllow', type: 'a(ss)', value: allowed },
    ]);
  });
});

it.each([
  [
    'whole percents',
    { cpu: { quota: 50000, period: 100000 } },
    v2,
    { cpu: { quota: 50000, period: 100000 } },
  ],
  ['a fraction', { cpu: { quota: 35700, period: 100000 } }, v2, { cpu: { quota: 36000, period: 100000 } }],
  [
    'a fraction, by the period in force',
    { cpu: { quota: 3333 } },
    { ...v2, period: 20000 },
    { cpu: { quota: 3400 } },
  ],
  ['no limit', { cpu: { quota: -1 } }, v2, { cpu: { quota: -1 } }],
  ['other limits', { memory: { limit: 7 } }, v2, { memory: { limit: 7 } }],
  [
    'in a file of v2',
    { unified: { 'cpu.max': '35701 100000', x: 'y' } },
    v2,
    { unified: { 'cpu.max': '36000 100000', x: 'y' } },
  ],
  [
    'no limit in a file of v2',
    { unified: { 'cpu.max': 'max 100000' } },
    v2,
    { unified: { 'cpu.max': 'max 100000' } },
  ],
])('a quota as systemd keeps it: %s', (_name, resources, facts, expected) => {
  expect(asSystemdKeepsThem(resources, facts)).toEqual(expected);
});

it.each([
  [2, 1n],
  [102, 17n],
  [512, 59n],
  [1024, 100n],
  [2048, 174n],
  [262144, 10000n],
])('%i shares are weight %i', (shares, weight) => {
  expect(cpuWeightOf(shares)).toBe(weight);
});

it('an older systemd is not told what it does not know', () => {
  const properties = limitProperties(
    { cpu: { quota: 1000, period: 100000, cpus: '0', idle: 1 }, memory: { limit: 1 } },
    v2,
  );
  const names = (version: number): string[] => knownTo(version, properties).map(({ name }) => name);
  expect(names(241)).toEqual(['MemoryMax', 'CPUQuotaPerSecUSec']);
  expect(names(244)).toEqual(['MemoryMax', 'CPUQuotaPeriodUSec', 'CPUQuotaPerSecUSec', 'AllowedCPUs']);
  expect(names(252)).toEqual([
    'MemoryMax',
    'CPUWeight',
    'CPUQuotaPeriodUSec',
    'CPUQuotaPerSecUSec',
    'AllowedCPUs',
  ]);
});
