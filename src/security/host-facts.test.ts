import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CgroupLayout } from '../resources/index.ts';
import { countsSwap } from './host-facts.ts';

let mountPoint: string;
beforeEach(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'host-facts-'));
});
afterEach(() => rmSync(mountPoint, { recursive: true }));

const layout = (version: 1 | 2): CgroupLayout => ({
  mode: version === 1 ? 'v1' : 'v2',
  hierarchies: [{ mountPoint, version, controllers: ['memory'] }],
  cgroup2Flags: [],
});

function add(...path: string[]): void {
  mkdirSync(join(mountPoint, ...path.slice(0, -1)), { recursive: true });
  writeFileSync(join(mountPoint, ...path), 'max\n');
}

describe('swap is counted', () => {
  it('on v2 where any cgroup has a limit of it: the root, where a server may be, has none', () => {
    add('memory.stat');
    add('init', 'cgroup.procs');
    expect(countsSwap(layout(2))).toBe(true); // nothing says otherwise
    add('system.slice', 'memory.max');
    expect(countsSwap(layout(2))).toBe(false);
    add('kubepods', 'memory.max');
    add('kubepods', 'memory.swap.max');
    expect(countsSwap(layout(2))).toBe(true);
  });

  it('on v1 where the root has a limit of memory and swap', () => {
    add('kubepods', 'memory.memsw.limit_in_bytes');
    expect(countsSwap(layout(1))).toBe(false);
    add('memory.memsw.limit_in_bytes');
    expect(countsSwap(layout(1))).toBe(true);
  });

  it('nowhere without a controller of memory', () => {
    expect(countsSwap({ mode: 'v2', hierarchies: [], cgroup2Flags: [] })).toBe(false);
  });
});
