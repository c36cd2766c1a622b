/**
 * What an errno means to a caller: the one table for every folder and for the gRPC wrapper (docs/errors.md). Pure.
 *
 * Only conditions of the host are in it. A name that is absent (ENOENT, EINVAL …) depends on whose path or argument it was:
 * whoever makes the call knows, and 'internal' is right where nobody foresaw it.
 */
import { getSystemErrorMap } from 'node:util';
import type { ErrorCode } from './error-code.ts';

interface Meaning {
  readonly code: ErrorCode;
  /** What to do about it; '' where there is nothing general to say. */
  readonly remedy: string;
}

const memory: Meaning = { code: 'resource-exhausted', remedy: 'the host is short of memory' };
const denied: Meaning = { code: 'permission-denied', remedy: '' };

const meanings: Readonly<Record<string, Meaning>> = {
  ENOSPC: { code: 'resource-exhausted', remedy: 'free some space or inodes on its file system' },
  EDQUOT: { code: 'resource-exhausted', remedy: 'raise the quota of its file system, or free some of it' },
  EFBIG: { code: 'resource-exhausted', remedy: 'its file system or a file size limit allows no larger file' },
  EMFILE: { code: 'resource-exhausted', remedy: 'raise the limit of open files (LimitNOFILE) of gantry' },
  ENFILE: { code: 'resource-exhausted', remedy: 'raise fs.file-max of the host' },
  ENOMEM: memory,
  EAGAIN: { code: 'resource-exhausted', remedy: 'a limit of processes or memory is reached' },
  ENOBUFS: memory,
  EROFS: {
    code: 'failed-precondition',
    remedy: "its file system is read-only; see the kernel's log for why",
  },
  EBUSY: { code: 'failed-precondition', remedy: '' },
  ETXTBSY: { code: 'failed-precondition', remedy: '' },
  EIO: { code: 'data-loss', remedy: "the disk failed; see the kernel's log" },
  EUCLEAN: { code: 'data-loss', remedy: "its file system is damaged; see the kernel's log" },
  EACCES: denied,
  EPERM: denied,
  ETIMEDOUT: { code: 'deadline-exceeded', remedy: '' },
  ENOSYS: { code: 'unimplemented', remedy: 'the kernel does not have it' },
  EOPNOTSUPP: { code: 'unimplemented', remedy: 'the kernel or the file system does not have it' },
};

/** Undefined when the name alone does not say. */
export function errnoCode(name: string): ErrorCode | undefined {
  return meanings[name]?.code;
}

/** `no space left on device (ENOSPC); free some space …`. */
export function errnoText(name: string): string {
  const remedy = meanings[name]?.remedy ?? '';
  return `${words.get(name) ?? 'failed'} (${name})${remedy === '' ? '' : `; ${remedy}`}`;
}

const words = new Map([...getSystemErrorMap().values()].map(([name, text]) => [name, text]));
