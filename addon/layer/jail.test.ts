import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeExecutable } from '../../src/base/index.ts';
import { isSanitized, refuse } from './testing/convert.ts';
import { pattern } from './testing/source.ts';
import { archive } from './testing/tar.ts';

const converter = nativeExecutable('gantry-layer');
const sanitized = isSanitized();
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-layer-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const statusOf = (task: string): Map<string, string> =>
  new Map(
    readFileSync(`${task}/status`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(':\t', 2).map((part) => part.trim()) as [string, string]),
  );

/** The converter, started with more descriptors than it should keep, once it waits for its input with so many threads. */
async function blockedConverter(
  options: readonly string[],
  threads: number,
): Promise<{ child: ChildProcess; proc: string }> {
  const output = openSync(join(directory, 'blocked.erofs'), 'w+');
  const secret = openSync('/etc/passwd', 'r');
  const child = spawn(converter, options, { stdio: ['pipe', 'pipe', 'inherit', output, secret, secret] });
  closeSync(output);
  closeSync(secret);
  const proc = `/proc/${child.pid}`;
  for (let tries = 0; tries < 1000; tries += 1) {
    const locked = statusOf(proc).get(sanitized ? 'Uid' : 'Seccomp');
    if (locked?.startsWith(sanitized ? '65534' : '2') && readdirSync(`${proc}/task`).length >= threads) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { child, proc };
}

describe('a converter that waits for its input', () => {
  let blocked: { child: ChildProcess; proc: string };
  beforeAll(async () => {
    const options = ['convert', '--input-fd', '0', '--output-fd', '3', '--max-bytes', '1048576'];
    blocked = await blockedConverter(options, 2);
  });
  afterAll(() => {
    blocked.child.kill('SIGKILL');
  });

  test('goes before the pods where memory runs out, whatever its server is', () => {
    expect(readFileSync(`${blocked.proc}/oom_score_adj`, 'utf8').trim()).toBe('1000');
  });

  test('has nothing left, in any of its threads', () => {
    const tasks = readdirSync(`${blocked.proc}/task`);
    expect(tasks.length).toBeGreaterThanOrEqual(2);
    for (const task of tasks) {
      const status = statusOf(`${blocked.proc}/task/${task}`);
      const ids = '65534\t65534\t65534\t65534';
      expect([status.get('Uid'), status.get('Gid'), status.get('Groups')]).toEqual([ids, ids, '']);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
        expect([set, status.get(set)]).toEqual([set, '0'.repeat(16)]);
      }
      expect(status.get('NoNewPrivs')).toBe('1');
      expect(status.get('Seccomp')).toBe(sanitized ? '0' : '2');
    }
  });

  test('has its three descriptors and no others', () => {
    const open = new Map(
      readdirSync(`${blocked.proc}/fd`).map((fd) => [fd, readlinkSync(`${blocked.proc}/fd/${fd}`)]),
    );
    if (sanitized) open.delete('2'); // kept for the sanitizers' reports
    expect([...open.keys()].sort()).toEqual(['0', '1', '3']);
    expect(open.get('3')).toBe(join(directory, 'blocked.erofs'));
  });

  test('can open nothing, start nothing and leave no core', () => {
    const limits = readFileSync(`${blocked.proc}/limits`, 'utf8');
    expect(limits).toMatch(/Max core file size +0 +0 /);
    expect(limits).toMatch(/Max file size +1048576 +1048576 /);
    if (!sanitized) expect(limits).toMatch(/Max open files +0 +0 /);
    if (!sanitized) expect(limits).toMatch(/Max processes +0 +0 /);
  });

  test('ends with its input', async () => {
    const ended = new Promise((resolve) => blocked.child.on('close', resolve));
    blocked.child.stdin?.end(archive({ name: 'f' }));
    expect(await ended).toBe(0);
  });
});

test('a look through a stack has no more than that, and only reads', async () => {
  const { child, proc } = await blockedConverter(['correct', '--seen', '0', '--image-fd', '3'], 1);
  const status = statusOf(proc);
  const none = '0'.repeat(16);
  expect(['Uid', 'CapEff', 'CapPrm', 'NoNewPrivs', 'Seccomp'].map((name) => status.get(name))).toEqual([
    ['65534', '65534', '65534', '65534'].join('\t'),
    none,
    none,
    '1',
    sanitized ? '0' : '2',
  ]);
  const open = readdirSync(`${proc}/fd`).filter((fd) => !sanitized || fd !== '2');
  expect(open.sort()).toEqual(['0', '1', '3']);
  const ended = new Promise((resolve) => child.on('close', resolve));
  // Its image is empty.
  child.stdin?.end('\0');
  expect(await ended).toBe(3);
});

describe('without root', () => {
  test('it works all the same', () => {
    const image = openSync(join(directory, 'user.erofs'), 'w+');
    const { status, stdout } = spawnSync(
      'setpriv',
      [
        '--reuid=1234',
        '--regid=1234',
        '--clear-groups',
        converter,
        'convert',
        '--input-fd',
        '0',
        '--output-fd',
        '3',
      ],
      { input: archive({ name: 'f' }), stdio: ['pipe', 'pipe', 'inherit', image] },
    );
    closeSync(image);
    expect([status, JSON.parse(stdout.toString())]).toMatchObject([0, { entries: 1 }]);
  });
});

