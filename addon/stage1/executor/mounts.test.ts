import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciMount, OciSpec } from '../../../src/base/index.ts';
import { makeRoot, onHost, Workshop } from './testing/bundle.ts';

let shop: Workshop;
beforeAll(() => {
  shop = new Workshop();
});
afterAll(() => shop.dispose());

const withMounts = (script: string, ...mounts: OciMount[]): OciSpec =>
  shop.script(script, (spec) => {
    spec.mounts.push(...mounts);
  });
const bind = (source: string, destination: string, ...options: string[]): OciMount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options],
});
const optionsOf = (path: string): string => `grep ' ${path} ' /proc/self/mountinfo | cut -d' ' -f6`;

describe('attributes', () => {
  test.each([
    [['ro'], 'ro,relatime'],
    [['rw', 'nosuid', 'noexec'], 'rw,nosuid,noexec,relatime'],
    [['nodev', 'noatime', 'nodiratime'], 'rw,nodev,noatime,nodiratime'],
    [['strictatime'], 'rw'],
    [['noatime', 'relatime'], 'rw,relatime'],
    [['ro', 'rw'], 'rw,relatime'],
    [['nosymfollow'], 'rw,relatime,nosymfollow'],
  ])('%j of a bound directory', (options, expected) => {
    const spec = withMounts(optionsOf('/tmp/b'), bind(shop.newDirectory('source'), '/tmp/b', ...options));
    for (const oldKernel of [false, true]) {
      expect(shop.run(spec, { oldKernel })).toEqual({ status: 0, stdout: `${expected}\n`, stderr: '' });
    }
  });

  test('rro makes everything below read-only, ro only the top', () => {
    const volume = shop.newDirectory('volume');
    const look = 'touch /tmp/b/x 2>&1; touch /tmp/b/below/x 2>&1; true';
    const commands = ['ro', 'rro'].map((option) =>
      shop.command(withMounts(look, bind(volume, '/tmp/b', option))),
    );
    const done = onHost(
      'private',
      `mkdir ${volume}/below; mount -t tmpfs t ${volume}/below; ${commands.join(';')}`,
    );
    const refused = (path: string): string => `touch: ${path}: Read-only file system\n`;
    expect(done.stdout).toBe(refused('/tmp/b/x') + refused('/tmp/b/x') + refused('/tmp/b/below/x'));
  });

  test('recursive attributes are refused by name where the kernel has none', () => {
    const spec = withMounts('true', bind(shop.newDirectory('source'), '/tmp/b', 'rro'));
    expect(shop.run(spec, { oldKernel: true }).stderr).toContain(
      '/tmp/b: Operation not supported (recursive mount attributes',
    );
  });
});

describe('file systems', () => {
  test('a tmpfs takes the mode of the directory under it, or is a copy of it (tmpcopyup)', () => {
    const root = makeRoot(shop.newDirectory('root'));
    mkdirSync(join(root, 'var/lib'), { recursive: true, mode: 0o755 });
    execFileSync('chmod', ['1711', join(root, 'var')]);
    writeFileSync(join(root, 'var/file'), 'text');
    symlinkSync('file', join(root, 'var/link'));
    const tmpfs = (options: string[]): OciSpec => {
      const mounts = { destination: '/var', type: 'tmpfs', source: 'tmpfs', options };
      const spec = withMounts('stat -c "%a %n" /var; ls -l /var | cut -c1-10; cat /var/link', mounts);
      return { ...spec, root: { path: root } };
    };
    expect(shop.run(tmpfs([])).stdout.split('\n')[0]).toBe('1711 /var');
    const copied = shop.run(tmpfs(['tmpcopyup', 'ro']));
    expect(copied).toEqual({
      status: 0,
      stdout: '1711 /var\ntotal 4\n-rw-r--r--\ndrwxr-xr-x\nlrwxrwxrwx\ntext',
      stderr: '',
    });
    expect(readdirSync(join(root, 'var')).sort()).toEqual(['file', 'lib', 'link']);
  });

  test('a wrong option is named, in the kernel’s words', () => {
    const wrong = withMounts('true', {
      destination: '/tmp/t',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['size=many'],
    });
    expect(shop.run(wrong).stderr).toContain(
      "fsconfig tmpfs size=many: Invalid argument (tmpfs: Bad value for 'size')",
    );
    const unknown = withMounts('true', { destination: '/tmp/t', type: 'nosuchfs', source: 'none' });
    expect(shop.run(unknown).stderr).toContain('fsopen nosuchfs: No such device (the kernel does not know');
  });

  test('an existing mount is changed by "remount"', () => {
    const tmpfs = { destination: '/tmp', type: 'tmpfs', source: 'tmpfs' };
    const spec = withMounts(optionsOf('/tmp'), tmpfs, { ...tmpfs, options: ['remount', 'ro', 'noexec'] });
    expect(shop.run(spec).stdout).toBe('ro,noexec,relatime\n');
  });
});

