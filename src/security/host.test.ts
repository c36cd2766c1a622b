import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContainerConfigInit, complete, type DeviceInit } from '../cri-types/index.ts';
import { containerDevices } from './devices.ts';
import { isAtLeast, parseBoundingSet } from './host-facts.ts';
import { lookUpHost, propagationOf } from './host-lookups.ts';
import { testLookups } from './testing.ts';

describe('devices', () => {
  const of = (device: DeviceInit, privileged = false) =>
    containerDevices([complete('Device', device)], privileged, testLookups);

  it('are the node and a rule for it, after the denial of everything', () => {
    const { devices, rules } = of({ hostPath: '/dev/fuse', containerPath: '/dev/x', permissions: 'rw' });
    expect(devices).toEqual([
      { path: '/dev/x', type: 'c', major: 10, minor: 229, fileMode: 0o660, uid: 0, gid: 44 },
    ]);
    expect(rules[0]).toEqual({ allow: false, access: 'rwm' });
    expect(rules.at(-1)).toEqual({ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' });
  });

  it('of every container: null, zero, full, the random ones, tty, ptmx, pts; other nodes may only be made', () => {
    const { devices, rules } = of({ hostPath: '/dev/fuse', permissions: 'r' });
    expect(devices).toHaveLength(1);
    const usable = rules.filter((rule) => rule.allow && rule.access === 'rwm');
    expect(usable.map(({ type, major, minor }) => `${type} ${major}:${minor ?? '*'}`)).toEqual([
      'c 1:3',
      'c 1:5',
      'c 1:7',
      'c 1:8',
      'c 1:9',
      'c 5:0',
      'c 5:2',
      'c 136:*',
    ]);
    expect(rules.filter((rule) => rule.access === 'm').map((rule) => rule.type)).toEqual(['c', 'b']);
  });

  it('may be a directory of nodes', () => {
    const { devices } = of({ hostPath: '/dev/snd', containerPath: '/dev/audio', permissions: 'rwm' });
    expect(devices.map((d) => d.path)).toEqual(['/dev/audio/a', '/dev/audio/sub/b']);
  });

  it('keep their name when no other is given', () => {
    expect(of({ hostPath: '/dev/fuse', permissions: 'r' }).devices[0]?.path).toBe('/dev/fuse');
  });

  it('are all of the host’s in a privileged container, each once', () => {
    const { devices, rules } = of(
      { hostPath: '/dev/fuse', containerPath: '/dev/fuse', permissions: 'r' },
      true,
    );
    expect(devices.map((d) => d.path)).toEqual(['/dev/fuse', '/dev/kvm']);
    expect(rules).toEqual([{ allow: true, access: 'rwm' }]);
  });

  const wrongs: [string, DeviceInit, string][] = [
    ['an absent one', { hostPath: '/missing', permissions: 'r' }, 'device /missing does not exist'],
    ['what is no device', { hostPath: '/etc', permissions: 'r' }, '/etc is no device and holds none'],
    [
      'strange permissions',
      { hostPath: '/dev/fuse', permissions: 'rx' },
      "device permissions 'rx' of /dev/fuse",
    ],
    ['no permissions', { hostPath: '/dev/fuse' }, 'are not letters of rwm'],
  ];
  it.each(wrongs)('refuse %s', (_name, device, message) => {
    expect(() => of(device)).toThrow(message);
  });
});

describe('the real host', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-cri-host-'));
    mkdirSync(join(directory, 'dev', 'sub'), { recursive: true });
    execFileSync('mknod', ['-m', '0640', join(directory, 'dev', 'sub', 'c'), 'c', '300', '70000']);
    execFileSync('mknod', [join(directory, 'dev', 'b'), 'b', '7', '3']);
    writeFileSync(join(directory, 'dev', 'file'), '');
    symlinkSync('dev', join(directory, 'link'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const look = (config: ContainerConfigInit) =>
    lookUpHost(complete('ContainerConfig', config), '', new AbortController().signal);

  it('gives every node of a directory, large numbers too', async () => {
    const lookups = await look({
      devices: ['link', 'none', 'dev/file'].map((name) => ({ hostPath: join(directory, name) })),
    });
    expect(lookups.realPath(join(directory, 'link'))).toBe(join(directory, 'dev'));
    const devices = lookups.devices(join(directory, 'dev'));
    expect(devices).toHaveLength(2);
    expect(devices).toContainEqual({
      path: join(directory, 'dev/sub/c'),
      type: 'c',
      major: 300,
      minor: 70000,
      mode: 0o640,
      uid: 0,
      gid: 0,
    });
    expect(devices).toContainEqual(expect.objectContaining({ type: 'b', major: 7, minor: 3 }));
    expect(lookups.devices(join(directory, 'none'))).toBeUndefined();
    expect(lookups.devices(join(directory, 'dev/file'))).toEqual([]);
  });

  it('resolves links of what is mounted, and makes directories that are absent', async () => {
    const [link, none] = [join(directory, 'link', 'b'), join(directory, 'none', 'below')];
    const lookups = await look({
      mounts: [link, none].map((hostPath) => ({ hostPath, containerPath: '/m' })),
    });
    expect(lookups.realPath(link)).toBe(join(directory, 'dev', 'b'));
    expect(lookups.realPath(none)).toBe(none);
    expect(lookups.realPath('/etc')).toBeUndefined();
    expect(statSync(none).mode & 0o7777).toBe(0o755);
  });

  it('names mounts that cannot be made', async () => {
    symlinkSync('nowhere', join(directory, 'dangling'));
    const below = join(directory, 'dev/file/below');
    await expect(look({ mounts: [{ hostPath: below, containerPath: '/mnt' }] })).rejects.toThrow(
      `mount source ${below} for /mnt does not exist on the host and cannot be made (ENOTDIR)`,
    );
    await expect(
      look({ mounts: [{ hostPath: join(directory, 'dangling'), containerPath: '/mnt' }] }),
    ).rejects.toThrow('dangling for /mnt does not exist on the host and cannot be made (EEXIST)');
    expect(existsSync(join(directory, 'nowhere'))).toBe(false);
  });

  it('leaves alone what is not absolute, or where an image is shown', async () => {
    const lookups = await look({
      mounts: [
        { hostPath: 'relative', containerPath: '/a' },
        { hostPath: '', containerPath: '/b', image: { image: 'x' } },
      ],
    });
    expect(lookups.realPath('relative')).toBeUndefined();
    expect(existsSync('relative')).toBe(false);
  });

  it('gives the seccomp profile that is asked for, and no other file', async () => {
    const profile = join(directory, 'profile.json');
    writeFileSync(profile, '{}');
    const localhost = (localhostRef: string) => ({
      linux: { securityContext: { seccomp: { profileType: 'Localhost' as const, localhostRef } } },
    });
    expect((await look(localhost(profile))).readText(profile)).toBe('{}');
    const absent = join(directory, 'absent.json');
    const lookups = await look(localhost(absent));
    expect(() => lookups.readText(absent)).toThrow('ENOENT');
    expect(() => lookups.readText('/etc/passwd')).toThrow('was not read');
  });
});

describe('propagation', () => {
  const mountinfo = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '23 22 8:2 / /var rw shared:5 - ext4 /dev/sda2 rw',
    '24 23 8:3 / /var/lib rw master:5 - ext4 /dev/sda3 rw',
    '25 22 8:4 / /a\\040b rw shared:7 master:1 - ext4 /dev/sda4 rw',
    '26 23 8:5 / /var rw - ext4 /dev/sda5 rw',
  ].join('\n');
  it.each([
    ['/etc', 'private', '/'],
    ['/var/lib/x', 'slave', '/var/lib'],
    ['/var/libx', 'private', '/var'],
    ['/a b/c', 'shared', '/a b'],
  ])('%s is on a %s mount', (path, kind, mountPoint) => {
    expect(propagationOf(path, mountinfo)).toEqual({ kind, mountPoint });
  });
});

describe('facts', () => {
  it('read the bounding set', () => {
    expect(parseBoundingSet('CapEff:\t0\nCapBnd:\t0000000000000021\n')).toEqual(['CAP_CHOWN', 'CAP_KILL']);
    expect(parseBoundingSet('CapBnd:\t000001ffffffffff\n')).toHaveLength(41);
  });

  it.each([
    ['5.10.0-28-amd64', 5, 10, true],
    ['5.10.0', 5, 12, false],
    ['6.1', 5, 19, true],
    ['4.18.0-x', 5, 1, false],
  ])('%s against %i.%i', (kernel, major, minor, expected) => {
    expect(isAtLeast(kernel, major, minor)).toBe(expected);
  });
});
