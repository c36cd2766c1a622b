/**
 * A plug-in outlives a server that is killed while it runs, and would then race the DEL that cleans up after it. So every
 * plug-in of an ADD inherits a lock, and DEL first waits until nobody holds it.
 */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errno, GantryError, makeDirectory, native, type Roots } from '../../base/index.ts';

function lockPath(roots: Roots, podId: string): string {
  return join(roots.state, 'cni', `${podId}.lock`);
}

/** Runs `work` with the lock's descriptor. */
export async function withPluginLock<T>(
  roots: Roots,
  podId: string,
  work: (fd: number) => Promise<T>,
): Promise<T> {
  const path = lockPath(roots, podId);
  makeDirectory(dirname(path));
  const fd = takeLock(path, podId);
  try {
    return await work(fd);
  } finally {
    rmSync(path, { force: true });
    native().closeFd(fd);
  }
}

function takeLock(path: string, podId: string): number {
  try {
    return native().lockTake(path);
  } catch (error) {
    if (errno(error) !== 'EAGAIN') throw error;
    throw new GantryError({
      code: 'unavailable',
      operation: 'CNI ADD',
      subject: podId,
      message: `a CNI plug-in still runs for pod ${podId} (it holds ${path})`,
    });
  }
}

/** Waits until no plug-in of an earlier ADD runs any more; gives up (throws the signal's reason) when aborted. */
export async function pluginsEnded(roots: Roots, podId: string, signal: AbortSignal): Promise<void> {
  const path = lockPath(roots, podId);
  while (native().lockHeld(path)) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  rmSync(path, { force: true });
}
