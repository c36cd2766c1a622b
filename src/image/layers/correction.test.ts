import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../base/index.ts';
import { never } from '../testing/fixture.ts';
import { checkImplied, correctStack } from './correction.ts';
import { ErofsStore } from './erofs-store.ts';
import type { StoredLayer } from './types.ts';

let base: string;
let store: ErofsStore;
let mounted: string[];
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'image-implied-'));
  store = new ErofsStore(join(base, 'layers'), pino({ level: 'silent' }));
  await store.open();
  mounted = [];
});
afterEach(() => {
  for (const path of mounted.reverse()) execFileSync('umount', [path]);
  rmSync(base, { recursive: true });
});

let serial = 0;
/** A layer of just these members of a tree that `build` makes. */
async function layer(build: (root: string) => void, ...members: string[]): Promise<StoredLayer> {
  const root = join(base, `tree-${serial++}`);
  mkdirSync(root);
  build(root);
  const tar = execFileSync(
    'tar',
    [
      '-C',
      root,
      '--numeric-owner',
      '--no-recursion',
      '--xattrs',
      '--xattrs-include=*',
      '-cf',
      '-',
      ...members,
    ],
    { maxBuffer: 64 << 20 },
  );
  return await store.add({}, (sink) => pipeline([tar], sink), never());
}

const file = (root: string, path: string, content = 'x'): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};

/** The base of most images: a sticky /tmp, somebody's home, a link. */
const lower = () =>
  layer(
    (root) => {
      for (const path of ['tmp', 'home/me/deep', 'usr/bin']) mkdirSync(join(root, path), { recursive: true });
      chmodSync(join(root, 'tmp'), 0o1777);
      chmodSync(join(root, 'home/me'), 0o750);
      chownSync(join(root, 'home/me'), 70_000, 7);
      execFileSync('setfattr', ['-n', 'user.note', '-v', '0x00ff41', join(root, 'home/me')]);
      symlinkSync('usr/bin', join(root, 'bin'));
    },
    ...['.', 'tmp', 'home', 'home/me', 'home/me/deep', 'usr', 'usr/bin', 'bin'],
  );

const correction = (...stack: StoredLayer[]) =>
  correctStack(
    stack.map(({ key, impliedDirectories = [] }) => ({ file: store.path(key), impliedDirectories })),
    0,
    never(),
  );

