import { describe, expect, it } from 'vitest';
import { hierarchyOf, parseLayout, unifiedOf } from './layout.ts';

const none = (): string => '';

const v2 =
  '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot';
const v1 = [
  '31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
  '33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
  '34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '35 31 0:32 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
].join('\n');
const unified = '36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';

describe('parseLayout', () => {
  it('v2 alone', () => {
    const layout = parseLayout(v2, () => 'cpuset cpu io memory hugetlb pids\n');
    expect(layout.mode).toBe('v2');
    expect(layout.cgroup2Flags).toEqual(['nsdelegate', 'memory_recursiveprot']);
    for (const controller of ['cpu', 'cpuacct', 'memory', 'pids']) {
      expect(hierarchyOf(layout, controller)).toMatchObject({ mountPoint: '/sys/fs/cgroup', version: 2 });
    }
    expect(hierarchyOf(layout, 'rdma')).toBeUndefined();
  });

  it('v1 alone, controllers mounted together', () => {
    const layout = parseLayout(v1, none);
    expect(layout.mode).toBe('v1');
    expect(hierarchyOf(layout, 'cpuacct')?.mountPoint).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(hierarchyOf(layout, 'cpu')?.version).toBe(1);
    expect(unifiedOf(layout)).toBeUndefined();
    expect(layout.hierarchies).toHaveLength(4);
  });

  it('hybrid: v2 only tracks processes', () => {
    const layout = parseLayout(`${v1}\n${unified}`, none);
    expect(layout.mode).toBe('hybrid');
    expect(unifiedOf(layout)?.mountPoint).toBe('/sys/fs/cgroup/unified');
    expect(hierarchyOf(layout, 'memory')?.version).toBe(1);
  });

  it('hybrid: a controller sits on v2', () => {
    const layout = parseLayout(`${v1}\n${unified}`, () => 'hugetlb\n');
    expect(hierarchyOf(layout, 'hugetlb')).toMatchObject({ version: 2 });
    expect(hierarchyOf(layout, 'memory')?.version).toBe(1);
  });

  it('a second mount of one hierarchy does not count, and blanks in paths are read', () => {
    const twice = `${v2}\n40 1 0:26 / /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw`;
    expect(parseLayout(twice, () => 'cpu').hierarchies).toHaveLength(1);
    const blank = '40 1 0:26 / /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw';
    expect(parseLayout(blank, () => 'cpu').hierarchies[0]?.mountPoint).toBe('/mnt/my cgroup');
  });

  it('a v2 host with systemd’s leftover v1 hierarchy of no controller is v2', () => {
    expect(
      parseLayout(`${v2}\n41 1 0:40 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd`, () => 'cpu')
        .mode,
    ).toBe('v2');
  });

  it('refuses a host without cgroups', () => {
    expect(() => parseLayout('22 1 8:1 / / rw - ext4 /dev/sda1 rw', none)).toThrow(
      'no cgroup file system is mounted',
    );
  });
});
