import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OciSpec } from '../../../src/base/index.ts';
import { compile, makeRoot, type RunOptions, Workshop } from './testing/bundle.ts';

let shop: Workshop;
let mounted: string[] = [];
beforeAll(() => {
  shop = new Workshop();
});
afterAll(() => shop.dispose());
beforeEach(() => {
  mounted = [];
});
afterEach(() => {
  for (const path of mounted) execFileSync('umount', [path]);
});

const hex = (digit: string): string => digit.repeat(64);

const pod = (changes: object = {}): object => ({
  contractVersion: 1,
  id: hex('a'),
  owner: 'cri',
  flavor: 'namespaces',
  controlSocket: '/run/unused/ctl',
  hostname: 'pod-host',
  namespaces: { ipc: 'pod', uts: 'pod', pid: 'pod' },
  cgroup: { driver: 'cgroupfs', path: '' },
  sysctls: {},
  shmSize: 1 << 25,
  apps: [],
  ...changes,
});

const app = (rootfs: object, changes: object = {}): object => ({
  contractVersion: 1,
  id: hex('b'),
  name: 'app',
  rootfs,
  stdin: false,
  stdinOnce: false,
  log: { kind: 'none' },
  stopSignal: 15,
  pid: 'pod',
  after: [],
  probes: [],
  ...changes,
});

const layer = (mountpoint: string): object => ({
  mountpoint,
  digest: `sha256:${hex('0')}`,
  file: '/none',
  format: 'directory',
});

const podShm = (spec: OciSpec): void => {
  const shm = spec.mounts.find(({ destination }) => destination === '/dev/shm');
  Object.assign(shm ?? {}, { type: 'bind', source: 'gantry:shm', options: ['nosuid', 'noexec', 'nodev'] });
};

const kernels: readonly RunOptions[] = [{ oldKernel: false }, { oldKernel: true }];

/** A user namespace of 65536 users from 200000 on, and a network namespace in it, bound as stage0 does it. */
function userNamespace(): { user: string; network: string } {
  const [user, network] = [shop.path('user'), shop.path('net')];
  writeFileSync(user, '');
  writeFileSync(network, '');
  const script = `
    unshare --user --net sleep 60 & pid=$!
    for i in $(seq 100); do [ "$(readlink /proc/$pid/ns/user)" != "$(readlink /proc/self/ns/user)" ] && break; sleep 0.02; done
    echo '0 200000 65536' > /proc/$pid/uid_map; echo '0 200000 65536' > /proc/$pid/gid_map
    mount --bind /proc/$pid/ns/user ${user}; mount --bind /proc/$pid/ns/net ${network}; kill $pid; wait`;
  execFileSync('bash', ['-c', script], { stdio: 'ignore' });
  mounted.push(user, network);
  return { user, network };
}

/** The workshop's root, owned by that namespace's root. */
function ownedRoot(): object {
  const path = shop.path('owned');
  execFileSync('cp', ['-a', shop.root, path]);
  execFileSync('chown', ['-R', '200000:200000', path]);
  return app({ kind: 'directory', path });
}

