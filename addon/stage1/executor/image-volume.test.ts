import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OciMount } from '../../../src/base/index.ts';
import { type Finished, Workshop } from './testing/bundle.ts';

let shop: Workshop;
let one: string;
let two: string;
let mounted: string[] = [];
beforeAll(() => {
  shop = new Workshop();
  // Of two layers the upper one replaces a file; links lead to all the wrong places.
  one = shop.newDirectory('one');
  two = shop.newDirectory('two');
  mkdirSync(join(one, 'data/deep'), { recursive: true });
  writeFileSync(join(one, 'data/file'), 'lower\n');
  writeFileSync(join(one, 'data/deep/file'), 'deep\n');
  writeFileSync(join(one, 'passwd'), 'of the image\n');
  symlinkSync('/data/deep', join(one, 'absolute'));
  symlinkSync('../../../../../../../passwd', join(one, 'data/climbing'));
  symlinkSync('circle', join(one, 'circle'));
  mkdirSync(join(two, 'data'));
  writeFileSync(join(two, 'data/file'), 'upper\n');
  execFileSync('chown', ['1000:1000', join(two, 'data/file')]);
});
afterAll(() => shop.dispose());
beforeEach(() => {
  mounted = [];
});
afterEach(() => {
  for (const path of mounted) execFileSync('umount', [path]);
});

interface Volume {
  readonly layers: readonly string[];
  readonly subPath?: string;
}
interface Options {
  readonly oldKernel?: boolean;
  readonly namespaces?: object;
  readonly mount?: Partial<OciMount>;
  /** SELinux's; all else that would take one is left out. */
  readonly label?: string;
}

/** Runs a script with these volumes at /v0, /v1 … */
function show(text: string, volumes: readonly Volume[], options: Options = {}): Finished {
  const layer = (mountpoint: string): object => ({ mountpoint, digest: '', file: '', format: 'directory' });
  const spec = shop.script(text, (copy) => {
    copy.mounts.push(
      ...volumes.map(
        (_, index): OciMount => ({
          destination: `/v${index}`,
          type: 'bind',
          source: `gantry:image/${index}`,
          options: ['rbind', 'rprivate', 'ro'],
          ...options.mount,
        }),
      ),
    );
    if (options.label === undefined) return;
    copy.linux.mountLabel = options.label;
    copy.linux.maskedPaths = [];
    copy.mounts = copy.mounts.filter(({ type }) => type === 'bind' || type === 'proc');
  });
  const stacked = {
    kind: 'layers',
    layers: [layer(shop.root), layer(two)],
    writable: shop.newDirectory('writable'),
  };
  const pod = {
    contractVersion: 1,
    id: 'a'.repeat(64),
    owner: 'cri',
    flavor: 'namespaces',
    controlSocket: '/run/unused/ctl',
    hostname: 'host',
    namespaces: { ipc: 'pod', uts: 'pod', pid: 'app', ...options.namespaces },
    cgroup: { driver: 'cgroupfs', path: '' },
    sysctls: {},
    shmSize: 0,
    apps: [],
  };
  const app = {
    contractVersion: 1,
    id: 'b'.repeat(64),
    name: 'app',
    rootfs: options.label === undefined ? stacked : { kind: 'directory', path: shop.root },
    imageVolumes: volumes.map(({ layers, ...rest }) => ({ layers: layers.map(layer), ...rest })),
    stdin: false,
    stdinOnce: false,
    log: { kind: 'none' },
    stopSignal: 15,
    pid: 'app',
    after: [],
    probes: [],
  };
  return shop.run(spec, { pod, app, oldKernel: options.oldKernel ?? false });
}

