import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const sh = (cwd: string, script: string): void => {
  execFileSync('sh', ['-euc', script], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
};

/** Bytes that repeat late and compress badly. */
export function pattern(length: number, seed = 1): Buffer {
  const out = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = state >>> 24;
  }
  return out;
}

/** Sizes on both sides of every edge that the image's layout has: blocks, inodes of 32 and 64 bytes, slots. */
const edges = [0, 1, 31, 32, 33, 511, 512, 513, 4031, 4032, 4033, 4063, 4064, 4065, 4095, 4096, 4097];

function makeFiles(root: string): void {
  mkdirSync(join(root, 'sizes'));
  for (const size of [...edges, ...edges.map((edge) => edge + 8192), 300_000, 1_100_000]) {
    writeFileSync(join(root, 'sizes', `${size}`), pattern(size, size + 1));
  }
  mkdirSync(join(root, 'modes'));
  for (const mode of [0o000, 0o777, 0o4755, 0o2755, 0o6711, 0o1644]) {
    const path = join(root, 'modes', mode.toString(8));
    writeFileSync(path, 'mode');
    chmodSync(path, mode);
  }
}

function makeNames(root: string): void {
  mkdirSync(join(root, 'names'));
  const odd = [
    '!before',
    '-dash',
    '.dot',
    '..dots',
    '...',
    '+plus',
    '~tilde',
    'a b',
    'new\nline',
    'tab\t',
    '\\back',
    'ünïcode',
  ];
  for (const name of [...odd, 'n'.repeat(255)]) writeFileSync(join(root, 'names', name), name);
  writeFileSync(
    Buffer.concat([Buffer.from(`${root}/names/`), Buffer.from([0xff, 0xfe, 0x80, 0x41])]),
    'not UTF-8',
  );
  const deep = Array.from({ length: 12 }, (_, n) => `directory-number-${n}-${'x'.repeat(40)}`).join('/');
  mkdirSync(join(root, deep), { recursive: true });
  writeFileSync(join(root, deep, 'leaf'), 'deep');
  symlinkSync(`../${'t'.repeat(200)}`, join(root, 'long-link'));
  symlinkSync('/'.padEnd(4095, 'y'), join(root, 'longest-link'));
}

function makeManyNames(root: string): void {
  mkdirSync(join(root, 'many'));
  for (let n = 0; n < 1200; n += 1) writeFileSync(join(root, 'many', `${n}-${'f'.repeat(n % 60)}`), `${n}`);
  mkdirSync(join(root, 'empty'));
  mkdirSync(join(root, 'parent'));
  for (let n = 0; n < 300; n += 1) mkdirSync(join(root, 'parent', `child-${n}`));
}

function makeLinksAndDevices(root: string): void {
  mkdirSync(join(root, 'links'));
  writeFileSync(join(root, 'links/a'), 'linked');
  for (const name of ['b', 'c', '../linked-from-above'])
    linkSync(join(root, 'links/a'), join(root, 'links', name));
  symlinkSync('a', join(root, 'links/symbolic'));
  linkSync(join(root, 'links/symbolic'), join(root, 'links/symbolic-twin'));
  symlinkSync('/absolute/nowhere', join(root, 'links/dangling'));
  sh(
    root,
    `mkdir devices; cd devices; mknod null c 1 3; mknod disk b 8 17; mknod big-numbers c 511 262143; mkfifo fifo
     chmod 666 null; chown 1:2 disk`,
  );
}

function makeOwnersAndTimes(root: string): void {
  sh(
    root,
    `mkdir owners; cd owners
     for id in 0 1 65534 65535 65536 2000000000; do touch $id; chown $id:$id $id; done; mkdir d; chown 70000:70001 d; chmod 2775 d
     ln -s x s; chown -h 12:13 s`,
  );
  mkdirSync(join(root, 'times'));
  const times: [string, number][] = [
    ['epoch', 0],
    ['nanoseconds', 1_234_567_890.25],
    ['late', 5_000_000_000.5],
  ];
  for (const [name, time] of times) {
    writeFileSync(join(root, 'times', name), name);
    lutimesSync(join(root, 'times', name), time, time);
  }
  sh(
    root,
    "touch -d '1960-01-01 00:00:00.123456789 UTC' times/before-the-epoch; touch -d '2001-01-01 UTC' times",
  );
}

function makeXattrs(root: string): void {
  sh(
    root,
    `mkdir attributes; cd attributes; touch plain capability acl many; mkdir directory; ln -s plain symlink
     setfattr -n user.text -v value plain; setfattr -n user.binary -v 0x00ff0a3d plain; setfattr -n user.empty plain
     setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 capability
     setfattr -n security.other -v x symlink
     setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff acl
     setfattr -n system.posix_acl_default -v 0x0200000001000700ffffffff04000500ffffffff20000500ffffffff directory
     setfattr -n user.on-directory -v yes directory
     for n in $(seq 1 14); do setfattr -n user.name-$n -v "$(printf '%0200d' $n)" many; done`,
  );
}

/** Files with holes: at the start, in the middle, at the end, everywhere. */
export function makeSparse(root: string): void {
  mkdirSync(join(root, 'sparse'));
  const make = (name: string, size: number, ...stretches: [number, number][]): void => {
    const fd = openSync(join(root, 'sparse', name), 'w');
    for (const [offset, length] of stretches) writeSync(fd, pattern(length, offset + 7), 0, length, offset);
    ftruncateSync(fd, size);
    closeSync(fd);
  };
  make('only-a-hole', 1 << 20);
  make('hole-first', (1 << 20) + 5000, [1 << 20, 5000]);
  make('hole-last', 3 << 20, [0, 4096]);
  make('two', 8 << 20, [1 << 20, 8192], [5 << 20, 12288]);
  make('comb', 4 << 20, ...Array.from({ length: 64 }, (_, n): [number, number] => [n << 16, 4096]));
  make('small-hole', 60_000, [0, 4096], [40_960, 19_040]);
}

/** A directory with one of everything that a layer can hold. */
export function makeSource(root: string): void {
  mkdirSync(root, { mode: 0o751 });
  makeFiles(root);
  makeNames(root);
  makeManyNames(root);
  makeLinksAndDevices(root);
  makeOwnersAndTimes(root);
  makeXattrs(root);
}
