import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import { type ErrorCode, GantryError } from '../base/index.ts';
import type { WireError } from './protocol.ts';

const names = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/** docs/errors.md: what an errno from stage1 means to a caller. Everything else is 'internal'. */
const codes: Readonly<Record<string, ErrorCode>> = {
  EINVAL: 'invalid-argument',
  // A program, a mount's source, a sysctl that was asked for and is not there. No object of CRI's, so not 'not-found'.
  ENOENT: 'invalid-argument',
  ENOTDIR: 'invalid-argument',
  EISDIR: 'invalid-argument',
  ELOOP: 'invalid-argument',
  ENAMETOOLONG: 'invalid-argument',
  ENOEXEC: 'invalid-argument',
  EBUSY: 'failed-precondition',
  ESRCH: 'failed-precondition',
  ESHUTDOWN: 'failed-precondition',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  ENOSPC: 'resource-exhausted',
  EDQUOT: 'resource-exhausted',
  EMFILE: 'resource-exhausted',
  ENFILE: 'resource-exhausted',
  ENOMEM: 'resource-exhausted',
  EAGAIN: 'resource-exhausted',
  ETIMEDOUT: 'deadline-exceeded',
  ENOSYS: 'unimplemented',
  EOPNOTSUPP: 'unimplemented',
};

/** stage1's error with its errno's name kept, so that a caller may tell ESRCH from EBUSY. */
export class Stage1Error extends GantryError {
  readonly errnoName: string;

  constructor(wire: WireError) {
    const name = names.get(wire.errnoValue) ?? `errno ${wire.errnoValue}`;
    const text = getSystemErrorMessage(-wire.errnoValue) ?? name;
    const what = wire.subject === '' ? wire.operation : `${wire.operation} ${wire.subject}`;
    super({
      code: codes[name] ?? 'internal',
      operation: wire.operation,
      ...(wire.subject === '' ? {} : { subject: wire.subject }),
      message: `${what}: ${text}${wire.message === '' ? '' : ` (${wire.message})`}`,
    });
    this.name = 'Stage1Error';
    this.errnoName = name;
  }
}

/** Whether stage1 answered with this errno. */
export function isStage1Errno(error: unknown, name: string): boolean {
  return error instanceof Stage1Error && error.errnoName === name;
}
