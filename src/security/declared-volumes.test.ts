import { describe, expect, it } from 'vitest';
import { complete } from '../cri-types/index.ts';
import { containerSpec } from './container-spec.ts';
import { declaredVolumes, volumesIn } from './declared-volumes.ts';
import { specInput, testHost, testImage, testLookups } from './testing.ts';

const declared = (volumes: readonly string[], mounted: readonly string[] = [], directory = '/v') =>
  declaredVolumes(
    { ...testImage, volumes },
    mounted.map((containerPath) => complete('Mount', { hostPath: '/h', containerPath })),
    directory,
  ).map(({ destination, source }) => `${source} ${destination}`);

describe('volumes that an image declares', () => {
  it.each<[string, string[], string[], string[]]>([
    ['each has a directory', ['/data', '/var/lib/x'], [], ['/v/0 /data', '/v/1 /var/lib/x']],
    ['paths are cleaned, and count once', ['data/', '/data', '//a/./b/..'], [], ['/v/0 /data', '/v/1 /a']],
    ['what the container mounts is its own', ['/data', '/x'], ['/data/'], ['/v/0 /x']],
    ['not the root', ['/', '.', '..'], [], []],
    ['nor what the kernel shows', ['/proc', '/sys/fs/cgroup', '/dev/shm', '/device'], [], ['/v/0 /device']],
  ])('%s', (_what, volumes, mounted, expected) => {
    expect(declared(volumes, mounted)).toEqual(expected);
  });

  it('are none without a place for them', () => {
    expect(declared(['/data'], [], '')).toEqual([]);
  });

  it('are writable mounts by depth, and found again in the document', () => {
    const input = { ...specInput({ mounts: [{ hostPath: '/h', containerPath: '/etc/deep/er' }] }) };
    const image = { ...testImage, volumes: ['/etc/deep/er/still', '/etc'] };
    const spec = containerSpec({ ...input, image, volumesDirectory: '/v' }, testHost, testLookups);
    const order = spec.mounts.map(({ destination }) => destination).filter((path) => path.startsWith('/etc'));
    expect(order).toEqual([
      '/etc',
      '/etc/hostname',
      '/etc/resolv.conf',
      '/etc/deep/er',
      '/etc/deep/er/still',
    ]);
    expect(spec.mounts.find(({ destination }) => destination === '/etc')).toMatchObject({
      type: 'bind',
      source: '/v/1',
      options: ['rbind', 'rprivate', 'rw'],
    });
    expect(volumesIn(spec, '/v')).toEqual([
      { directory: '/v/1', destination: '/etc' },
      { directory: '/v/0', destination: '/etc/deep/er/still' },
    ]);
    expect(volumesIn(spec, '')).toEqual([]);
  });
});
