/** Volumes that an image declares, filled from it: whatever lies there, nothing of the host is read or written. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Finished, Workshop } from './testing/bundle.ts';

let shop: Workshop;
let layer: string;
beforeAll(() => {
  shop = new Workshop();
  layer = shop.newDirectory('layer');
  mkdirSync(join(layer, 'data/sub'), { recursive: true });
  writeFileSync(join(layer, 'data/sub/file'), 'content');
  symlinkSync('/etc/shadow', join(layer, 'data/link'));
  writeSparse(join(layer, 'data/sparse'));
  const others = `cd ${layer}/data; mkfifo pipe; mknod node c 1 3; touch capable; chown 5:6 capable; setcap cap_net_raw+ep capable
    setfattr -n user.note -v hi sub; chmod 2750 sub; chown 7:8 sub; touch -d 2001-02-03 sub/file; ln sub/file twin; ln pipe sub/pipe-too
    mkdir ${layer}/links; ln -s / ${layer}/links/root; ln -s ../../../../../../../etc ${layer}/links/etc; ln -s links ${layer}/by-link`;
  execFileSync('bash', ['-ec', others]);
});
afterAll(() => shop.dispose());

/** A file of 1 TiB whose only data is `end` at 5,000,000. */
function writeSparse(path: string): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, 2 ** 40);
  writeSync(file, 'end', 5_000_000);
  closeSync(file);
}

function run(script: string, volumes: Readonly<Record<string, string>>, oldKernel = false): Finished {
  const spec = shop.script(script, (copy) => {
    for (const [destination, source] of Object.entries(volumes)) {
      copy.mounts.push({ destination, type: 'bind', source, options: ['rbind', 'rw'] });
    }
  });
  const entry = (mountpoint: string): object => ({ mountpoint, digest: '', file: '', format: 'erofs' });
  const app = {
    contractVersion: 1,
    id: 'b'.repeat(64),
    name: 'app',
    rootfs: { kind: 'layers', layers: [shop.root, layer].map(entry), writable: shop.newDirectory('w') },
    volumes: Object.entries(volumes).map(([destination, directory]) => ({ destination, directory })),
    stdin: false,
    stdinOnce: false,
    log: { kind: 'none' },
    stopSignal: 15,
    pid: 'app',
    after: [],
    probes: [],
  };
  return shop.run(spec, { app, oldKernel });
}

describe.each([false, true])('a volume, old kernel: %s', (oldKernel) => {
  test('has what the image has there: owners, modes, times, attributes, links, holes', () => {
    const directory = shop.newDirectory('volume');
    const done = run('cat /data/twin; echo more > /data/new', { '/data': directory }, oldKernel);
    expect(done).toEqual({ status: 0, stdout: 'content', stderr: '' });
    expect(readdirSync(directory).sort()).toEqual(
      ['capable', 'link', 'new', 'node', 'pipe', 'sparse', 'sub', 'twin'].sort(),
    );
    expect(readlinkSync(join(directory, 'link'))).toBe('/etc/shadow');
    expect(statSync(join(directory, 'sub'))).toMatchObject({ mode: 0o42750, uid: 7, gid: 8 });
    // Names of one file stay so: what is written by one is read by the other, and the disk holds it once.
    for (const [one, other] of [
      ['sub/file', 'twin'],
      ['pipe', 'sub/pipe-too'],
    ] as const) {
      expect(statSync(join(directory, one))).toMatchObject({
        ino: statSync(join(directory, other)).ino,
        nlink: 2,
      });
    }
    expect(statSync(join(directory, 'sub/file')).mtime.getFullYear()).toBe(2001);
    expect(statSync(join(directory, 'sparse')).size).toBe(2 ** 40);
    expect(statSync(join(directory, 'sparse')).blocks).toBeLessThan(1024);
    const see = (...command: string[]): string => execFileSync(command[0] ?? '', command.slice(1)).toString();
    expect(see('getcap', join(directory, 'capable'))).toMatch(/cap_net_raw/);
    expect(see('getfattr', '-n', 'user.note', '--only-values', join(directory, 'sub'))).toBe('hi');
    expect(see('stat', '-c', '%F %t:%T', join(directory, 'node'))).toBe('character special file 1:3\n');
    expect(see('stat', '-c', '%F', join(directory, 'pipe'))).toBe('fifo\n');
  });

  test('that holds something already is left as it is', () => {
    const directory = shop.newDirectory('volume');
    writeFileSync(join(directory, 'kept'), 'kept');
    expect(run('ls /data', { '/data': directory }, oldKernel).stdout).toBe('kept\n');
  });

  test.each(['/none', '/data/sub/file', '/data/pipe', '/data/link', '/data/sub/file/below'])(
    'of a place that is no directory stays empty: %s',
    (destination) => {
      const directory = shop.newDirectory('volume');
      // Where it cannot be mounted either, only the filling counts.
      run('true', { [destination]: directory }, oldKernel);
      expect(readdirSync(directory)).toEqual([]);
      expect(existsSync(directory)).toBe(true);
    },
  );

  test('behind a link has what the image has there, never the host', () => {
    const directory = shop.newDirectory('volume');
    expect(run('true', { '/by-link/etc': directory }, oldKernel).status).toBe(0);
    // The image's /etc, made by the workshop: a passwd and nothing else.
    expect(readdirSync(directory)).toEqual(['passwd']);
  });
});

test('a directory that is not there is named', () => {
  expect(run('true', { '/data': '/no/such/volume' }).stderr).toMatch(/fill volume \/data: No such file/);
});
