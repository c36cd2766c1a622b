import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { native } from '../../src/base/index.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-binding-'));
});
afterAll(() => {
  // Whatever a failed test left mounted.
  for (const line of mounts().split('\n').reverse()) {
    const target = line.split(' ')[4];
    if (target?.startsWith(directory)) execFileSync('umount', ['-l', target]);
  }
  rmSync(directory, { recursive: true, force: true });
});

const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');
const inside = (netns: string, command: string): string =>
  execFileSync('nsenter', [`--net=${netns}`, 'sh', '-c', command], { encoding: 'utf8' });

describe('network namespaces', () => {
  test('lo is up, the file is a namespace of its own, taken names are refused, removal is idempotent', async () => {
    const path = join(directory, 'ns');
    await native().netnsCreate(path);
    expect(statSync(path).ino).not.toBe(statSync('/proc/self/ns/net').ino);
    expect(inside(path, 'ip -o addr show lo')).toContain('127.0.0.1/8');
    expect(inside(path, 'ip -o link')).toMatch(/lo: <LOOPBACK,UP,LOWER_UP>/);
    await expect(native().netnsCreate(path)).rejects.toMatchObject({ code: 'EEXIST', subject: path });
    expect(
      mounts()
        .split('\n')
        .filter((line) => line.includes(path)),
    ).toHaveLength(1);
    await native().netnsRemove(path);
    await native().netnsRemove(path);
    expect(existsSync(path)).toBe(false);
    expect(mounts()).not.toContain(path);
  });

  test('a mount stacked over the directory does not keep the namespace from going', async () => {
    const stacked = join(directory, 'stacked');
    mkdirSync(stacked);
    const path = join(stacked, 'ns');
    await native().netnsCreate(path);
    execFileSync('mount', ['--rbind', stacked, stacked]);
    await native().netnsRemove(path);
    expect(existsSync(path)).toBe(false);
    execFileSync('umount', [stacked]);
    expect(existsSync(path)).toBe(false);
    expect(mounts()).not.toContain(stacked);
  });

  test('many at once', async () => {
    const names = Array.from({ length: 20 }, (_, i) => join(directory, `many-${i}`));
    await Promise.all(names.map((name) => native().netnsCreate(name)));
    expect(new Set(names.map((name) => statSync(name).ino)).size).toBe(20);
    await Promise.all(names.map((name) => native().netnsRemove(name)));
    expect(mounts()).not.toContain('many-');
  });

  test('belongs to the user namespace that was named', async () => {
    const user = join(directory, 'user');
    const net = join(directory, 'net-of-user');
    await native().usernsCreate(user, '0 100000 65536\n', '0 200000 65536\n');
    expect(
      execFileSync('nsenter', [`--user=${user}`, 'cat', '/proc/self/uid_map'], { encoding: 'utf8' }),
    ).toMatch(/^\s*0\s+100000\s+65536\n$/);
    await native().netnsCreate(net, user);
    // Only in a namespace that it owns may the mapped root make links.
    const made = execFileSync(
      'nsenter',
      [`--user=${user}`, `--net=${net}`, 'sh', '-c', 'ip link add gntd0 type bridge && ip -o link'],
      {
        encoding: 'utf8',
      },
    );
    expect(made).toContain('gntd0');
    expect(made).toMatch(/lo: <LOOPBACK,UP,LOWER_UP>/);
    await native().netnsRemove(net);
    await native().usernsRemove(user);
    expect(mounts()).not.toContain(directory);
  });

  test('errors name what failed and leave no file', async () => {
    const net = join(directory, 'bad');
    await expect(native().netnsCreate(net, '/etc/passwd')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(native().netnsCreate(net, join(directory, 'nowhere'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(existsSync(net)).toBe(false);
    await expect(native().usernsCreate(net, 'nonsense', '0 0 1\n')).rejects.toMatchObject({ code: 'EINVAL' });
    expect(existsSync(net)).toBe(false);
  });
});

/** A process of its own, where the kernel makes no more threads: what would end it must not end the tests'. */
const withoutThreads = `
  import { readFileSync, writeFileSync } from 'node:fs';
  import { native } from ${JSON.stringify(join(import.meta.dirname, '../../src/base/index.ts'))};
  const attempt = () => native().netnsConnect('/proc/self/ns/net', 1).catch((error) => error.code);
  const before = await attempt();
  const [cgroup] = process.argv.slice(1);
  writeFileSync(cgroup + '/cgroup.procs', String(process.pid));
  writeFileSync(cgroup + '/pids.max', readFileSync(cgroup + '/pids.current', 'utf8').trim());
  console.log(before, await attempt());
`;

test('a namespace that no thread can enter is an error, not the end of the process', () => {
  const pids = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((place) => existsSync(place)) ?? '';
  const cgroup = join(pids, `gnt-binding-${process.pid}`);
  mkdirSync(cgroup);
  try {
    const arguments_ = ['--input-type=module', '--no-warnings', '-e', withoutThreads, cgroup];
    const said = execFileSync(process.execPath, arguments_, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(said.trim()).toBe('ECONNREFUSED EAGAIN');
  } finally {
    rmdirSync(cgroup);
  }
});

describe('the directory of network namespaces', () => {
  /** mountinfo's lines of `path` itself, uppermost last: their optional fields. */
  const propagation = (path: string, pid = 'self'): string[] =>
    readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      .split('\n')
      .filter((line) => line.split(' ')[4] === path)
      .map((line) => line.split(' - ')[0]?.split(' ').slice(6).join(' ') ?? '');

  /** A mount that the directory lies on. */
  function place(name: string, flags: string): string {
    const mount = join(directory, name);
    mkdirSync(mount);
    execFileSync('mount', ['-t', 'tmpfs', `--make-${flags}`, 'gnt-binding', mount]);
    return mount;
  }

  const group = (field: string | undefined): string => /shared:(\d+)/.exec(field ?? '')?.[1] ?? 'none';

  test.each([
    ['on a private mount', 'private', false],
    ['on a shared mount', 'shared', false],
    ['on a private mount, before Linux 5.12', 'private', true],
    ['on a shared mount, before Linux 5.12', 'shared', true],
  ])('%s', async (_name, flags, oldKernel) => {
    const mount = place(`${flags}-${oldKernel ? 'old' : 'new'}`, flags);
    const netns = join(mount, 'run', 'netns');
    // At once, as servers and `ip netns add` may.
    await Promise.all(Array.from({ length: 4 }, () => native().netnsDirectory(netns, oldKernel)));
    await native().netnsDirectory(netns, oldKernel);
    expect(statSync(netns).mode & 0o7777).toBe(0o755);
    expect(propagation(netns)).toEqual([expect.stringMatching(/^shared:\d+$/)]);
    const isPeer = group(propagation(netns)[0]) === group(propagation(mount)[0]);
    expect(isPeer).toBe(flags === 'shared' && oldKernel);

    // A container that has the directory mounted as a slave sees namespaces come and go.
    const slave = spawn('unshare', ['--mount', '--propagation', 'slave', 'sleep', '60']);
    await vi.waitFor(() => expect(readFileSync(`/proc/${slave.pid}/cmdline`, 'utf8')).toMatch(/^sleep/));
    try {
      const path = join(netns, 'ns');
      await native().netnsCreate(path);
      expect(propagation(path, `${slave.pid}`)).not.toEqual([]);
      await native().netnsRemove(path);
      expect(propagation(path, `${slave.pid}`)).toEqual([]);
      expect(existsSync(path)).toBe(false);
    } finally {
      slave.kill();
    }
  });

  test('what is bound there already stays reachable, and is removed', async () => {
    const netns = join(place('before', 'private'), 'netns');
    mkdirSync(netns);
    const path = join(netns, 'older');
    await native().netnsCreate(path);
    const { ino } = statSync(path);
    await native().netnsDirectory(netns);
    expect(statSync(path).ino).toBe(ino);
    await native().netnsRemove(path);
    expect(existsSync(path)).toBe(false);
    expect(mounts()).not.toContain(path);
  });

  test('`ip netns add` finds it done', async () => {
    const run = place('iproute2', 'private');
    await native().netnsDirectory(join(run, 'netns'));
    const count = 'cut -d " " -f 5 /proc/self/mountinfo | grep -cx /run/netns';
    const script = `mount --rbind "$1" /run; ${count}; ip netns add gnt-test; ${count}; ip netns list`;
    const shown = execFileSync('unshare', ['--mount', 'sh', '-euc', script, 'sh', run], { encoding: 'utf8' });
    expect(shown).toMatch(/^(\d+)\n\1\ngnt-test\n$/);
  });

  test('errors name what is in the way', async () => {
    const file = join(directory, 'in-the-way');
    writeFileSync(file, '');
    await expect(native().netnsDirectory(join(file, 'netns'))).rejects.toMatchObject({
      code: 'ENOTDIR',
      subject: join(file, 'netns'),
    });
    await expect(native().netnsDirectory(file)).rejects.toMatchObject({ code: 'ENOTDIR', subject: file });
  });
});

describe('EROFS mounts', () => {
  test('read-only, with devices and set-user-ID intact; unmounting is idempotent', async () => {
    const tree = join(directory, 'tree');
    const image = join(directory, 'image.erofs');
    const target = join(directory, 'target');
    mkdirSync(tree);
    mkdirSync(target);
    writeFileSync(join(tree, 'file'), 'content');
    execFileSync('mkfs.erofs', ['--quiet', image, tree]);
    await native().mountErofs(image, target);
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('content');
    const line = mounts()
      .split('\n')
      .find((entry) => entry.includes(target));
    expect(line).toMatch(/ ro[, ].* - erofs /);
    expect(line).not.toMatch(/nosuid|nodev|shared:/);
    expect(() => writeFileSync(join(target, 'file'), 'x')).toThrow(/EROFS/);
    await native().unmount(target);
    await native().unmount(target);
    expect(mounts()).not.toContain(target);
  });

  test('a store where file-backed mounts do not work falls back to a loop device that clears itself', async () => {
    // A file on overlayfs: ENOTBLK on any kernel.
    const base = join(directory, 'overlay');
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(base, name), { recursive: true });
    const merged = join(base, 'merged');
    const target = join(directory, 'loop-target');
    mkdirSync(target);
    execFileSync('mount', [
      '-t',
      'overlay',
      '-o',
      `lowerdir=${base}/lower,upperdir=${base}/upper,workdir=${base}/work`,
      'overlay',
      merged,
    ]);
    try {
      execFileSync('mkfs.erofs', ['--quiet', join(merged, 'image'), join(directory, 'tree')]);
      await native().mountErofs(join(merged, 'image'), target);
      expect(readFileSync(join(target, 'file'), 'utf8')).toBe('content');
      const source = mounts()
        .split('\n')
        .find((entry) => entry.includes(target))
        ?.split(' - ')[1]
        ?.split(' ')[1];
      expect(source).toMatch(/^\/dev\/loop\d+$/);
      await native().unmount(target);
      expect(execFileSync('losetup', ['-a'], { encoding: 'utf8' })).not.toContain(merged);
    } finally {
      execFileSync('umount', ['-l', merged]);
    }
  });

  test('a file that is no image gives an error with the kernel’s words and no mount', async () => {
    const file = join(directory, 'garbage');
    const target = join(directory, 'garbage-target');
    mkdirSync(target);
    writeFileSync(file, Buffer.alloc(65536, 7));
    await expect(native().mountErofs(file, target)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(native().mountErofs(join(directory, 'absent'), target)).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(mounts()).not.toContain(target);
    expect(execFileSync('losetup', ['-a'], { encoding: 'utf8' })).not.toContain(file);
  });
});

test('fs-verity says plainly when the kernel has none', async () => {
  const file = join(directory, 'verity');
  writeFileSync(file, 'content');
  const fd = openSync(file, 'r');
  try {
    await native().fsVerityEnable(fd);
    expect(native().fsVerityMeasure(fd)).toMatch(/^sha256:[0-9a-f]{64}$/);
  } catch (error) {
    expect(error).toMatchObject({ code: 'EOPNOTSUPP' });
    expect(() => native().fsVerityMeasure(fd)).toThrow(/fs-verity/);
  } finally {
    closeSync(fd);
  }
});