describe('the command line', () => {
  const misuse = (...options: string[]): [number | null, string] => {
    const { status, stderr, stdout } = spawnSync(converter, options, { stdio: ['ignore', 'pipe', 'pipe'] });
    expect(stdout.toString()).toBe('');
    return [status, stderr.toString()];
  };

  test.each<[string[], RegExp]>([
    [[], /verb/],
    [['explode'], /verb/],
    [['convert'], /required/],
    [['convert', '--input-fd', '0'], /required/],
    [['convert', '--input-fd', 'x', '--output-fd', '3'], /--input-fd/],
    [['convert', '--input-fd', '0', '--output-fd', '-3'], /--output-fd/],
    [['convert', '--input-fd', '0', '--output-fd'], /needs a value/],
    [['convert', '--input-fd', '0', '--output-fd', '0'], /one of its own/],
    [['convert', '--input-fd', '0', '--output-fd', '3', '--compression', 'lzma'], /lzma/],
    [['convert', '--input-fd', '0', '--output-fd', '3', '--wrong', '1'], /--wrong/],
    [['convert', '--input-fd', '0', '--output-fd', '77'], /descriptor 77/],
    [['convert', '--input-fd', '0', '--output-fd', '1'], /one of its own/],
    [['convert', '--input-fd', '0', '--output-fd', '2'], /empty regular file/],
  ])('%j', (options, message) => {
    const [status, stderr] = misuse(...options);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/usage:/);
  });

  test('an image that has content already is not overwritten', () => {
    const path = join(directory, 'taken');
    const fd = openSync(path, 'w+');
    writeSync(fd, 'precious');
    const { status } = spawnSync(converter, ['convert', '--input-fd', '0', '--output-fd', '3'], {
      stdio: ['ignore', 'pipe', 'pipe', fd],
    });
    closeSync(fd);
    expect([status, readFileSync(path, 'utf8')]).toEqual([2, 'precious']);
  });

  test('version: the number in the store key, and the release', () => {
    expect(execFileSync(converter, ['version'], { encoding: 'utf8' })).toMatch(/^\d+ \d+\.\d+\.\d+\n$/);
  });

  test('the result may go elsewhere than to standard output', () => {
    const result = join(directory, 'result.json');
    const [image, fd] = [openSync(join(directory, 'elsewhere.erofs'), 'w+'), openSync(result, 'w')];
    const options = ['convert', '--input-fd', '0', '--output-fd', '3', '--result-fd', '4'];
    const { status, stdout } = spawnSync(converter, options, {
      input: archive(),
      stdio: ['pipe', 'pipe', 'inherit', image, fd],
    });
    closeSync(image);
    closeSync(fd);
    expect([status, stdout.toString()]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(result, 'utf8'))).toMatchObject({ entries: 0 });
  });
});

describe('the host', () => {
  test('a full disk is an I/O error, exit status 4', () => {
    const small = join(directory, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'gnt-layer', small]);
    try {
      const made = archive({ name: 'f', content: pattern(3 << 20) });
      const refusal = refuse(made, join(small, 'image'));
      expect(refusal).toMatchObject({ status: 4, kind: 'io', entry: 'f' });
      expect(refusal.message).toMatch(/No space left/);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  test('an input that cannot be read is one too', () => {
    expect(refuse({ path: directory }, join(directory, 'unread'))).toMatchObject({ status: 4, kind: 'io' });
  });

  test('memory does not grow with the layer', () => {
    const member = (n: number): { name: string; content: Buffer } => ({
      name: `f${n}`,
      content: pattern(32 << 20, n),
    });
    const big = join(directory, 'big.tar');
    const fd = openSync(big, 'w');
    for (let n = 1; n <= 6; n += 1) writeSync(fd, archive(member(n)).subarray(0, -1024));
    closeSync(fd);
    const image = openSync(join(directory, 'big.erofs'), 'w+');
    const input = openSync(big, 'r');
    const command = [converter, 'convert', '--input-fd', '0', '--output-fd', '3'];
    const { status, stderr } = spawnSync('/usr/bin/time', ['-f', '%M', ...command], {
      stdio: [input, 'pipe', 'pipe', image],
    });
    closeSync(input);
    closeSync(image);
    expect(status).toBe(0);
    // The layer has 192 MiB. Sanitizers keep what was freed.
    expect(Number(stderr.toString())).toBeLessThan((sanitized ? 512 : 48) * 1024);
  });

  test('a hundred thousand names take tens of mebibytes at most', () => {
    const members = Array.from({ length: 100_000 }, (_, n) => ({
      name: `directory-${n % 500}/name-of-a-file-${n}`,
    }));
    const input = join(directory, 'names.tar');
    const [out, image] = [openSync(input, 'w'), openSync(join(directory, 'names.erofs'), 'w+')];
    writeSync(out, archive(...members));
    closeSync(out);
    const source = openSync(input, 'r');
    const command = [converter, 'convert', '--input-fd', '0', '--output-fd', '3'];
    const { status, stderr } = spawnSync('/usr/bin/time', ['-f', '%M', ...command], {
      stdio: [source, 'pipe', 'pipe', image],
    });
    closeSync(source);
    closeSync(image);
    expect(status).toBe(0);
    expect(Number(stderr.toString())).toBeLessThan((sanitized ? 512 : 48) * 1024);
  });
});
