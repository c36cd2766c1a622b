/** What every container's document mounts something on, as one directory below all root file systems. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paths, type Roots } from '../../base/index.ts';

const directories = ['dev', 'etc', 'proc', 'sys'];
const files = ['etc/hostname', 'etc/hosts', 'etc/resolv.conf'];

const made = new Set<string>();

/**
 * Its path; made at first use. Containers whose image has these places already see the image's. The others need not make them,
 * each in a writable layer of its own, which takes a copy of /etc and a file for each. Errors: those of the file system.
 */
export function mountPoints(roots: Roots): string {
  const path = paths.mountPoints(roots);
  if (made.has(path)) return path;
  mkdirSync(path, { recursive: true, mode: 0o755 });
  for (const name of directories) mkdirSync(join(path, name), { recursive: true });
  for (const name of files) writeFileSync(join(path, name), '', { flag: 'a' });
  // Whatever the server's umask is: an app's users look through them.
  for (const name of directories) chmodSync(join(path, name), 0o755);
  for (const name of files) chmodSync(join(path, name), 0o644);
  made.add(path);
  return path;
}
