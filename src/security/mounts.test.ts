import { describe, expect, it } from 'vitest';
import { complete, type MountInit } from '../cri-types/index.ts';
import { containerMounts } from './container-mounts.ts';
import { defaultMounts } from './default-mounts.ts';
import { specInput, testHost, testLookups } from './testing.ts';
import type { HostFacts } from './types.ts';

const of = (mounts: MountInit[], host: HostFacts = testHost) =>
  containerMounts(
    defaultMounts(specInput(), host),
    mounts.map((m) => complete('Mount', m)),
    host,
    testLookups,
  );

describe('default mounts', () => {
  it('are those of containerd, with the pod’s own files', () => {
    expect(
      defaultMounts(specInput(), testHost).map((m) => `${m.destination} ${m.type} ${m.options?.join()}`),
    ).toEqual([
      '/proc proc nosuid,noexec,nodev',
      '/dev tmpfs nosuid,strictatime,mode=755,size=65536k',
      '/dev/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5',
      '/dev/mqueue mqueue nosuid,noexec,nodev',
      '/sys sysfs nosuid,noexec,nodev,ro',
      '/sys/fs/cgroup cgroup nosuid,noexec,nodev,relatime,ro',
      '/dev/shm bind rbind,rprivate,rw',
      '/etc/hostname bind rbind,rprivate,rw',
      '/etc/resolv.conf bind rbind,rprivate,rw',
    ]);
  });

  const find = (input: ReturnType<typeof specInput>, destination: string, host = testHost) =>
    defaultMounts(input, host).find((m) => m.destination === destination);

  it('are writable in a privileged container, whose cgroup mount keeps the host’s flags', () => {
    const input = specInput({ linux: { securityContext: { privileged: true } } });
    expect(find(input, '/sys')?.options).toContain('rw');
    expect(find(input, '/sys/fs/cgroup')?.options).toEqual([
      'nosuid',
      'noexec',
      'nodev',
      'relatime',
      'rw',
      'nsdelegate',
    ]);
    expect(find(input, '/sys/fs/cgroup', { ...testHost, unifiedCgroups: false })?.options).not.toContain(
      'nsdelegate',
    );
  });

  it('take the host’s /dev/shm with the host’s IPC, else the pod’s', () => {
    expect(find(specInput(), '/dev/shm')?.source).toBe('gantry:shm');
    const host = specInput({ linux: { securityContext: { namespaceOptions: { ipc: 'NODE' } } } });
    expect(find(host, '/dev/shm')?.source).toBe('/dev/shm');
  });

  it('show the pod’s files read-only on a read-only root', () => {
    const input = specInput({ linux: { securityContext: { readonlyRootfs: true } } });
    expect(find(input, '/etc/hostname')).toMatchObject({
      source: '/pod/hostname',
      options: ['rbind', 'rprivate', 'ro'],
    });
  });

  it('bind the host’s /sys in a user namespace on the host’s network', () => {
    const input = { ...specInput(), netnsPath: '', usernsPath: '/run/userns/u' };
    expect(find(input, '/sys')).toMatchObject({
      type: 'bind',
      source: '/sys',
      options: expect.arrayContaining(['rro']),
    });
  });
});

