import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseBlkio, parseIoStat, readCounters } from './counters.ts';
import { CpuRates } from './cpu-rate.ts';
import { DirectoryUsages, scanDirectory } from './layer-usage.ts';
import type { CgroupLayout } from './layout.ts';
import { networkUsage, parseNetDev } from './network-usage.ts';
import { parsePressure } from './pressure.ts';
import { readUsage, taskCount } from './usage.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-cri-usage-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function files(name: string, content: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(content)) {
    const full = join(directory, name, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }
  return join(directory, name);
}

describe('readUsage', () => {
  it('v2', () => {
    const mountPoint = files('v2', {
      'pod/cpu.stat': 'usage_usec 1500\nuser_usec 1000\n',
      'pod/cpu.pressure':
        'some avg10=1.50 avg60=0.20 avg300=0.00 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n',
      'pod/memory.current': '5000\n',
      'pod/memory.stat': 'anon 3000\ninactive_file 1000\npgfault 9\npgmajfault 2\n',
      'pod/memory.max': '10000\n',
      'pod/memory.swap.current': '0\n',
      'pod/memory.swap.max': 'max\n',
      'pod/pids.current': '3\n',
    });
    const layout: CgroupLayout = {
      mode: 'v2',
      hierarchies: [{ mountPoint, version: 2, controllers: ['cpu', 'memory', 'pids', 'io'] }],
      cgroup2Flags: [],
    };
    expect(readUsage(layout, '/pod')).toEqual({
      timestamp: expect.any(BigInt),
      cpu: {
        nanoseconds: 1_500_000n,
        pressure: {
          some: { total: 12345n, average10: 1.5, average60: 0.2, average300: 0 },
          full: { total: 7n, average10: 0, average60: 0, average300: 0 },
        },
      },
      memory: {
        usage: 5000,
        workingSet: 4000,
        available: 6000,
        rss: 3000,
        pageFaults: 9,
        majorPageFaults: 2,
        pressure: undefined,
      },
      swap: { usage: 0, available: undefined },
      io: undefined,
    });
    expect(taskCount(layout, '/pod')).toBe(3);
    expect(taskCount(layout, '/gone')).toBeUndefined();
    expect(readUsage(layout, '/gone')).toBeUndefined();
  });

  it('v1', () => {
    const cpu = files('cpuacct', { 'pod/cpuacct.usage': '987654321\n' });
    const memory = files('memory', {
      'pod/memory.usage_in_bytes': '5000\n',
      'pod/memory.limit_in_bytes': '9223372036854771712\n',
      'pod/memory.memsw.limit_in_bytes': '6000\n',
      'pod/memory.stat':
        'rss 1\ninactive_file 2\ntotal_rss 3000\ntotal_inactive_file 6000\ntotal_pgfault 9\ntotal_pgmajfault 2\ntotal_swap 500\n',
    });
    const layout: CgroupLayout = {
      mode: 'v1',
      hierarchies: [
        { mountPoint: cpu, version: 1, controllers: ['cpuacct'] },
        { mountPoint: memory, version: 1, controllers: ['memory'] },
      ],
      cgroup2Flags: [],
    };
    expect(readUsage(layout, '/pod')).toMatchObject({
      cpu: { nanoseconds: 987654321n },
      memory: {
        usage: 5000,
        workingSet: 0,
        available: undefined,
        rss: 3000,
        pageFaults: 9,
        majorPageFaults: 2,
      },
      swap: { usage: 500, available: 500 },
    });
    expect(taskCount(layout, '/pod')).toBeUndefined();
  });
});

describe('counters', () => {
  it('v2: pressure and events of memory', async () => {
    const stall =
      'some avg10=1.00 avg60=0.00 avg300=0.00 total=3000000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n';
    const mountPoint = files('v2-counters', {
      'pod/memory.current': '5000\n',
      'pod/memory.events': 'low 0\nhigh 3\nmax 4\noom 1\noom_kill 1\n',
      'pod/memory.pressure': stall,
      'pod/cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=11\n',
      'pod/cgroup.procs': '',
    });
    const controllers = ['cpu', 'cpuacct', 'memory', 'io', 'pids'];
    const hierarchies = [{ mountPoint, version: 2 as const, controllers }];
    const { memory, pressure } = await readCounters({ mode: 'v2', hierarchies, cgroup2Flags: [] }, '/pod');
    expect(memory).toMatchObject({ usage: 5000, highEvents: 3, maxEvents: 4, oomKills: 1 });
    expect(pressure).toMatchObject({
      memory: { some: { total: 3_000_000n }, full: { total: 7n } },
      cpu: { some: { total: 11n }, full: { total: 0n } },
    });
    expect(pressure.io).toBeUndefined();
  });
});