describe.each([false, true])('an image volume, old kernel: %s', (oldKernel) => {
  test('shows one layer, or several stacked, and cannot be written', () => {
    const volumes = [{ layers: [one] }, { layers: [one, two] }];
    const done = show(
      'cat /v0/data/file /v1/data/file /v1/passwd; touch /v0/x; touch /v1/data/file',
      volumes,
      {
        oldKernel,
      },
    );
    expect(done.stdout).toBe('lower\nupper\nof the image\n');
    expect(done.stderr).toBe(
      'touch: /v0/x: Read-only file system\ntouch: /v1/data/file: Read-only file system\n',
    );
  });

  test.each([
    ['data', 'cat /v0/deep/file /v1/deep/file /v1/file', 'deep\ndeep\nupper\n'],
    ['data/file', 'cat /v0 /v1', 'lower\nupper\n'],
    ['absolute', 'ls /v0 /v1', '/v0:\nfile\n\n/v1:\nfile\n'],
    ['data/climbing', 'cat /v0 /v1', 'of the image\nof the image\n'],
  ])('of sub-path %s alone', (subPath, script, expected) => {
    const volumes = [
      { layers: [one], subPath },
      { layers: [one, two], subPath },
    ];
    expect(show(script, volumes, { oldKernel })).toEqual({ status: 0, stdout: expected, stderr: '' });
  });

  test.each([
    ['missing', 'No such file or directory'],
    ['data/file/below', 'Not a directory'],
    ['circle', 'Too many levels of symbolic links'],
  ])('is refused for sub-path %s', (subPath, why) => {
    for (const layers of [[one], [one, two]]) {
      const done = show('true', [{ layers, subPath }], { oldKernel });
      expect(done.status).toBe(125);
      expect(done.stderr).toContain(`mount image volume /v0: ${why}`);
    }
  });

  test('has the owners of the pod’s user namespace, or of its own mappings, with several of them', () => {
    const namespaces = userNamespace();
    const volumes = [{ layers: [one, two] }, { layers: [two] }, { layers: [one, two], subPath: 'data' }];
    const script = 'stat -c "%u %g" /v0/data/file /v0 /v1/data/file /v2/file; echo > /v0/x';
    const mappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
    for (const mount of [{}, { uidMappings: mappings, gidMappings: mappings }]) {
      const done = show(script, volumes, { oldKernel, namespaces, mount });
      expect(done.stdout).toBe('1000 1000\n0 0\n1000 1000\n1000 1000\n');
      expect(done.stderr).toContain('Read-only file system');
    }
  });
});

test('an image without layers is an empty directory', () => {
  expect(show('ls -A /v0; touch /v0/x', [{ layers: [] }]).stderr).toBe(
    'touch: /v0/x: Read-only file system\n',
  );
});

test('a volume that the manifest does not have is named', () => {
  const mount = { source: 'gantry:image/7' };
  expect(show('true', [{ layers: [one] }], { mount }).stderr).toContain(
    'mount image volume /v0: Invalid argument (open gantry:image/7',
  );
});

test('an SELinux label is every file’s: one layer is stacked for it, too', () => {
  const label = 'system_u:object_r:container_file_t:s0:c1,c2';
  for (const layers of [[one], [one, two]]) {
    const done = show('cat /v0/passwd', [{ layers }], { label });
    // A kernel without SELinux does not know the option, and says by its name that it was given.
    if (existsSync('/sys/fs/selinux/enforce')) expect(done.stdout).toBe('of the image\n');
    else
      expect(done.stderr).toMatch(/mount image volume \/v0: .*overlay context=system_u:object_r:container/);
  }
});

test('afterwards nothing is mounted', () => {
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(shop.directory);
});

/** One of 65536 users from 200000 on, and a network namespace in it, bound as stage0 does it. */
function userNamespace(): { user: string; network: string } {
  const [user, network] = [shop.path('user'), shop.path('net')];
  writeFileSync(user, '');
  writeFileSync(network, '');
  const script = `
    unshare --user --net sh -c 'echo ready; exec sleep 60' & child=$!
    sleep 0.3
    echo '0 200000 65536' > /proc/$child/uid_map
    echo '0 200000 65536' > /proc/$child/gid_map
    mount --bind /proc/$child/ns/user ${user}
    mount --bind /proc/$child/ns/net ${network}
    kill $child`;
  execFileSync('bash', ['-e', '-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  mounted.push(user, network);
  return { user, network };
}