/** The stack as a container would see it. */
async function mountStack(...stack: StoredLayer[]): Promise<string> {
  const paths: string[] = [];
  for (const { key } of stack) {
    const path = join(base, `mnt-${serial++}`);
    mkdirSync(path);
    await store.mount(key, path);
    mounted.push(path);
    paths.unshift(path);
  }
  const merged = join(base, `mnt-${serial++}`);
  mkdirSync(merged);
  execFileSync('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${paths.join(':')}`, 'overlay', merged]);
  mounted.push(merged);
  return merged;
}

describe('a stack whose upper layer does not name its directories', () => {
  it('gets the attributes back that lower layers gave them', async () => {
    const bottom = await lower();
    const upper = await layer(
      (root) => {
        file(root, 'tmp/x');
        file(root, 'home/me/deep/y');
      },
      'tmp/x',
      'home/me/deep/y',
    );
    const { tar, hiding } = await correction(bottom, upper);
    expect(hiding).toEqual([]);
    if (tar === undefined) throw new Error('no correction');
    const top = await store.add({}, (sink) => pipeline([tar], sink), never());
    const merged = await mountStack(bottom, upper, top);
    expect(statSync(join(merged, 'tmp')).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(merged, 'home/me'))).toMatchObject({ uid: 70_000, gid: 7 });
    expect(statSync(join(merged, 'home/me')).mode & 0o7777).toBe(0o750);
    expect(
      execFileSync('getfattr', ['-n', 'user.note', '-e', 'hex', '--only-values', join(merged, 'home/me')], {
        encoding: 'latin1',
      }),
    ).toBe('\x00\xffA');
    for (const path of ['tmp/x', 'home/me/deep/y'])
      expect(readFileSync(join(merged, path), 'utf8')).toBe('x');
    // What it is for: without it they would be anybody's.
    const plain = await mountStack(bottom, upper);
    expect(statSync(join(plain, 'tmp')).mode & 0o7777).toBe(0o755);
    // And it is the same, whoever asks again.
    expect((await correction(bottom, upper)).tar?.equals(tar)).toBe(true);
  });

  it.each([
    ['alone', ['tmp/.wh..wh..opq']],
    ['with a file', ['tmp/.wh..wh..opq', 'tmp/new']],
    ['behind a file', ['tmp/new', 'tmp/.wh..wh..opq']],
  ])(
    'an opaque marker, %s, hides what is in the directory and nothing of its own',
    async (_what, members) => {
      const bottom = await lower();
      const more = await layer((root) => file(root, 'tmp/old'), 'tmp/old');
      const upper = await layer(
        (root) => {
          for (const member of members) file(root, member);
        },
        ...members,
      );
      const { tar } = await correction(bottom, more, upper);
      if (tar === undefined) throw new Error('no correction');
      const top = await store.add({}, (sink) => pipeline([tar], sink), never());
      const merged = join(await mountStack(bottom, more, upper, top), 'tmp');
      expect(statSync(merged).mode & 0o7777).toBe(0o1777);
      expect(readdirSync(merged)).toEqual(members.filter((member) => member === 'tmp/new').map(() => 'new'));
    },
  );

  it('a whiteout of the directory hides its attributes too', async () => {
    const bottom = await lower();
    for (const members of [
      ['.wh.tmp', 'tmp/new'],
      ['tmp/new', '.wh.tmp'],
    ]) {
      const upper = await layer(
        (root) => {
          for (const member of members) file(root, member);
        },
        ...members,
      );
      expect(upper.impliedDirectories).toEqual(['/']);
      expect((await correction(bottom, upper)).tar === undefined).toBe(true);
    }
  });

  it('an opaque root keeps the attributes that lower layers gave it', async () => {
    const bottom = await layer(
      (root) => {
        chmodSync(root, 0o711);
        chownSync(root, 5, 6);
        file(root, 'old');
      },
      '.',
      'old',
    );
    const upper = await layer(
      (root) => {
        file(root, '.wh..wh..opq');
        file(root, 'new');
      },
      '.wh..wh..opq',
      'new',
    );
    expect(upper).toMatchObject({ rootOpaque: true, impliedDirectories: ['/'] });
    const stack = [bottom, upper].map(({ key, impliedDirectories = [] }) => ({
      file: store.path(key),
      impliedDirectories,
    }));
    const { tar } = await correctStack(stack, 1, never());
    if (tar === undefined) throw new Error('no correction');
    const top = await store.add({}, (sink) => pipeline([tar], sink), never());
    const merged = await mountStack(upper, top);
    expect(statSync(merged)).toMatchObject({ uid: 5, gid: 6 });
    expect(statSync(merged).mode & 0o7777).toBe(0o711);
    expect(readdirSync(merged)).toEqual(['new']);
  });

  it('is left alone where nothing differs', async () => {
    const bottom = await lower();
    const upper = await layer((root) => file(root, 'usr/bin/tool'), 'usr/bin/tool');
    expect(upper.impliedDirectories).toEqual(['/', '/usr', '/usr/bin']);
    expect((await correction(bottom, upper)).tar === undefined).toBe(true);
    expect((await correction(upper)).tar === undefined).toBe(true);
  });

  it('is left alone where the layer names them, in any layer above', async () => {
    const bottom = await lower();
    const upper = await layer((root) => file(root, 'tmp/x'), 'tmp/x');
    const named = await layer((root) => mkdirSync(join(root, 'tmp')), 'tmp');
    expect((await correction(bottom, upper, named)).tar === undefined).toBe(true);
    expect((await correction(bottom, named, upper)).tar === undefined).toBe(true);
  });

  it('does not look below a whiteout or an opaque directory', async () => {
    const bottom = await lower();
    const gone = await layer((root) => file(root, '.wh.tmp', ''), '.wh.tmp');
    const opaque = await layer((root) => file(root, 'home/.wh..wh..opq', ''), 'home/.wh..wh..opq');
    const upper = await layer(
      (root) => {
        file(root, 'tmp/x');
        file(root, 'home/me/y');
      },
      'tmp/x',
      'home/me/y',
    );
    expect((await correction(bottom, gone, opaque, upper)).tar === undefined).toBe(true);
  });

  it('is reported where it hides a link that unpacking would have followed', async () => {
    const bottom = await lower();
    const upper = await layer((root) => file(root, 'bin/tool'), 'bin/tool');
    expect((await correction(bottom, upper)).hiding).toEqual(['/bin']);
  });

  it('may have names that are no text', async () => {
    const name = Buffer.from('50%-\xff', 'latin1');
    const build = (root: string): void => {
      const path = Buffer.concat([Buffer.from(`${root}/`), name]);
      mkdirSync(path);
      chmodSync(path, 0o700);
      writeFileSync(Buffer.concat([path, Buffer.from('/f')]), '');
    };
    const list = join(base, 'list');
    const archive = async (...members: Buffer[]): Promise<StoredLayer> => {
      const root = join(base, `tree-${serial++}`);
      mkdirSync(root);
      build(root);
      writeFileSync(list, Buffer.concat(members.flatMap((member) => [member, Buffer.from('\0')])));
      const tar = execFileSync('tar', ['-C', root, '--no-recursion', '--null', '-T', list, '-cf', '-']);
      return await store.add({}, (sink) => pipeline([tar], sink), never());
    };
    const bottom = await archive(name);
    const upper = await archive(Buffer.concat([name, Buffer.from('/f')]));
    expect(upper.impliedDirectories).toEqual(['/', '/50%25-%FF']);
    const { tar } = await correction(bottom, upper);
    if (tar === undefined) throw new Error('no correction');
    const top = await store.add({}, (sink) => pipeline([tar], sink), never());
    const merged = await mountStack(bottom, upper, top);
    expect(statSync(Buffer.concat([Buffer.from(`${merged}/`), name])).mode & 0o7777).toBe(0o700);
  });
});

