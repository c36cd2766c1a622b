/**
 * The one error of the project. Every failure that leaves a folder is a GantryError: what went wrong (`code`), what was
 * being done (`operation`), to what (`subject`), and why (`cause`). It is logged once, by the wrapper around a call
 * (`cri/serve`, `cli/`), never where it is thrown. Messages name the thing and, where there is one, the remedy.
 */

/** Close to gRPC's codes, so that the CRI wrapper maps one to one; docs/errors.md has the table. */
export type ErrorCode =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'failed-precondition'
  | 'resource-exhausted'
  | 'permission-denied'
  | 'unauthenticated'
  | 'deadline-exceeded'
  | 'cancelled'
  | 'unavailable'
  | 'unimplemented'
  | 'data-loss'
  | 'internal'
  /** Shown as gRPC `Unknown`: the kubelet reads the message's first word (RegistryUnavailable, …). */
  | 'unknown';

export interface ErrorDetails {
  readonly code: ErrorCode;
  /** What was being done, in the caller's words: 'pull image', 'create network namespace'. */
  readonly operation: string;
  /** The thing that it was done to: a path, a name, an ID, a reference. */
  readonly subject?: string;
  /** One sentence: what is wrong and what to do about it. */
  readonly message: string;
  readonly cause?: unknown;
}

export class GantryError extends Error {
  readonly code: ErrorCode;
  readonly operation: string;
  readonly subject: string | undefined;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GantryError';
    this.code = details.code;
    this.operation = details.operation;
    this.subject = details.subject;
  }
}

/** The code of any thrown value: a GantryError's own, 'internal' for everything that was not foreseen. */
export function errorCode(error: unknown): ErrorCode {
  return error instanceof GantryError ? error.code : 'internal';
}

/** The errno name ('ENOENT') that Node's and the addon's errors carry; undefined for anything else. */
export function errno(error: unknown): string | undefined {
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

/** `operation: message: cause's message …`, for people; every cause once. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let at: unknown = error;
  while (at !== undefined && parts.length < 8) {
    const text = at instanceof Error ? at.message : String(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ');
}
