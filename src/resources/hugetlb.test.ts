import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHugetlb } from './hugetlb.ts';
import type { CgroupLayout } from './layout.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-hugetlb-'));
  mkdirSync(join(directory, 'app'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const layout = (version: 1 | 2, controllers: readonly string[]): CgroupLayout => ({
  mode: version === 1 ? 'v1' : 'v2',
  hierarchies: [{ mountPoint: directory, version, controllers }],
  cgroup2Flags: [],
});
const file = (name: string, content: string): void => writeFileSync(join(directory, 'app', name), content);

describe('huge pages', () => {
  it('are counted by size on v1, with their maximum', () => {
    for (const size of ['2MB', '1GB']) {
      file(`hugetlb.${size}.usage_in_bytes`, '4194304\n');
      file(`hugetlb.${size}.max_usage_in_bytes`, '8388608\n');
      file(`hugetlb.${size}.rsvd.usage_in_bytes`, '1\n');
    }
    const counted = readHugetlb(layout(1, ['hugetlb']), 'app');
    expect(counted.map(({ pageSize }) => pageSize).sort()).toEqual(['1GB', '2MB']);
    expect(counted[0]).toMatchObject({ usage: 4_194_304, maximum: 8_388_608 });
  });

  it('have no maximum on v2', () => {
    file('hugetlb.2MB.current', '2097152\n');
    file('hugetlb.2MB.max', 'max\n');
    expect(readHugetlb(layout(2, ['hugetlb']), 'app')).toEqual([
      { pageSize: '2MB', usage: 2_097_152, maximum: undefined },
    ]);
  });

  it('are not counted where nobody does, or when the cgroup is gone', () => {
    file('hugetlb.2MB.current', '1\n');
    expect(readHugetlb(layout(2, ['memory']), 'app')).toEqual([]);
    expect(readHugetlb(layout(2, ['hugetlb']), 'gone')).toEqual([]);
  });
});