describe('destinations', () => {
  test('are made when missing: directories, files, whole paths', () => {
    const root = makeRoot(shop.newDirectory('root'));
    const spec = withMounts(
      'cat /new/place/issue; ls -d /new/dir',
      bind('/etc/issue', '/new/place/issue'),
      bind('/etc', '/new/dir'),
    );
    expect(shop.run({ ...spec, root: { path: root } }).stdout).toBe(
      `${readFileSync('/etc/issue', 'utf8')}/new/dir\n`,
    );
    expect(statSync(join(root, 'new/place')).mode & 0o7777).toBe(0o755);
  });

  test('never lead out of the root, through no link of an image', () => {
    const root = makeRoot(shop.newDirectory('root'));
    const outside = shop.newDirectory('outside');
    mkdirSync(join(root, 'links'));
    symlinkSync(outside, join(root, 'links/absolute'));
    symlinkSync(`../../../../../../../../..${outside}`, join(root, 'links/relative'));
    symlinkSync('/made/by/link', join(root, 'links/dangling'));
    symlinkSync('loop', join(root, 'links/loop'));
    const spec = withMounts(
      `for i in ${outside}/a ${outside}/b /made/by/link/c; do ls $i | head -1; done`,
      bind('/etc/ssl', '/links/absolute/a'),
      bind('/etc/ssl', '/links/relative/b'),
      bind('/etc/ssl', '/links/dangling/c'),
    );
    const done = shop.run({ ...spec, root: { path: root } });
    expect(done.stderr).toBe('');
    expect(done.stdout).toBe('certs\n'.repeat(3));
    // On the host nothing was made: what the links name exists only inside.
    expect(readdirSync(outside)).toEqual([]);
    const looped = withMounts('true', bind('/etc', '/links/loop/x'));
    expect(shop.run({ ...looped, root: { path: root } }).stderr).toContain(
      '/links/loop/x: Too many levels of symbolic links',
    );
  });

  test('are where a link of the image leads, also one that leads to nothing yet', () => {
    const root = makeRoot(shop.newDirectory('root'));
    symlinkSync('/usr/share/zoneinfo/Nowhere', join(root, 'localtime'));
    symlinkSync('../run/resolver/stub', join(root, 'tmp/resolv.conf'));
    symlinkSync('/made/directory', join(root, 'place'));
    const spec = withMounts(
      'for i in /localtime /tmp/resolv.conf /usr/share/zoneinfo/Nowhere /run/resolver/stub; do cat $i; done; ls -d /place/certs',
      bind('/etc/issue', '/localtime'),
      bind('/etc/issue', '/tmp/resolv.conf'),
      bind('/etc/ssl', '/place'),
    );
    const done = shop.run({
      ...spec,
      root: { path: root },
      process: { ...spec.process, cwd: '/place/certs' },
    });
    expect(done.stderr).toBe('');
    expect(done.stdout).toBe(`${readFileSync('/etc/issue', 'utf8').repeat(4)}/place/certs\n`);
  });

  test('proc and sysfs go to plain directories only', () => {
    const root = makeRoot(shop.newDirectory('root'));
    execFileSync('rmdir', [join(root, 'proc')]);
    mkdirSync(join(root, 'elsewhere'));
    symlinkSync('elsewhere', join(root, 'proc'));
    const done = shop.run({ ...shop.script('true'), root: { path: root } });
    expect(done.stderr).toContain(
      'mount /proc: Not a directory (a proc file system can be mounted only on a plain directory)',
    );
  });

  test.each([
    ['/', 'nothing can be mounted over a container'],
    ['/proc', 'only a proc file system can be mounted on /proc'],
    ['/proc/sys', 'nothing can be mounted inside of /proc'],
    ['/tmp/../proc/self', 'nothing can be mounted inside of /proc'],
  ])('%s is refused', (destination, why) => {
    const done = shop.run(withMounts('true', bind('/etc', destination)));
    expect(done.status).toBe(125);
    expect(done.stderr).toContain(why);
  });

  test('what lxcfs emulates is allowed in /proc', () => {
    const file = shop.path('uptime');
    writeFileSync(file, '7 7\n');
    expect(shop.run(withMounts('cat /proc/uptime', bind(file, '/proc/uptime'))).stdout).toBe('7 7\n');
  });

  test('a missing one in a read-only root is named', () => {
    const root = shop.newDirectory('root');
    const command = shop.command({ ...withMounts('true', bind('/etc', '/missing')), root: { path: root } });
    makeRoot(root);
    const done = onHost(
      'private',
      `mount --bind ${root} ${root}; mount -o remount,bind,ro ${root}; ${command}`,
    );
    expect(done.stderr).toContain(
      '/missing: Read-only file system (the mount point does not exist and the root is read-only)',
    );
  });
});

