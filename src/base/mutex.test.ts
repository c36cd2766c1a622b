import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileMutex, Mutex } from './mutex.ts';
import { native } from './native.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mutex-'));
  path = join(directory, 'below', 'lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe.each<[string, () => { run<T>(work: () => T | Promise<T>): Promise<T> }]>([
  ['Mutex', () => new Mutex()],
  ['FileMutex', () => new FileMutex(path)],
])('%s', (_name, make) => {
  it('runs one at a time, in the order of asking', async () => {
    const mutex = make();
    const seen: string[] = [];
    const work = (name: string, ms: number) => async () => {
      seen.push(`+${name}`);
      await sleep(ms);
      seen.push(`-${name}`);
      return name;
    };
    const all = [mutex.run(work('a', 20)), mutex.run(work('b', 0)), mutex.run(work('c', 5))];
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  });

  it('goes on after a failure, which is the failed caller’s alone', async () => {
    const mutex = make();
    const failed = mutex.run(() => {
      throw new Error('no');
    });
    const next = mutex.run(() => 7);
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe(7);
  });
});

describe('FileMutex', () => {
  it('holds the file’s lock while there is work, and only then', async () => {
    const mutex = new FileMutex(path);
    expect(existsSync(path)).toBe(false);
    // Another open file of the same process competes as another process does (open file description locks).
    await mutex.run(() => expect(() => native().lockTake(path)).toThrow());
    native().closeFd(native().lockTake(path));
  });

  it('excludes others with the same file', async () => {
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(name);
      await sleep(20);
      seen.push(name);
    };
    await Promise.all([new FileMutex(path).run(work('a')), new FileMutex(path).run(work('b'))]);
    expect(seen.toString()).toMatch(/^(a,a,b,b|b,b,a,a)$/);
  });

  it('gives up on a holder that does not let go, names the file, and does not do the work', async () => {
    await new FileMutex(path).run(async () => {
      const attempt = new FileMutex(path, 20).run(() => expect.unreachable());
      await expect(attempt).rejects.toMatchObject({ code: 'unavailable', subject: path });
    });
  });
});
