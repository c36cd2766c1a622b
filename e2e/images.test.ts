import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  containerStatus,
  exec,
  hostNetwork,
  logOf,
  type Pod,
  pull,
  removePod,
  runPod,
  script,
  startContainer,
  World,
  waitForExit,
} from './harness/index.ts';

// What is in an image is what a container of it sees, whatever the image's layers, encodings and platforms.
describe('images', () => {
  let world: World;
  let pod: Pod;

  beforeAll(async () => {
    world = await World.create({ subnet: 114 });
    pod = await runPod(world, { linux: hostNetwork });
  });
  afterAll(async () => {
    await removePod(world, pod);
    await world.dispose();
  });

  async function containerOf(name: string, command = script('exec sleep 3600')): Promise<string> {
    const image = `gantry.test/${name}`;
    await pull(world, image);
    return await startContainer(world, pod, { image: { image }, ...command });
  }

  test('gzip, zstd and plain layers, with white-outs and replacements', async () => {
    const id = await containerOf('layers:1');
    const seen = await exec(
      world,
      id,
      'cd /stack; for f in $(find . | sort); do stat -c "%n %A %u:%g" $f; done',
    );
    expect(seen.text.split('\n')).toEqual([
      '. drwxr-xr-x 0:0',
      './becomes-directory drwxr-xr-x 0:0',
      './becomes-directory/inside -rw-r--r-- 0:0',
      './becomes-file -rw-r--r-- 0:0',
      './empty -rw-r--r-- 0:0',
      './kept -rw-r----- 1002:33',
      './link lrwxrwxrwx 0:0',
      './opaque drwxr-xr-x 0:0',
      './opaque/shown -rw-r--r-- 0:0',
      './replaced -rw-r--r-- 0:0',
      './setuid -rwsr-xr-x 0:0',
      './setuid-again -rwsr-xr-x 0:0',
    ]);
    expect((await exec(world, id, 'cd /stack; cat replaced link becomes-file; stat -c %h setuid')).text).toBe(
      'middle\nbelow\nabove\n2',
    );
  });

  test('an index: the image of this platform', async () => {
    const id = await containerOf('platforms:1');
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    expect((await exec(world, id, 'cat /platform')).text).toBe(`linux/${architecture}`);
  });

  test("Docker's own media types", async () => {
    expect((await exec(world, await containerOf('docker:1'), 'echo runs')).text).toBe('runs');
  });

  test("user, entry point, arguments, environment and directory are the image's, unless CRI says otherwise", async () => {
    await pull(world, 'gantry.test/config:1');
    const image = { image: 'gantry.test/config:1' };
    const own = { metadata: { name: 'own', attempt: 0 }, image, command: [], logPath: 'own.log' };
    const given = {
      args: ['four'],
      envs: [{ key: 'BOTH', value: Buffer.from('request') }],
      workingDir: '/tmp',
    };
    const changed = {
      metadata: { name: 'changed', attempt: 0 },
      image,
      command: [],
      logPath: 'changed.log',
      ...given,
    };
    await startContainer(world, pod, own);
    await startContainer(world, pod, changed);
    await expect.poll(() => logOf(pod, 'own')).toContain('PWD=');
    expect(logOf(pod, 'own')).toMatch(
      /^zero one two three\n\/made\/by\/the\/image\nuid=1002 gid=33\(www-data\)/,
    );
    expect(logOf(pod, 'own')).toMatch(/\nBOTH=image\n(.*\n)*FROM_IMAGE=yes\n/);
    await expect.poll(() => logOf(pod, 'changed')).toContain('PWD=');
    expect(logOf(pod, 'changed')).toMatch(/^four \n\/tmp\nuid=1002/);
    expect(logOf(pod, 'changed')).toMatch(/\nBOTH=request\n/);
  });

  test("a container is stopped by its image's signal", async () => {
    const id = await containerOf('config:1', script('trap "exit 3" USR1; while :; do sleep 0.1; done'));
    await exec(world, id, 'true');
    await world.cri.call('StopContainer', { containerId: id, timeout: 10n });
    expect((await containerStatus(world, id)).exitCode).toBe(3);
  });

  test('a file that is larger than any buffer', async () => {
    const id = await containerOf(
      'big:1',
      script('wc -c < /big; dd if=/big bs=1M skip=23 count=1 2>/dev/null | wc -c'),
    );
    await waitForExit(world, id);
    const { logPath } = await containerStatus(world, id);
    const name = logPath.replace(/^.*\//, '').replace(/\.log$/, '');
    expect(logOf(pod, name)).toBe(`${24 << 20}\n${1 << 20}\n`);
  });

  test('fsck.erofs accepts every layer in the store', () => {
    const files = readdirSync(world.gantry.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter(isErofs);
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) execFileSync('fsck.erofs', [file], { stdio: 'pipe' });
  });
});

/** EROFS' magic number is at 1024 bytes. */
function isErofs(file: string): boolean {
  const bytes = Buffer.alloc(4);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, bytes, 0, 4, 1024);
  closeSync(descriptor);
  return bytes.readUInt32LE() === 0xe0f5e1e2;
}
