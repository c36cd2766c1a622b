import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeFields, encodeFrame, FrameSplitter } from './framing.ts';
import {
  askHost,
  HostFileError,
  hashHostFile,
  hostTreeUsage,
  openFilesOf,
  readHostFile,
  removeHostTree,
} from './index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync('/tmp/gantry-host-files-');
});
afterEach(() => rmSync(directory, { recursive: true }));
const path = (...names: string[]): string => join(directory, ...names);

describe('frames', () => {
  it('carry any text, and come in any pieces', () => {
    const all = [[], ['a'], ['', 'ä\n\0', 'x'.repeat(5000)]];
    const bytes = Buffer.concat(all.map(encodeFrame));
    for (const size of [1, 3, 7, bytes.length]) {
      const splitter = new FrameSplitter();
      const found: string[][] = [];
      for (let at = 0; at < bytes.length; at += size) {
        for (const body of splitter.add(bytes.subarray(at, at + size))) found.push(decodeFields(body));
      }
      expect(found).toEqual(all);
    }
    expect(() => decodeFields(Buffer.from([0, 0, 0, 9, 1]))).toThrow('longer than its frame');
  });
});

describe('requests', () => {
  it('resolve paths, and make those that are absent', async () => {
    symlinkSync('nowhere', path('dangling'));
    mkdirSync(path('real'));
    symlinkSync('real', path('link'));
    writeFileSync(path('file'), '');
    const names = ['link', 'absent/x', 'file/x', 'dangling'].map((name) => path(name));
    const resolved = await askHost(
      names.map((name) => ({ name: 'resolve', path: name })),
      { wait: 'hostPath' },
    );
    expect(resolved).toEqual([[path('real')], [], [], []]);
    const made = await askHost(
      names.map((name) => ({ name: 'make', path: name })),
      { wait: 'hostPath' },
    );
    expect(made.map((answer) => (answer instanceof HostFileError ? answer.code : answer))).toEqual([
      [path('real')],
      [path('absent/x')],
      'ENOTDIR',
      'EEXIST',
    ]);
    expect(existsSync(path('nowhere'))).toBe(false);
  });

  it('read files, and say why not', async () => {
    writeFileSync(path('file'), 'text\n');
    execFileSync('mkfifo', [path('fifo')]);
    await expect(readHostFile(path('file'))).resolves.toBe('text\n');
    await expect(readHostFile(path('none'))).rejects.toThrow(`open ${path('none')}: ENOENT`);
    await expect(readHostFile(path('fifo'))).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('measure a tree as du does, a hard link once, and remove it without following links', async () => {
    mkdirSync(path('tree/a/b'), { recursive: true });
    writeFileSync(path('tree/a/file'), 'x'.repeat(10_000));
    linkSync(path('tree/a/file'), path('tree/a/b/same'));
    symlinkSync(path('other'), path('tree/link'));
    mkdirSync(path('other'));
    writeFileSync(path('other/kept'), '');
    const du = Number(execFileSync('du', ['-s', '-B1', path('tree')], { encoding: 'utf8' }).split('\t')[0]);
    await expect(hostTreeUsage(path('tree'))).resolves.toEqual({ bytes: du, inodes: 5 });
    await removeHostTree(path('tree'));
    await removeHostTree(path('tree'));
    expect(readdirSync(directory)).toEqual(['other']);
    expect(readdirSync(path('other'))).toEqual(['kept']);
    await expect(hostTreeUsage(path('tree'))).resolves.toEqual({ bytes: 0, inodes: 0 });
  });

  it('stop at a mount', async () => {
    mkdirSync(path('tree/mounted'), { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', 'none', path('tree/mounted')]);
    try {
      writeFileSync(path('tree/mounted/kept'), '');
      await expect(removeHostTree(path('tree'))).rejects.toMatchObject({ code: 'EBUSY' });
    } finally {
      execFileSync('umount', [path('tree/mounted')]);
    }
  });

  it('hash content', async () => {
    writeFileSync(path('file'), 'x'.repeat(1_000_000));
    const digest = createHash('sha256').update('x'.repeat(1_000_000)).digest('hex');
    await expect(hashHostFile(path('file'), 1_000_000)).resolves.toBe(`sha256:${digest}`);
  });

  it('count what processes have open', async () => {
    writeFileSync(path('cgroup.procs'), `${process.pid}\n`);
    const fds = readdirSync('/proc/self/fd').length;
    const found = await openFilesOf(directory);
    expect(found.processes).toBe(1);
    expect(Math.abs(found.descriptors - fds)).toBeLessThan(5);
    expect(found.sockets).toBeGreaterThan(0);
    expect(found.firstLimits).toBe(readFileSync('/proc/self/limits', 'utf8'));
    await expect(openFilesOf(path('none'))).resolves.toMatchObject({ processes: 0, descriptors: 0 });
  });
});

describe('a helper that somebody kills while it is idle', () => {
  it('is reaped, and the next request has another', async () => {
    await hostTreeUsage(directory);
    const idle = helpers();
    expect(idle).not.toEqual([]);
    for (const pid of idle) process.kill(pid, 'SIGKILL');
    await expect.poll(helpers).toEqual([]);
    await expect(hostTreeUsage(directory)).resolves.toMatchObject({ inodes: 1 });
  });
});

/** Process numbers of this process's helpers, zombies too. */
function helpers(): number[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter((pid) => pid !== '' && commandOf(pid) === 'gantry-files')
    .map(Number);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}
