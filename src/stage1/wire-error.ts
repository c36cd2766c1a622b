import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import { type ErrorCode, errnoCode, GantryError } from '../base/index.ts';
import type { WireError } from './protocol.ts';

const names = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));

/**
 * Where stage1's errno says more than elsewhere, because it is about what the request named: a program, a mount's source, a
 * sysctl, a process. Everything else is in the one table (`errnoCode`).
 */
const requestCodes: Readonly<Record<string, ErrorCode>> = {
  EINVAL: 'invalid-argument',
  // No object of CRI's is missing, so not 'not-found'.
  ENOENT: 'invalid-argument',
  ENOTDIR: 'invalid-argument',
  EISDIR: 'invalid-argument',
  ELOOP: 'invalid-argument',
  ENAMETOOLONG: 'invalid-argument',
  ENOEXEC: 'invalid-argument',
  ESRCH: 'failed-precondition',
  ESHUTDOWN: 'failed-precondition',
};

/** stage1's error with its errno's name kept, so that a caller may tell ESRCH from EBUSY. */
export class Stage1Error extends GantryError {
  constructor(wire: WireError) {
    const name = names.get(wire.errnoValue) ?? `errno ${wire.errnoValue}`;
    const text = textOf(wire.errnoValue, name);
    const what = wire.subject === '' ? wire.operation : `${wire.operation} ${wire.subject}`;
    super({
      code: requestCodes[name] ?? errnoCode(name) ?? 'internal',
      operation: wire.operation,
      ...(wire.subject === '' ? {} : { subject: wire.subject }),
      message: `${what}: ${text}${wire.message === '' ? '' : ` (${wire.message})`}`,
      errnoName: name,
    });
    this.name = 'Stage1Error';
  }
}

/** Node has no words for every errno of Linux. */
function textOf(errnoValue: number, name: string): string {
  const text = getSystemErrorMessage(-errnoValue) ?? '';
  return text === '' || text.startsWith('Unknown system error') ? (words[name] ?? name) : text;
}

const words: Readonly<Record<string, string>> = {
  ECHILD: 'a process ended too early',
  EDQUOT: 'disk quota exceeded',
  ENOEXEC: 'exec format error',
};

/** Whether stage1 answered with this errno. */
export function isStage1Errno(error: unknown, name: string): boolean {
  return error instanceof Stage1Error && error.errnoName === name;
}
