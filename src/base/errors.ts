/**
 * The one error of the project. Every failure that leaves a folder is a GantryError: what went wrong (`code`), what was
 * being done (`operation`), to what (`subject`), and why (`cause`). It is logged once, by the wrapper around a call
 * (`cri/serve`, `cli/`), never where it is thrown. Messages name the thing and, where there is one, the remedy.
 */

import { errnoCode, errnoText } from './errno.ts';
import type { ErrorCode } from './error-code.ts';

export type { ErrorCode } from './error-code.ts';

export interface ErrorDetails {
  readonly code: ErrorCode;
  /** What was being done, in the caller's words: 'pull image', 'create network namespace'. */
  readonly operation: string;
  /** The thing that it was done to: a path, a name, an ID, a reference. */
  readonly subject?: string;
  /** One sentence: what is wrong and what to do about it. */
  readonly message: string;
  readonly cause?: unknown;
  /** The errno that a system call failed with ('ENOSPC'), for callers that tell them apart. */
  readonly errnoName?: string;
}

export class GantryError extends Error {
  readonly code: ErrorCode;
  readonly operation: string;
  readonly subject: string | undefined;
  readonly errnoName: string | undefined;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GantryError';
    this.code = details.code;
    this.operation = details.operation;
    this.subject = details.subject;
    this.errnoName = details.errnoName;
  }
}

/** The code of any thrown value: a GantryError's own, that of a system error's errno, 'internal' for what was not foreseen. */
export function errorCode(error: unknown): ErrorCode {
  if (error instanceof GantryError) return error.code;
  return errnoCode(errno(error) ?? '') ?? 'internal';
}

/** The errno name ('ENOENT') that Node's, the addon's and named system errors carry; undefined for anything else. */
export function errno(error: unknown): string | undefined {
  if (error instanceof GantryError) return error.errnoName;
  if (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E[A-Z0-9]+$/.test(error.code)
  ) {
    return error.code;
  }
  return undefined;
}

/**
 * A failed system call, with the thing that it failed on and what to do: Node's own text names neither for a write.
 *
 * @param operation as in "cannot … /some/path".
 */
export function systemError(operation: string, subject: string, cause: unknown): GantryError {
  const name = errno(cause);
  const why = name === undefined ? describeError(cause) : errnoText(name);
  return new GantryError({
    code: errorCode(cause),
    operation,
    subject,
    message: `cannot ${operation} ${subject}: ${why}`,
    cause,
    ...(name === undefined ? {} : { errnoName: name }),
  });
}

/** `message: cause's message …`, for people; every cause once, and what to do about a system error that nobody named. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let at: unknown = error;
  while (at !== undefined && parts.length < 8) {
    // What a named system error was made of says the same again, in Node's words.
    const named = at instanceof GantryError && at.errnoName !== undefined;
    const text = systemText(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    if (named) break;
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ');
}

function systemText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const name = errno(error);
  if (error instanceof GantryError || name === undefined || errnoCode(name) === undefined)
    return error.message;
  const remedy = errnoText(name).split('; ')[1];
  return remedy === undefined ? error.message : `${error.message} (${remedy})`;
}