describe.each(kernels)('a pod (as on an old kernel: $oldKernel)', ({ oldKernel = false }) => {
  const run = (spec: OciSpec, options: RunOptions) => shop.run(spec, { ...options, oldKernel });

  test('shares hostname, sysctls, /dev/shm and a PID 1 that nobody can look into', () => {
    const look = `hostname; cat /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max; grep ' /dev/shm ' /proc/self/mountinfo | sed 's/.* - //'
      stat -c %a /dev/shm; cat /proc/1/comm; ls /proc/1/root 2>&1; ls /proc/1/fd 2>&1; cat /proc/1/environ 2>&1; grep -E 'Cap(Prm|Bnd)' /proc/1/status
      kill -TERM 1; kill -KILL 1; (sleep 0.1 &); sleep 0.3; ps -o pid,stat,comm | grep -c Z; readlink /proc/1/ns/net`;
    const spec = shop.script(look, (copy) => {
      podShm(copy);
      copy.process.capabilities = {
        bounding: ['CAP_KILL'],
        effective: ['CAP_KILL'],
        permitted: ['CAP_KILL'],
      };
    });
    const done = run(spec, {
      pod: pod({ sysctls: { 'kernel.shmmax': '12345678', 'fs.mqueue.msg_max': '20' } }),
      app: app({ kind: 'directory', path: shop.root }),
    });
    expect(done.stdout.split('\n').slice(0, 10)).toEqual([
      ...['pod-host', '12345678', '20', 'tmpfs shm rw,size=32768k', '1777', 'gantry-init'],
      'ls: /proc/1/root: Permission denied',
      "cat: can't open '/proc/1/environ': Permission denied",
      ...['CapPrm:\t0000000000000000', 'CapBnd:\t0000000000000000'],
    ]);
    expect(done.stdout.split('\n')[10]).toBe('0');
  });

  test('labels its /dev/shm for SELinux with the app’s mount label', () => {
    compile(
      `#include <stdio.h>
       #include <sys/xattr.h>
       int main(void) { char label[99] = {0}; getxattr("/dev/shm", "security.selinux", label, 98); puts(label); }`,
      join(shop.root, 'bin/label'),
    );
    const spec = shop.script('label', (copy) => {
      podShm(copy);
      copy.mounts = copy.mounts.filter(({ type }) => !['tmpfs', 'devpts', 'cgroup'].includes(type ?? ''));
      copy.linux.maskedPaths = [];
      copy.linux.mountLabel = 'system_u:object_r:container_file_t:s0:c1,c2';
    });
    const root = app({ kind: 'directory', path: shop.root });
    const labelled = { status: 0, stdout: 'system_u:object_r:container_file_t:s0:c1,c2\n', stderr: '' };
    expect(run(spec, { pod: pod(), app: root })).toEqual(labelled);
    const namespaces = { ...userNamespace(), ipc: 'pod', uts: 'pod', pid: 'pod' };
    expect(run(spec, { pod: pod({ namespaces }), app: ownedRoot() })).toEqual(labelled);
  });

  test('mounts all that it makes with SELinux’s context, which a kernel without refuses by name', () => {
    const label = 'system_u:object_r:container_file_t:s0:c1,c2';
    const bare = (change: (copy: OciSpec) => void): OciSpec =>
      shop.script('true', (copy) => {
        copy.mounts = copy.mounts.filter(({ type }) => type === 'proc');
        copy.linux.maskedPaths = [];
        copy.linux.mountLabel = label;
        change(copy);
      });
    const only = (type: string): OciSpec =>
      bare((copy) => {
        copy.mounts.push(...shop.base.mounts.filter((mount) => mount.type === type).slice(0, 1));
      });
    const root = app({ kind: 'directory', path: shop.root });
    const layers = [layer(shop.root)];
    const overlay = app({ kind: 'layers', layers, writable: shop.newDirectory('writable') });
    const mask = bare((copy) => {
      copy.linux.maskedPaths = ['/etc'];
    });
    const cases: [string, OciSpec, object][] = [
      ['tmpfs', only('tmpfs'), root],
      ['devpts', only('devpts'), root],
      ['tmpfs', only('cgroup'), root],
      ['tmpfs', mask, root],
      ['overlay', bare(() => undefined), overlay],
    ];
    const userns = pod({ namespaces: { ...userNamespace(), ipc: 'pod', uts: 'pod', pid: 'pod' } });
    const owned = ownedRoot();
    for (const [type, spec, manifest] of cases) {
      const refused = `${type} context=${label}: Invalid argument`;
      expect(run(spec, { pod: pod(), app: manifest }).stderr).toContain(refused);
      const inside = manifest === root ? owned : manifest;
      expect(run(spec, { pod: userns, app: inside }).stderr).toContain(refused);
    }
    expect(
      run(
        bare(() => undefined),
        { pod: pod(), app: root },
      ).status,
    ).toBe(0);
  });

  test('stacks many layers, whiteouts included, topmost last in the manifest', () => {
    const layers = Array.from({ length: 100 }, (_, index) => {
      const path = shop.newDirectory(`layer-${index}`);
      writeFileSync(join(path, `file-${index}`), '');
      writeFileSync(join(path, 'which'), `${index}\n`);
      return path;
    });
    const [first = '', last = ''] = [layers[0], layers.at(-1)];
    makeRoot(first);
    execFileSync('mknod', [join(last, 'file-3'), 'c', '0', '0']);
    chmodSync(last, 0o751);
    const writable = shop.newDirectory('writable');
    const rootfs = { kind: 'layers', layers: layers.map(layer), writable };
    const spec = shop.script(
      'ls / | grep -c file-; cat /which; stat -c %a /; echo new > /which; touch /new; ls /file-3',
    );
    const done = run(spec, { pod: pod(), app: app(rootfs) });
    expect(done.stdout).toBe('99\n99\n755\n');
    expect(done.stderr).toContain('/file-3: No such file');
    expect(readdirSync(join(writable, 'upper')).sort()).toEqual(expect.arrayContaining(['new', 'which']));
    // Again, on what was left: the same root once more.
    const again = run(shop.script('cat /which; ls /new'), { pod: pod(), app: app(rootfs) });
    expect(again.stdout).toBe('new\n/new\n');
  });

  test('finds mount points below all layers, and makes none of them in its writable layer', () => {
    const [one, below] = [makeRoot(shop.newDirectory('one')), shop.newDirectory('below')];
    const [writable, text] = [shop.newDirectory('writable'), join(shop.newDirectory('text'), 'text')];
    writeFileSync(text, 'mounted');
    mkdirSync(join(below, 'opt'));
    writeFileSync(join(below, 'opt/file'), '');
    writeFileSync(join(below, 'etc'), 'hidden by the directory of the layer');
    const spec = shop.script('cat /opt/file; ls -d /etc/.; echo x > /opt/mine', (copy) => {
      copy.mounts.push({ destination: '/opt/file', type: 'bind', source: text, options: ['bind'] });
    });
    const rootfs = { kind: 'layers', layers: [layer(one)], writable, mountPoints: below };
    const done = run(spec, { pod: pod(), app: app(rootfs) });
    expect(done).toMatchObject({ stdout: 'mounted/etc/.\n', stderr: '' });
    expect(readdirSync(join(writable, 'upper/opt'))).toEqual(['mine']);
    expect(readdirSync(join(below, 'opt'))).toEqual(['file']);
  });

  test('has a read-only root of one layer or of two', () => {
    const [one, two] = [makeRoot(shop.newDirectory('one')), shop.newDirectory('two')];
    mkdirSync(join(one, 'dev/pts'), { recursive: true });
    for (const layers of [[one], [one, two]]) {
      const done = run(shop.script('touch /x'), {
        pod: pod(),
        app: app({ kind: 'layers', layers: layers.map(layer) }),
      });
      expect(done.stderr).toBe('touch: /x: Read-only file system\n');
    }
  });

  test('in a user namespace: its own root, nobody on the host; layers and devices appear as its own', () => {
    const { user, network } = userNamespace();
    const [one, two] = [makeRoot(shop.newDirectory('one')), shop.newDirectory('two')];
    execFileSync('chown', ['-R', '1000:1000', join(one, 'tmp')]);
    const [secret, writable] = [shop.newDirectory('closed'), shop.newDirectory('writable')];
    mkdirSync(join(secret, 'volume'));
    writeFileSync(join(secret, 'volume/file'), 'text');
    chmodSync(secret, 0o700);
    const look = `id -u; cat /proc/self/uid_map | tr -s ' '; stat -c '%u %g' /bin /tmp /dev/shm /vol/file; echo x > /dev/null && echo null
      touch /new /dev/shm/new /vol/new && echo written; cat /proc/sys/net/ipv4/ip_forward; grep CapEff /proc/self/status; echo 1 > /proc/sys/kernel/panic`;
    const spec = shop.script(look, (copy) => {
      podShm(copy);
      copy.mounts.push({
        destination: '/vol',
        type: 'bind',
        source: join(secret, 'volume'),
        options: ['rbind', 'ridmap'],
      });
    });
    const done = run(spec, {
      pod: pod({
        namespaces: { user, network, ipc: 'pod', uts: 'pod', pid: 'pod' },
        sysctls: { 'net.ipv4.ip_forward': '1' },
      }),
      app: app({ kind: 'layers', layers: [one, two].map(layer), writable }),
    });
    const owners = ['0 0', '1000 1000', '0 0', '0 0'];
    expect(done.stdout.split('\n')).toEqual([
      '0',
      ' 0 200000 65536',
      ...owners,
      'null',
      'written',
      '1',
      'CapEff:\t0000000020000420',
      '',
    ]);
    expect(done.stderr).toMatch(/panic: (Permission denied|Read-only file system)/);
    expect(statSync(join(writable, 'upper/new')).uid).toBe(200000);
    expect(statSync(join(secret, 'volume/new')).uid).toBe(0);
  });

  test('in a user namespace, with a pid namespace for the app, and an exec', () => {
    const { user, network } = userNamespace();
    const process = structuredClone(shop.base.process);
    process.args = [
      'sh',
      '-c',
      'id -u; cat /proc/self/uid_map | tr -s " "; cat /proc/1/comm; [ "$(readlink /proc/self/ns/user)" = "$(readlink /proc/1/ns/user)" ] && echo same; exit 5',
    ];
    process.capabilities = {
      bounding: ['CAP_SYS_PTRACE'],
      effective: ['CAP_SYS_PTRACE'],
      permitted: ['CAP_SYS_PTRACE'],
    };
    const done = run(
      shop.script('exec sleep 30', (copy) => {
        copy.process.user = { uid: 7, gid: 7 };
      }),
      {
        pod: pod({ namespaces: { user, network, ipc: 'pod', uts: 'pod', pid: 'app' } }),
        app: app({ kind: 'directory', path: shop.root }, { pid: 'app' }),
        exec: process,
      },
    );
    expect(done).toEqual({ status: 5, stdout: '0\n 0 200000 65536\nsleep\nsame\n', stderr: '' });
  });
});