describe('sources', () => {
  test('one that is missing is named', () => {
    const done = shop.run(withMounts('true', bind('/no/such/thing', '/tmp/x')));
    expect(done.stderr).toContain(
      'open_tree /no/such/thing: No such file or directory (the source of a mount does not exist',
    );
  });

  test('a file does not go onto a directory', () => {
    const done = shop.run(withMounts('true', bind('/etc/issue', '/tmp')));
    expect(done.stderr).toContain(
      'move_mount /tmp: Not a directory (a directory can be mounted only on a directory',
    );
  });

  test('a relative one is the bundle’s', () => {
    const spec = withMounts('cat /tmp/c', bind('config.json', '/tmp/c'));
    expect(JSON.parse(shop.run(spec).stdout)).toEqual(spec);
  });

  test('ID-mapped: owners appear as the mappings say', () => {
    const volume = shop.newDirectory('volume');
    writeFileSync(join(volume, 'file'), '');
    execFileSync('chown', ['1000:2000', join(volume, 'file')]);
    const mapped: OciMount = {
      ...bind(volume, '/tmp/m', 'ridmap'),
      uidMappings: [{ containerID: 1000, hostID: 7, size: 1 }],
      gidMappings: [{ containerID: 2000, hostID: 8, size: 1 }],
    };
    expect(shop.run(withMounts('stat -c "%u %g" /tmp/m/file', mapped)).stdout).toBe('7 8\n');
    const without = withMounts('true', bind(volume, '/tmp/m', 'idmap'));
    expect(shop.run(without).stderr).toContain('"idmap" needs uidMappings and gidMappings');
  });
});

describe('masked and read-only paths', () => {
  test('files are empty, directories too, the rest cannot be written', () => {
    const volume = shop.newDirectory('volume');
    writeFileSync(join(volume, 'secret'), 'secret');
    mkdirSync(join(volume, 'dir/sub'), { recursive: true });
    mkdirSync(join(volume, 'fixed'));
    const look =
      'cat /tmp/v/secret; ls /tmp/v/dir; touch /tmp/v/dir/x; touch /tmp/v/fixed/x; touch /tmp/v/free';
    for (const oldKernel of [false, true]) {
      const spec = withMounts(look, bind(volume, '/tmp/v'));
      spec.linux.maskedPaths = [
        '/tmp/v/secret',
        '/tmp/v/dir',
        '/tmp/v/../v/secret',
        '/not/there',
        '/proc/keys',
        '/sys/firmware',
      ];
      spec.linux.readonlyPaths = ['/tmp/v/fixed', '/not/there', '/tmp/v/secret/not/there'];
      const done = shop.run(spec, { oldKernel });
      expect(done.stdout).toBe('');
      expect(done.stderr).toBe(
        'touch: /tmp/v/dir/x: Read-only file system\ntouch: /tmp/v/fixed/x: Read-only file system\n',
      );
    }
  });
});
