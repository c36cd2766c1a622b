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
