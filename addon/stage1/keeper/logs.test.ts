import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, makeRootfs, newId, type Rootfs, TestPod } from '../testing/index.ts';

let rootfs: Rootfs;
let pod: TestPod;

beforeAll(() => {
  rootfs = makeRootfs();
});
afterAll(() => rootfs.remove());
beforeEach(async () => {
  pod = await TestPod.start({ rootfs: rootfs.path });
});
afterEach(() => pod.close());

describe('the CRI log', () => {
  it('has a line a line, by stream, with empty ones and bytes as they came', async () => {
    const script = 'echo one; echo; echo "three  " >&2; printf "a\\tb\\r\\n"';
    const id = await pod.run({ args: ['sh', '-c', script] });
    await pod.exitOf(id);
    const lines = pod.logLines(id);
    expect(lines.filter(([stream]) => stream === 'stdout')).toEqual([
      ['stdout', 'F', 'one'],
      ['stdout', 'F', ''],
      ['stdout', 'F', 'a\tb\r'],
    ]);
    expect(lines.filter(([stream]) => stream === 'stderr')).toEqual([['stderr', 'F', 'three  ']]);
    expect(statSync(pod.logPath(id)).mode & 0o777).toBe(0o640);
  });

  it.each([
    [16_384, true, [['F', 16_384]]],
    [
      16_385,
      true,
      [
        ['P', 16_384],
        ['F', 1],
      ],
    ],
    [
      50_000,
      true,
      [
        ['P', 16_384],
        ['P', 16_384],
        ['P', 16_384],
        ['F', 848],
      ],
    ],
    [10, false, [['P', 10]]],
    [16_384, false, [['P', 16_384]]],
  ])('cuts a line of %i bytes (newline: %s) as containerd does', async (size, newline, expected) => {
    const script = `head -c ${size} /dev/zero | tr '\\0' x; ${newline ? 'echo' : 'true'}`;
    const id = await pod.run({ args: ['sh', '-c', script], mounts: [zeroDevice] });
    await pod.exitOf(id);
    expect(pod.logLines(id).map(([, tag, line]) => [tag, line.length])).toEqual(expected);
  });

  it('has times that do not run backwards', async () => {
    const id = await pod.run({
      args: ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9; do echo $i; done; sleep 0.1; echo end'],
    });
    const exit = await pod.exitOf(id);
    const times = readFileSync(pod.logPath(id), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0] ?? '');
    expect([...times].sort()).toEqual(times);
    expect(
      times.every((time) => Math.abs(Date.parse(time) - Number(exit.finishedAt / 1_000_000n)) < 5_000),
    ).toBe(true);
  });

  it('goes on in a new file after a rotation, and says when it cannot', async () => {
    const id = await pod.run({ args: ['sh', '-c', 'echo before; read x; echo after'], stdin: true });
    await eventually(() => expect(pod.logLines(id)).toHaveLength(1));
    renameSync(pod.logPath(id), `${pod.logPath(id)}.1`);
    await pod.control.request({ reopenLog: { appId: id } });
    (await pod.attach(id, 'STDIN')).end('\n');
    await pod.exitOf(id);
    expect(pod.logLines(id)).toEqual([['stdout', 'F', 'after']]);
    expect(statSync(pod.logPath(id)).mode & 0o777).toBe(0o640);
    const other = pod.writeApp({
      args: ['true'],
      log: { kind: 'cri', path: '/proc/keeper-no-such-directory/x.log' },
    });
    await expect(pod.create(other)).rejects.toMatchObject({
      errno: 2,
      subject: '/proc/keeper-no-such-directory',
    });
  });

  it('is made again with its directories when somebody has removed them', async () => {
    const directory = join(pod.directory, 'logs', 'container');
    const path = join(directory, '0.log');
    const script = 'echo before; read x; echo after';
    const id = await pod.run({ args: ['sh', '-c', script], stdin: true, log: { kind: 'cri', path } });
    await eventually(() => expect(readFileSync(path, 'utf8')).toMatch(/before\n$/));
    rmSync(join(pod.directory, 'logs'), { recursive: true });
    await pod.control.request({ reopenLog: { appId: id } });
    (await pod.attach(id, 'STDIN')).end('\n');
    await pod.exitOf(id);
    expect(readFileSync(path, 'utf8')).toMatch(/^\S+ stdout F after\n$/);
    expect(statSync(directory).mode & 0o777).toBe(0o755);
  });

  it('is byte-exact at full speed while it is rotated', async () => {
    const source = join(rootfs.path, 'lines');
    const text = manyLines(48 << 20);
    writeFileSync(source, text);
    const copies = 5;
    const id = newId();
    const began = Date.now();
    await pod.run({ args: ['sh', '-c', `cat ${'/lines '.repeat(copies)}`] }, id);
    const done = pod.exitOf(id, 60_000);
    let rotations = 0;
    let running = true;
    void done.finally(() => {
      running = false;
    });
    while (running) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      renameSync(pod.logPath(id), `${pod.logPath(id)}.${String(++rotations).padStart(6, '0')}`);
      if (running) await pod.control.request({ reopenLog: { appId: id } });
    }
    await done;
    const seconds = (Date.now() - began) / 1000;
    const written = createHash('sha256');
    const files = readdirSync(pod.directory)
      .filter((name) => name.startsWith(`${id}.log`))
      .sort(byRotation);
    for (const file of files) {
      const content = readFileSync(join(pod.directory, file));
      expect(content.length === 0 || content.at(-1) === 10).toBe(true);
      hashWithoutPrefixes(content, written);
    }
    const wanted = createHash('sha256');
    for (let copy = 0; copy < copies; ++copy) wanted.update(text);
    expect(written.digest('hex')).toBe(wanted.digest('hex'));
    expect(rotations).toBeGreaterThan(0);
    console.log(`log: ${Math.round((copies * 48) / seconds)} MiB/s over ${rotations} rotations`);
    rmSync(source);
  });

  it('survives a full disk: the app goes on, whole lines only, a warning, and the log when there is space', async () => {
    const disk = mkdtempSync(join(tmpdir(), 'keeper-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'keeper-test', disk]);
    try {
      const path = join(disk, 'app.log');
      const script =
        'i=0; while [ $i -lt 20000 ]; do echo "line $i of a log that fills a disk"; i=$((i+1)); done; touch /tmp/flooded; read x; echo end';
      const id = await pod.run({ args: ['sh', '-c', script], stdin: true, log: { kind: 'cri', path } });
      await pod.control.event((event) => (event.warning?.message.includes('lost') ? true : undefined));
      const input = await pod.attach(id, 'STDIN');
      await eventually(() => expect(existsSync(join(rootfs.path, 'tmp/flooded'))).toBe(true));
      expect(statSync(path).size).toBeGreaterThan(200_000);
      expect(readFileSync(path, 'utf8').endsWith('\n')).toBe(true);
      // A full disk on the pod's own directory would be the same write: the record is rewritten in place.
      rmSync(path);
      await pod.control.request({ reopenLog: { appId: id } });
      input.end('\n');
      expect(await pod.exitOf(id)).toMatchObject({ exitCode: 0 });
      expect(readFileSync(path, 'utf8')).toMatch(/ stdout F end\n$/);
      expect(pod.warnings().some((message) => /can be written again; lost \d+ lines/.test(message))).toBe(
        true,
      );
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true });
    }
  });
});

const zeroDevice = { destination: '/dev/zero', type: 'bind', source: '/dev/zero', options: ['bind'] };

function manyLines(size: number): Buffer {
  const text = Buffer.alloc(size);
  let at = 0;
  for (let line = 0; at < size; ++line) {
    at += text.write(
      `${line} ${'abcdefghijklmnopqrstuvwxyz'.slice(0, line % 27).repeat(1 + (line % 9))}\n`,
      at,
      'latin1',
    );
  }
  text[size - 1] = 10;
  return text;
}

function hashWithoutPrefixes(content: Buffer, hash: ReturnType<typeof createHash>): void {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; ) {
    const end = content.indexOf(10, at) + 1;
    const prefix = '2026-01-02T03:04:05.000000006Z stdout F '.length;
    const partial = content[at + prefix - 2] === 'P'.charCodeAt(0);
    parts.push(content.subarray(at + prefix, partial ? end - 1 : end));
    at = end;
  }
  hash.update(Buffer.concat(parts));
}

function byRotation(a: string, b: string): number {
  const number = (name: string): number => Number(/\.(\d{6})$/.exec(name)?.[1] ?? Number.MAX_SAFE_INTEGER);
  return number(a) - number(b);
}