describe('a pod is refused', () => {
  const rootfs = (): object => ({ kind: 'directory', path: shop.root });
  test.each([
    [{ sysctls: { 'vm.swappiness': '1' } }, 'sysctl vm.swappiness: Invalid argument (is not namespaced'],
    [
      { sysctls: { 'net.core.somaxconn': '1' } },
      'sysctl net.core.somaxconn: Invalid argument (belongs to the host',
    ],
    [
      { sysctls: { 'kernel.shmmax': 'many' } },
      'sysctl kernel.shmmax: Invalid argument (could not be set to "many")',
    ],
    [
      { sysctls: { 'kernel.shm_no_such': '1' } },
      'sysctl kernel.shm_no_such: No such file or directory (this kernel',
    ],
    [
      { sysctls: { 'kernel.shmmax': '1' }, namespaces: { ipc: 'host', uts: 'pod', pid: 'app' } },
      'the pod uses the host’s'.replace('’', "'"),
    ],
    [
      { namespaces: { network: '/etc/passwd', ipc: 'pod', uts: 'pod', pid: 'app' } },
      'open /etc/passwd: Invalid argument (is not a namespace of type net)',
    ],
    [
      { namespaces: { network: '/no/such', ipc: 'pod', uts: 'pod', pid: 'app' } },
      'open /no/such: No such file',
    ],
  ])('%j', (changes, message) => {
    const done = shop.run(shop.script('true'), { pod: pod(changes), app: app(rootfs(), { pid: 'app' }) });
    expect(done.status).toBe(125);
    expect(done.stderr).toContain(message);
  });

  test('an app that wants the pod’s pid namespace where there is none', () => {
    const done = shop.run(shop.script('true'), {
      pod: pod({ namespaces: { ipc: 'pod', uts: 'pod', pid: 'app' } }),
      app: app(rootfs()),
    });
    expect(done.stderr).toContain('the pod has no pid namespace of its own to share');
  });
});

test('after all of this nothing is left: no mount, no process, no link directory', () => {
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(shop.directory);
  expect(existsSync('/proc/self')).toBe(true);
});
