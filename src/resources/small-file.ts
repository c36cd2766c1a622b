import { closeSync, openSync, readSync } from 'node:fs';

const buffer = Buffer.allocUnsafe(64 * 1024);

/**
 * A file of the kernel's, whole (up to 64 KiB), in three system calls; undefined where it is absent or cannot be read
 * any more (a cgroup that is just going answers ENODEV). Statistics of hundreds of cgroups are made of such reads.
 */
export function readSmall(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, null));
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** The file's one number; undefined where there is none (`max`, absent). */
export function readNumber(path: string): number | undefined {
  const text = readSmall(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** `name value` a line. */
export function parseKeyed(text: string | undefined): ReadonlyMap<string, number> {
  const result = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) result.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return result;
}