describe('container mounts', () => {
  const mountAt = (containerPath: string, mount: MountInit) =>
    of([{ containerPath, ...mount }]).mounts.find(({ destination }) => destination === containerPath);

  const options: [string, MountInit, string[]][] = [
    ['plain', {}, ['rbind', 'rprivate', 'rw']],
    ['read-only', { readonly: true }, ['rbind', 'rprivate', 'ro']],
    ['recursively read-only', { readonly: true, recursiveReadOnly: true }, ['rbind', 'rprivate', 'rro']],
    [
      'host to container from a shared mount',
      { hostPath: '/shared/a', propagation: 'PROPAGATION_HOST_TO_CONTAINER' },
      ['rbind', 'rslave', 'rw'],
    ],
    [
      'host to container from a slave',
      { hostPath: '/slave/a', propagation: 'PROPAGATION_HOST_TO_CONTAINER' },
      ['rbind', 'rslave', 'rw'],
    ],
    [
      'bidirectional',
      { hostPath: '/shared/a', propagation: 'PROPAGATION_BIDIRECTIONAL' },
      ['rbind', 'rshared', 'rw'],
    ],
    ['with options', { mountOptions: ['noexec', 'nosuid'] }, ['rbind', 'rprivate', 'rw', 'noexec', 'nosuid']],
  ];
  it.each(options)('%s', (_name, mount, expected) => {
    const made = mountAt('/mnt', { hostPath: '/data', ...mount });
    expect(made).toMatchObject({ type: 'bind', options: expected });
  });

  it('follow a symbolic link on the host', () => {
    expect(mountAt('/mnt', { hostPath: '/link/x' })?.source).toBe('/target/x');
  });

  it('set the root’s propagation as far as needed', () => {
    const slave: MountInit = {
      hostPath: '/shared',
      containerPath: '/a',
      propagation: 'PROPAGATION_HOST_TO_CONTAINER',
    };
    const shared: MountInit = {
      hostPath: '/shared',
      containerPath: '/b',
      propagation: 'PROPAGATION_BIDIRECTIONAL',
    };
    expect(of([]).rootPropagation).toBeUndefined();
    expect(of([slave]).rootPropagation).toBe('rslave');
    expect(of([shared, slave]).rootPropagation).toBe('rshared');
  });

  it('replace defaults on the same place, and all below their own /dev', () => {
    const { mounts } = of([
      { hostPath: '/h', containerPath: '/etc/hostname/'.replace(/\/$/, '') },
      { hostPath: '/d', containerPath: '/dev' },
    ]);
    const at = (destination: string) =>
      mounts.filter((m) => m.destination === destination).map((m) => m.source);
    expect(at('/etc/hostname')).toEqual(['/h']);
    expect(at('/dev')).toEqual(['/d']);
    expect(mounts.some((m) => m.destination.startsWith('/dev/'))).toBe(false);
  });

  it('come by depth, so that none hides another, and otherwise as given', () => {
    const paths = ['/a/b/c', '/z', '/a', '/a/b'];
    const { mounts } = of(paths.map((containerPath) => ({ hostPath: '/x', containerPath })));
    const order = mounts.map((m) => m.destination).filter((path) => /^\/[az]/.test(path));
    expect(order).toEqual(['/z', '/a', '/a/b', '/a/b/c']);
  });

  it('carry id mappings', () => {
    const mapping = { hostId: 65536, containerId: 0, length: 1000 };
    const mappings = { uidMappings: [mapping], gidMappings: [mapping] };
    expect(mountAt('/y', { hostPath: '/x', ...mappings })).toMatchObject({
      uidMappings: [{ hostID: 65536, containerID: 0, size: 1000 }],
      gidMappings: [{ hostID: 65536, containerID: 0, size: 1000 }],
    });
  });

  it('over /etc do not hide the pod’s files there: those come after it', () => {
    const order = of([{ hostPath: '/data', containerPath: '/etc/' }]).mounts.map((m) => m.destination);
    expect(order.indexOf('/etc/')).toBeGreaterThan(-1);
    for (const file of ['/etc/hostname', '/etc/resolv.conf']) {
      expect(order.indexOf(file)).toBeGreaterThan(order.indexOf('/etc/'));
    }
  });

  it('show images, each under the number that it has among them, whatever the depth', () => {
    const image = { image: 'sha256:1' };
    const ids = [{ containerId: 0, hostId: 5, length: 9 }];
    const mounts = of([
      { containerPath: '/deep/below', image, mountOptions: ['noexec'] },
      { hostPath: '/data', containerPath: '/data' },
      { containerPath: '/top', image, uidMappings: ids, gidMappings: ids },
    ]).mounts.filter(({ source }) => source?.startsWith('gantry:image/'));
    const mapping = [{ containerID: 0, hostID: 5, size: 9 }];
    const options = ['rbind', 'rprivate', 'ro'];
    expect(mounts).toEqual([
      {
        destination: '/top',
        type: 'bind',
        source: 'gantry:image/1',
        options,
        uidMappings: mapping,
        gidMappings: mapping,
      },
      { destination: '/deep/below', type: 'bind', source: 'gantry:image/0', options: [...options, 'noexec'] },
    ]);
    expect(() => of([{ containerPath: 'relative', image }])).toThrow('is not an absolute path');
    expect(() => of([{ containerPath: '/x', image, mountOptions: ['uid=0'] }])).toThrow("'uid=0'");
  });

  const wrongs: [string, MountInit, string][] = [
    [
      'an absent source',
      { hostPath: '/missing/x' },
      'mount source /missing/x for /mnt does not exist on the host',
    ],
    ['a relative source', { hostPath: 'x' }, "mount source 'x' for /mnt is not an absolute path"],
    ['no source', { hostPath: '' }, 'is not an absolute path'],
    ['a relative target', { containerPath: 'mnt' }, "mount target 'mnt' is not an absolute path"],
    [
      'bidirectional from a private mount',
      { propagation: 'PROPAGATION_BIDIRECTIONAL' },
      "which is not a shared mount; 'mount --make-rshared /'",
    ],
    [
      'bidirectional from a slave',
      { hostPath: '/slave', propagation: 'PROPAGATION_BIDIRECTIONAL' },
      'which is not a shared mount',
    ],
    [
      'host to container from a private mount',
      { propagation: 'PROPAGATION_HOST_TO_CONTAINER' },
      'which is not a shared or slave mount',
    ],
    ['recursive without read-only', { recursiveReadOnly: true }, 'recursive_read_only without readonly'],
    [
      'recursive read-only with propagation',
      {
        hostPath: '/shared',
        readonly: true,
        recursiveReadOnly: true,
        propagation: 'PROPAGATION_HOST_TO_CONTAINER',
      },
      'recursive_read_only needs private propagation',
    ],
    [
      'an option of the file system',
      { mountOptions: ['uid=0'] },
      "mount option 'uid=0' of /mnt is not one of",
    ],
  ];
  it.each(wrongs)('refuse %s', (_name, mount, message) => {
    expect(() => of([{ hostPath: '/data', containerPath: '/mnt', ...mount }])).toThrow(message);
  });

  it('refuse what the kernel is too old for', () => {
    const old = { ...testHost, recursiveReadOnlyMounts: false, idMappedMounts: false };
    const mount: MountInit = { hostPath: '/x', containerPath: '/y' };
    expect(() => of([{ ...mount, readonly: true, recursiveReadOnly: true }], old)).toThrow('Linux 5.12');
    expect(() => of([{ ...mount, uidMappings: [{ length: 1 }] }], old)).toThrow('Linux 5.19');
  });
});
