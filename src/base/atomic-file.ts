import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errno, systemError } from './errors.ts';
import { temporarySuffix } from './temporary-file.ts';

/**
 * Replaces `path` with `content` so that a reader sees the old file or the new one, whole. Synchronous: records are
 * small and the page cache takes them in microseconds. A process that is killed here leaves an unfinished file: whoever
 * writes into a directory calls `sweepTemporaryFiles` on it at start. Errors: those of `systemError`.
 *
 * @param durable also survive a power cut: the file is synced before the rename and the directory after it. Wanted for
 * what is announced to others (images, trust, addresses), not for pod records, which a reboot ends anyway.
 */
export function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options?: { durable?: boolean; mode?: number },
): void {
  try {
    replaceFile(path, typeof content === 'string' ? Buffer.from(content) : content, options);
  } catch (error) {
    throw systemError('write', path, error);
  }
}

function replaceFile(
  path: string,
  bytes: Uint8Array,
  options: { durable?: boolean; mode?: number } = {},
): void {
  const temporary = `${path}${temporarySuffix()}`;
  const fd = openSync(temporary, 'wx', options.mode ?? 0o600);
  try {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      if (options.durable) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
  if (options.durable) syncDirectory(dirname(path));
}

/** JSON with bigint members written as decimal strings; `parse` functions of the records read them back. */
export function writeJsonAtomic(
  path: string,
  value: unknown,
  options?: { durable?: boolean; mode?: number },
): void {
  writeFileAtomic(
    path,
    `${JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? v.toString() : v))}\n`,
    options,
  );
}

/** Makes a rename or creation in `directory` survive a power cut. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** mkdir -p, mode 0700 unless told: everything of Gantry's is root's alone. */
export function makeDirectory(path: string, mode = 0o700): void {
  try {
    makeWithParents(path, mode);
  } catch (error) {
    throw systemError('make directory', path, error);
  }
}

/** Node's own says ENOENT on a read-only file system, instead of what the kernel said. */
function makeWithParents(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const name = errno(error);
    if (name === 'EEXIST' && statSync(path).isDirectory()) return;
    if (name !== 'ENOENT' || dirname(path) === path) throw error;
    makeWithParents(dirname(path), mode);
    mkdirSync(path, { mode });
  }
}
