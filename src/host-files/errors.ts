import { getSystemErrorName } from 'node:util';

/** A file that could not be used, and why; shaped like Node's own errors of system calls. */
export class HostFileError extends Error {
  /** `ENOENT` and the like. */
  readonly code: string;
  readonly errno: number;
  readonly operation: string;
  readonly subject: string;

  constructor(errno: number, operation: string, subject: string, message: string) {
    const code = errno > 0 ? getSystemErrorName(-errno) : 'UNKNOWN';
    super(`${operation} ${subject}: ${code}${message === '' ? '' : ` (${message})`}`);
    this.name = 'HostFileError';
    this.code = code;
    this.errno = errno;
    this.operation = operation;
    this.subject = subject;
  }
}
