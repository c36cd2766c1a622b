import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporarySuffix } from '../../base/index.ts';
import { never } from '../testing/fixture.ts';
import { layerOf, tarOf } from '../testing/images.ts';
import { mountsSparseFiles } from './converter.ts';
import { ErofsStore } from './erofs-store.ts';
import { layerStoreSuite } from './layer-store.suite.ts';

const silent = pino({ level: 'silent' });

async function openStore(directory: string): Promise<ErofsStore> {
  const store = new ErofsStore(directory, silent);
  await store.open();
  return store;
}

layerStoreSuite('erofs', async () => {
  const base = mkdtempSync(join(tmpdir(), 'image-store-'));
  const directory = join(base, 'layers');
  return {
    store: await openStore(directory),
    reopen: () => openStore(directory),
    damage: (key) => {
      const fd = openSync(join(directory, `${key}.erofs`), 'r+');
      writeSync(fd, 'damage', 1100);
      closeSync(fd);
    },
    files: () => readdirSync(directory),
    mountpoint: join(base, 'mnt'),
    dispose: async () => rmSync(base, { recursive: true }),
  };
});

describe('the EROFS store', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'image-erofs-'));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  it('makes files that fsck.erofs accepts', async () => {
    const store = await openStore(base);
    const layer = layerOf(tarOf({ 'a/b/c': 'x', d: 'y'.repeat(10_000) }));
    const { key } = await store.add({}, (sink) => pipeline([layer.bytes], sink), never());
    expect(spawnSync('fsck.erofs', [store.path(key)])).toMatchObject({ status: 0 });
  });

  it('removes what dead processes began, and nothing of the living', async () => {
    const mine = temporarySuffix();
    // A process number that was given out again has another start time.
    const dead = [`.tmp-${process.pid}-1-0`, `.tmp-${process.pid}-1-0.json`, '.tmp-4194305-77-3'];
    for (const name of [mine, ...dead, 'unrelated']) writeFileSync(join(base, name), 'x');
    await openStore(base);
    expect(readdirSync(base).sort()).toEqual([mine, 'unrelated'].sort());
  });

  it('says that the disk is full, and leaves nothing', async () => {
    const small = join(base, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'image-test', small]);
    try {
      const store = await openStore(small);
      const layer = layerOf(tarOf({ big: Buffer.alloc(4 << 20, 'x') }));
      const added = store.add({}, (sink) => pipeline([layer.bytes], sink), never());
      await expect(added).rejects.toMatchObject({ code: 'resource-exhausted' });
      expect(readdirSync(small)).toEqual([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it.each([
    ['5.10.0-30-amd64', false],
    ['5.14.0', false],
    ['5.15.0-rc1', true],
    ['6.18.5', true],
    ['4.19.0', false],
  ])('on Linux %s sparse files keep their holes: %s', (kernel, keeps) => {
    expect(mountsSparseFiles(kernel)).toBe(keeps);
  });
});

it('a converter that the kernel kills for want of memory is no fault of anybody’s', async () => {
  const base = mkdtempSync(join(tmpdir(), 'image-killed-'));
  try {
    const store = await openStore(join(base, 'layers'));
    const killed = store.add({}, async () => killConverters(), never());
    await expect(killed).rejects.toMatchObject({
      code: 'resource-exhausted',
      message: expect.stringContaining('killed by SIGKILL'),
    });
    expect(readdirSync(join(base, 'layers'))).toEqual([]);
  } finally {
    rmSync(base, { recursive: true });
  }
});

/** Of this process; not by pkill(1), which does not live with a preloaded sanitizer. */
function killConverters(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, parent] =
        /^\d+ \((.*)\) \S+ (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (name === 'gantry-layer' && Number(parent) === process.pid) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
