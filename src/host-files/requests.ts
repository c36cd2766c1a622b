/** What the server asks of files that it must not touch itself, one typed function per request. */
import { deadlines } from '../base/index.ts';
import { HostFileError } from './errors.ts';
import type { HostRequest } from './helper.ts';
import { type AskOptions, HelperPool, type HostAnswer } from './pool.ts';

const pool = new HelperPool();

/** Several requests in one go; see `HelperPool.ask` for what they fail with as a whole. */
export function askHost(requests: readonly HostRequest[], options: AskOptions): Promise<HostAnswer[]> {
  return pool.ask(requests, options);
}

/** Helper processes that were killed and sleep in the kernel. */
export function abandonedHelpers(): number {
  return pool.abandoned;
}

/** Starts the first helper, so that the first container does not wait for it. Errors: those of starting a program. */
export async function prepareHostFiles(): Promise<void> {
  await one({ name: 'ping', path: '' }, { wait: 'hostPath' });
}

/** Ends helpers that nobody waits for. */
export function closeHostFiles(): void {
  pool.close();
}

/** The text of a regular file of at most 8 MiB. Errors: HostFileError (ENOENT, EINVAL for what is no file …), deadline-exceeded. */
export async function readHostFile(
  path: string,
  options: AskOptions = { wait: 'hostPath' },
): Promise<string> {
  const [text = ''] = await one({ name: 'read', path }, options);
  return text;
}

/** rm -rf that stays in one file system and follows no link. Idempotent. Errors: HostFileError (EBUSY: a mount), deadline-exceeded. */
export async function removeHostTree(path: string): Promise<void> {
  await one({ name: 'remove', path }, { wait: 'removeTree' });
}

/** SELinux's label for a path and all below it; links are never followed. Idempotent. Errors: HostFileError (EROFS), deadline-exceeded. */
export async function relabelHostTree(path: string, label: string, signal?: AbortSignal): Promise<void> {
  await one({ name: 'relabel', path, argument: label }, { wait: 'relabel', ...(signal && { signal }) });
}

/** Bytes on disk and inodes, a hard-linked file once; an absent path has none. */
export async function hostTreeUsage(path: string): Promise<{ bytes: number; inodes: number }> {
  const [bytes, inodes] = await one({ name: 'usage', path }, { wait: 'diskUsage' });
  return { bytes: Number(bytes), inodes: Number(inodes) };
}

/** `sha256:…` of a file's content. `size` in bytes: how long it may take depends on it. */
export async function hashHostFile(path: string, size: number): Promise<string> {
  const gibibytes = Math.max(1, size / 1024 ** 3);
  const [digest = ''] = await one(
    { name: 'hash', path },
    { wait: 'hashLayer', deadline: deadlines.hashLayer * gibibytes },
  );
  return digest;
}

/** What the processes of the cgroup in `directory` have open; zeros for one that is gone. */
export async function openFilesOf(
  directory: string,
): Promise<{ processes: number; descriptors: number; sockets: number; firstLimits: string }> {
  const answer = await one({ name: 'processes', path: directory }, { wait: 'processes' });
  const [processes, descriptors, sockets, firstLimits = ''] = answer;
  return {
    processes: Number(processes),
    descriptors: Number(descriptors),
    sockets: Number(sockets),
    firstLimits,
  };
}

async function one(request: HostRequest, options: AskOptions): Promise<readonly string[]> {
  const [answer = []] = await askHost([request], options);
  if (answer instanceof HostFileError) throw answer;
  return answer;
}
