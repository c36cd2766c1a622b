import { execFileSync, spawn as spawnChild } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { native } from '../../src/base/index.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gnt-binding-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function reaped(pid: number): Promise<number> {
  for (;;) {
    const status = native().reap(pid);
    if (status !== undefined) return status;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function thrown(call: () => unknown): Record<string, unknown> {
  try {
    call();
  } catch (error) {
    return error as Record<string, unknown>;
  }
  throw new Error('nothing was thrown');
}

describe('locks', () => {
  test('a lock is seen while held, refused to others, and gone with its descriptor', () => {
    const path = join(directory, 'lock');
    expect(native().lockHeld(path)).toBe(false);
    const fd = native().lockTake(path);
    expect(native().lockHeld(path)).toBe(true);
    expect(thrown(() => native().lockTake(path))['code']).toBe('EAGAIN');
    native().closeFd(fd);
    expect(native().lockHeld(path)).toBe(false);
    native().closeFd(native().lockTake(path));
  });

  test('a child that inherits the descriptor keeps the lock until it ends; one that does not, does not', async () => {
    const path = join(directory, 'inherited');
    const fd = native().lockTake(path);
    const holder = native().spawn(['/bin/sleep', '60'], [], [-1, -1, -1, fd]);
    const stranger = native().spawn(['/bin/sleep', '60'], [], [-1, -1, -1]);
    native().closeFd(fd);
    expect(native().lockHeld(path)).toBe(true);
    process.kill(holder);
    await reaped(holder);
    expect(native().lockHeld(path)).toBe(false);
    process.kill(stranger);
    await reaped(stranger);
  });

  // What the kernel does to a disk with errors: the pods on it must still be asked, and ended.
  test('a lock is asked and taken on a file system that became read-only', async () => {
    const place = mkdtempSync(join(directory, 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', 'gnt-lock', place]);
    try {
      const path = join(place, 'lock');
      const fd = native().lockTake(path);
      const free = join(place, 'free');
      native().closeFd(native().lockTake(free));
      const holder = native().spawn(['/bin/sleep', '60'], [], [-1, -1, -1, fd]);
      native().closeFd(fd);
      // With --bind: the file that is open for writing keeps the file system itself from it.
      execFileSync('mount', ['--bind', place, place]);
      execFileSync('mount', ['-o', 'remount,bind,ro', place]);
      expect(native().lockHeld(path)).toBe(true);
      expect(thrown(() => native().lockTake(path))['code']).toBe('EAGAIN');
      expect(native().lockHeld(free)).toBe(false);
      const taken = native().lockTake(free);
      expect(native().lockHeld(free)).toBe(true);
      native().closeFd(taken);
      expect(native().lockHeld(free)).toBe(false);
      process.kill(holder);
      await reaped(holder);
    } finally {
      for (const _layer of [1, 2]) execFileSync('umount', ['-l', place], { stdio: 'ignore' });
    }
  });

  test('a directory is no lock', () => {
    expect(thrown(() => native().lockTake(directory))['code']).toMatch(/EISDIR|EINVAL/);
  });
});

describe('spawn', () => {
  test('descriptors, environment, session, signals, limits and directory are exactly what was asked for', async () => {
    const out = join(directory, 'out');
    const fd = openSync(out, 'w');
    const extra = openSync('/dev/zero', 'r');
    const script = [
      'ls /proc/self/fd | tr "\\n" " "; echo',
      'readlink /proc/self/fd/3',
      'env',
      'pwd',
      'grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status',
      'ulimit -Sn',
      'ps -o sid= -p $$ | tr -d " "; echo $$',
    ].join('\n');
    const pid = native().spawn(
      ['/bin/bash', '-c', script],
      ['ONLY=this', 'PATH=/bin:/usr/bin'],
      [-1, fd, fd, extra],
    );
    closeSync(fd);
    closeSync(extra);
    expect(await reaped(pid)).toBe(0);
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    expect(lines[0]?.trim()).toBe('0 1 2 3 4'); // 4 is ls's own
    expect(lines[1]).toBe('/dev/zero');
    const environment = lines.filter((line) => line.includes('=') && !line.startsWith('Sig'));
    expect(environment.filter((line) => !/^(PWD|SHLVL|_)=/.test(line)).sort()).toEqual([
      'ONLY=this',
      'PATH=/bin:/usr/bin',
    ]);
    expect(lines).toContain('/');
    expect(lines).toContain('SigBlk:\t0000000000000000');
    expect(lines).toContain('SigIgn:\t0000000000000000');
    expect(lines).toContain('1024');
    expect(lines.slice(-2)).toEqual([String(pid), String(pid)]);
  });

  test('descriptors may be permuted and repeated', async () => {
    const [a, b] = native().socketPair();
    const one = openSync(join(directory, 'one'), 'w');
    const two = openSync(join(directory, 'two'), 'w');
    // Targets 0…6 overlap the sources: each must be copied before it is overwritten.
    const fds = [two, one, one, two, one, -1, two];
    const pid = native().spawn(
      ['/bin/sh', '-c', 'echo 1; echo 3 >&3; echo 4 >&4; echo 0 >&0; echo 6 >&6'],
      [],
      fds,
    );
    for (const fd of [a, b, one, two]) native().closeFd(fd);
    expect(await reaped(pid)).toBe(0);
    expect(readFileSync(join(directory, 'one'), 'utf8')).toBe('1\n4\n');
    expect(readFileSync(join(directory, 'two'), 'utf8')).toBe('3\n0\n6\n');
  });

  test('a failed exec is an error of the call and leaves no child', () => {
    const error = thrown(() => native().spawn(['/no/such/program'], [], [-1, -1, -1]));
    expect(error).toMatchObject({
      code: 'ENOENT',
      errno: 2,
      operation: 'execve',
      subject: '/no/such/program',
    });
    expect(thrown(() => native().spawn(['/etc'], [], [-1, -1, -1]))['code']).toBe('EACCES');
    expect(thrown(() => native().spawn(['/bin/true'], [], [999_999]))['code']).toBe('EBADF');
    expect(thrown(() => native().reap(process.pid))['code']).toBe('ECHILD');
  });

  test('wrong arguments are refused, not guessed', () => {
    const call = native().spawn as unknown as (...args: unknown[]) => void;
    expect(thrown(() => call('/bin/true', [], []))).toMatchObject({ code: 'EINVAL' });
    expect(thrown(() => call(['/bin/true\0x'], [], []))).toMatchObject({ code: 'EINVAL' });
  });

  test('exit codes and signals come back as wait statuses', async () => {
    expect((await reaped(native().spawn(['/bin/sh', '-c', 'exit 7'], [], [-1, -1, -1]))) >> 8).toBe(7);
    const pid = native().spawn(['/bin/sleep', '60'], [], [-1, -1, -1]);
    expect(native().reap(pid)).toBeUndefined();
    process.kill(pid, 'SIGKILL');
    expect((await reaped(pid)) & 0x7f).toBe(9);
  });
});

describe('execReplace', () => {
  const binding = JSON.stringify(fileURLToPath(new URL('../../src/base/native.ts', import.meta.url)));

  function node(script: string, env: Record<string, string> = {}): string {
    const file = join(directory, `exec-${Math.random().toString(36).slice(2)}.ts`);
    writeFileSync(file, `import { native } from ${binding};\nimport { openSync } from 'node:fs';\n${script}`);
    return execFileSync(process.execPath, [file], { encoding: 'utf8', env: { ...process.env, ...env } });
  }

  test('the process becomes the program: same pid, kept descriptors, clean signals, the caller’s limit', () => {
    const output = node(
      `const kept = openSync('/dev/zero', 'r'); openSync('/dev/full', 'r');
       console.log(process.pid, kept);
       native().execReplace('/bin/bash', ['-bash', '-c', 'echo $$; ulimit -Sn; grep SigIgn /proc/self/status;' +
         ' for i in /proc/self/fd/*; do readlink $i; done; env'], ['ONLY=this'], [kept]);`,
      { GANTRY_NOFILE: '333' },
    );
    const lines = output.trim().split('\n');
    expect(lines[0]?.split(' ')[0]).toBe(lines[1]);
    expect(lines[2]).toBe('333');
    expect(lines[3]).toBe('SigIgn:\t0000000000000000');
    expect(lines).toContain('/dev/zero');
    expect(lines).not.toContain('/dev/full');
    expect(lines).toContain('ONLY=this');
    expect(lines.some((line) => line.startsWith('HOME='))).toBe(false);
  });

  test('a failed exec throws, and the process goes on as before', () => {
    const output = node(
      `try { native().execReplace('/no/such', ['x'], [], []); } catch (error) { console.log(error.code, error.subject); }`,
    );
    expect(output).toBe('ENOENT /no/such\n');
  });
});

test('a socket pair is connected and close-on-exec', async () => {
  const [a, b] = native().socketPair();
  expect(fstatSync(a).isSocket() && fstatSync(b).isSocket()).toBe(true);
  const child = spawnChild('/bin/ls', ['/proc/self/fd'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let listing = '';
  for await (const chunk of child.stdout) listing += chunk;
  expect(listing.split('\n')).not.toContain(String(a));
  writeFileSync(a, 'hello');
  native().closeFd(a);
  expect(readFileSync(b, 'utf8')).toBe('hello');
  native().closeFd(b);
  expect(thrown(() => native().closeFd(b))['code']).toBe('EBADF');
});