describe('block devices', () => {
  it('v1', () => {
    const bytes = '8:0 Read 4096\n8:0 Write 100\n8:0 Sync 1\n8:0 Total 4197\n253:1 Read 5\nTotal 4202\n';
    expect(parseBlkio(bytes, '8:0 Read 2\n8:0 Write 1\nTotal 3\n')).toEqual([
      { major: 8, minor: 0, operation: 'Read', bytes: 4096, operations: 2 },
      { major: 8, minor: 0, operation: 'Write', bytes: 100, operations: 1 },
      { major: 253, minor: 1, operation: 'Read', bytes: 5, operations: 0 },
    ]);
    expect(parseBlkio(undefined, undefined)).toEqual([]);
  });

  it('v2', () => {
    expect(parseIoStat('8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n')).toEqual([
      { major: 8, minor: 0, operation: 'Read', bytes: 1, operations: 3 },
      { major: 8, minor: 0, operation: 'Write', bytes: 2, operations: 4 },
    ]);
  });
});

describe('pressure', () => {
  it('may lack the line for full, or everything', () => {
    expect(parsePressure('some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n')).toMatchObject({
      some: { total: 1n },
      full: { total: 0n },
    });
    expect(parsePressure(undefined)).toBeUndefined();
    expect(parsePressure('')).toBeUndefined();
  });
});

describe('CPU rates', () => {
  const second = 1_000_000_000n;
  it('are between one reading and the one before', () => {
    const rates = new CpuRates();
    expect(rates.rate('a', { timestamp: 10n * second, usage: 0n })).toBeUndefined();
    expect(rates.rate('a', { timestamp: 12n * second, usage: second })).toBe(500_000_000n);
    // Too soon: the same answer, and the interval goes on.
    expect(rates.rate('a', { timestamp: 12n * second + 1n, usage: second + 1n })).toBe(500_000_000n);
    expect(rates.rate('a', { timestamp: 13n * second, usage: 3n * second })).toBe(2n * second);
    expect(rates.rate('b', { timestamp: 13n * second, usage: 5n })).toBeUndefined();
  });

  it('start again with a new cgroup, and with what was dropped', () => {
    const rates = new CpuRates();
    rates.rate('a', { timestamp: 0n, usage: 5n });
    expect(rates.rate('a', { timestamp: second, usage: 4n })).toBeUndefined();
    rates.keepOnly(new Set(['b']));
    expect(rates.rate('a', { timestamp: 2n * second, usage: 9n })).toBeUndefined();
  });
});

describe('the size of a directory', () => {
  it('is that of du, hard links once', async () => {
    const tree = files('tree', { 'a/one': 'x'.repeat(10_000), 'a/b/two': 'y', three: '' });
    linkSync(join(tree, 'three'), join(tree, 'a', 'again'));
    const { usedBytes, inodesUsed } = await scanDirectory(tree);
    const du = (flag: string): number =>
      Number(execFileSync('du', ['-s', ...flag.split(' '), tree], { encoding: 'utf8' }).split('\t')[0]);
    expect(usedBytes).toBe(du('--block-size=1'));
    expect(inodesUsed).toBe(du('--inodes'));
    expect(await scanDirectory(join(directory, 'absent'))).toMatchObject({ usedBytes: 0, inodesUsed: 0 });
  });

  it('is remembered for a while', async () => {
    const tree = files('cached', { file: 'x' });
    const usages = new DirectoryUsages();
    const first = await usages.get(tree);
    writeFileSync(join(tree, 'more'), 'x'.repeat(100_000));
    expect(await usages.get(tree)).toEqual(first);
    usages.keepOnly(new Set());
    expect((await usages.get(tree))?.usedBytes).toBeGreaterThan(first?.usedBytes ?? Number.POSITIVE_INFINITY);
  });
});

describe('network', () => {
  it('parses /proc/net/dev, without lo', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed',
      '    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0',
      '  eth0:12345678       2    3    4    0     0          0         0      99       5    6    7    0     0       0          0',
      '',
    ].join('\n');
    expect(parseNetDev(text)).toEqual([
      {
        name: 'eth0',
        rxBytes: 12345678,
        rxPackets: 2,
        rxErrors: 3,
        rxDropped: 4,
        txBytes: 99,
        txPackets: 5,
        txErrors: 6,
        txDropped: 7,
      },
    ]);
    expect(parseNetDev(readFileSync('/proc/net/dev', 'utf8')).every((i) => i.name !== 'lo')).toBe(true);
  });

  it('is read only through a process that is in the namespace', () => {
    const netns = `gantry-cri-${process.pid}`;
    execFileSync('ip', ['netns', 'add', netns]);
    try {
      const path = `/run/netns/${netns}`;
      expect(networkUsage(path, [process.pid])).toBeUndefined();
      expect(networkUsage('/run/netns/gantry-cri-none', [process.pid])).toBeUndefined();
      expect(networkUsage('/proc/self/ns/net', [999_999_999, process.pid])).toEqual(expect.any(Array));
    } finally {
      execFileSync('ip', ['netns', 'del', netns]);
    }
  });
});