describe('directories without number', () => {
  const many = (count: number, prefix: string): readonly string[] =>
    Array.from({ length: count }, (_, i) => `/${prefix}${i}`);

  it('are refused, in one layer or in several', () => {
    const fair = { impliedDirectories: many(150_000, 'a') };
    expect(() => checkImplied([fair, fair])).not.toThrow();
    expect(() => checkImplied([fair, fair, { impliedDirectories: ['/b'] }])).toThrow(
      /more than 300000 directories that they do not name/,
    );
  });

  it('are found among many', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => `entry-${i}-${'x'.repeat(i % 60)}`);
    const make = (root: string): void => {
      for (const name of names) {
        mkdirSync(join(root, name));
        chmodSync(join(root, name), 0o700 + (Number(name.split('-')[1]) % 8));
      }
    };
    const bottom = await layer(make, '.', ...names);
    const upper = await layer(
      (root) => {
        make(root);
        for (const name of names) file(root, `${name}/f`);
      },
      ...names.map((name) => `${name}/f`),
    );
    const { tar } = await correction(bottom, upper);
    if (tar === undefined) throw new Error('no correction');
    const listed = execFileSync('tar', ['-tvf', '-'], { input: tar, encoding: 'utf8' }).trim().split('\n');
    expect(listed).toHaveLength(1 + names.length);
    const modes = listed.map((line) => line.slice(7, 10));
    expect(modes.filter((mode) => mode === 'r-x').length).toBe(
      1 + names.filter((_, i) => i % 8 === 5).length,
    );
  });
});

describe('a damaged file of a layer', () => {
  const ask = (path: string) =>
    correctStack(
      [
        { file: path, impliedDirectories: [] },
        { file: path, impliedDirectories: ['/a', '/a/b', '/d/x7'] },
      ],
      0,
      never(),
    );

  it('is refused where it is none at all', async () => {
    const path = join(base, 'rubbish');
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(8192)]) {
      writeFileSync(path, bytes);
      await expect(ask(path)).rejects.toMatchObject({ code: 'data-loss' });
    }
  });

  it('is refused or read, wherever it is damaged: no crash, no end of memory', async () => {
    const { key } = await layer(
      (root) => {
        mkdirSync(join(root, 'a/b'), { recursive: true });
        mkdirSync(join(root, 'd'));
        for (let i = 0; i < 400; i += 1) mkdirSync(join(root, `d/x${i}`));
        execFileSync('setfattr', ['-n', 'user.note', '-v', 'text', join(root, 'a')]);
      },
      ...['.', 'a', 'a/b', 'd', ...Array.from({ length: 400 }, (_, i) => `d/x${i}`)],
    );
    const whole = readFileSync(store.path(key));
    const path = join(base, 'damaged');
    let random = 12345;
    const next = (below: number): number => {
      random = (random * 1103515245 + 12345) % 2147483648;
      return random % below;
    };
    const codes = new Set<string>();
    for (let round = 0; round < 60; round += 1) {
      const bytes = Buffer.from(
        round % 4 === 0 ? whole.subarray(0, 1100 + next(whole.length - 1100)) : whole,
      );
      for (let n = 0; n < 40; n += 1)
        bytes[1152 + next(bytes.length - 1152)] = [0, 255, next(256)][n % 3] ?? 0;
      writeFileSync(path, bytes);
      const code = await ask(path).then(
        () => 'read',
        (error: unknown) => errorCode(error),
      );
      codes.add(code);
    }
    expect([...codes].filter((code) => code !== 'read' && code !== 'data-loss')).toEqual([]);
    expect(codes).toContain('data-loss');
  });
});
