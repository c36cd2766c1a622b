/** A root directory of Debian's busybox and the libraries that it is linked to; made once a test process. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Rootfs {
  readonly path: string;
  remove(): void;
}

export function makeRootfs(): Rootfs {
  const path = mkdtempSync(join(tmpdir(), 'keeper-rootfs-'));
  for (const directory of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(path, directory));
  const busybox = '/bin/busybox';
  const libraries = execFileSync('ldd', [busybox], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of [busybox, ...libraries]) {
    mkdirSync(join(path, dirname(file)), { recursive: true });
    copyFileSync(file, join(path, file));
  }
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n')) {
    if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(path, 'bin', applet));
  }
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
