/** A pod's place on disk (docs/on-disk-layout.md): made locked, asked by its lock, removed whole. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errno, errorCode, GantryError, isId, native, paths, type Roots } from '../../base/index.ts';
import { removeHostTree } from '../../host-files/index.ts';

export class PodDirectory {
  readonly id: string;
  readonly path: string;
  /** Below the state directory: the control socket's. */
  readonly statePath: string;
  readonly controlSocket: string;
  /** Where the pod's user namespace is bound, if it has one. */
  readonly userns: string;

  constructor(roots: Roots, id: string) {
    this.id = id;
    this.path = paths.pod(roots, id);
    this.statePath = paths.podState(roots, id);
    this.controlSocket = paths.controlSocket(roots, id);
    this.userns = join(this.statePath, 'userns');
  }

  get lock(): string {
    return join(this.path, 'lock');
  }

  get record(): string {
    return join(this.path, 'record.json');
  }

  /** The network's record as it was announced before its first effect. */
  get network(): string {
    return join(this.path, 'network.json');
  }

  get manifest(): string {
    return join(this.path, 'pod.json');
  }

  /** What containers see of the pod at /etc: made by stage0, mounted by each of them. */
  file(name: 'resolv.conf' | 'hostname' | 'hosts'): string {
    return join(this.path, name);
  }

  app(appId: string): string {
    return join(this.path, 'apps', appId);
  }

  /** IDs of the apps that have a directory. Errors: those of the file system. */
  apps(): string[] {
    return listIds(join(this.path, 'apps'));
  }

  appRecord(appId: string): string {
    return join(this.path, 'apps', appId, 'record.json');
  }

  /** Of an app: overlayfs' upper and work. */
  writable(appId: string): string {
    return join(this.path, 'apps', appId, 'writable');
  }

  /** Of an app: the volumes that its image declares, a directory each. */
  volumes(appId: string): string {
    return join(this.path, 'apps', appId, 'volumes');
  }

  exitRecord(appId: string): string {
    return join(this.path, 'apps', appId, 'exit');
  }

  /** Makes the directories. The lock is taken before anything else is written; returns its descriptor, the caller's to close. */
  create(): number {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const lockFd = native().lockTake(this.lock);
    mkdirSync(join(this.path, 'apps'), { mode: 0o700 });
    mkdirSync(this.statePath, { recursive: true, mode: 0o700 });
    return lockFd;
  }

  /**
   * Whether somebody (stage1, or who is making the pod) holds the lock. A lock that was deleted cannot be asked: then the pod
   * lives as long as somebody listens on its control socket. Errors: those of the file system.
   */
  isHeld(): boolean {
    return native().lockHeld(this.lock) || (!isThere(this.lock) && isListening(this.controlSocket));
  }

  /** The lock's descriptor, or undefined while another holds it. */
  take(): number | undefined {
    try {
      return native().lockTake(this.lock);
    } catch (error) {
      if (errno(error) === 'EAGAIN' || errno(error) === 'EACCES') return undefined;
      throw error;
    }
  }

  /** Idempotent. Needs no free disk space. */
  async remove(): Promise<void> {
    await removeSmall(this.statePath);
    // What containers wrote may take long. Without any of it these are a few files of ours.
    await (this.apps().length === 0 ? removeSmall(this.path) : removeTree(this.path));
  }
}

async function removeSmall(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (cause) {
    throw notRemoved(path, cause);
  }
}

/** rm -rf that leaves mounts alone: it fails on a busy directory and says which. Idempotent. Nobody else waits for it. */
export async function removeTree(path: string): Promise<void> {
  try {
    await removeHostTree(path);
  } catch (cause) {
    if (errorCode(cause) === 'deadline-exceeded') throw cause;
    throw notRemoved(path, cause);
  }
}

function notRemoved(path: string, cause: unknown): GantryError {
  return new GantryError({
    code: 'internal',
    operation: 'remove directory',
    subject: path,
    message: `${path} cannot be removed; look for mounts below it and for immutable files (lsattr)`,
    cause,
  });
}

/** The names in a directory that are IDs; none where it is absent. Errors: those of the file system. */
export function listIds(directory: string): string[] {
  try {
    return readdirSync(directory).filter(isId);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Whether a process listens on the unix socket of this path, as the kernel has it. */
function isListening(path: string): boolean {
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .some((line) => line.endsWith(` ${path}`));
}

/** Whether there is something at `path`. Errors: those of the file system, which must not count as absence. */
export function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Where a pod's network namespace is bound: any process of the host can open it there. */
export function netnsPathOf(podId: string): string {
  return `/run/netns/gantry-${podId}`;
}

let boot: string | undefined;

/** The kernel's boot ID. */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}
