import { status } from '@grpc/grpc-js';
import { describeError, type ErrorCode, errorCode } from '../base/index.ts';

/** docs/errors.md is the prose to this. */
const grpcCodes: Readonly<Record<ErrorCode, status>> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'failed-precondition': status.FAILED_PRECONDITION,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  'permission-denied': status.PERMISSION_DENIED,
  unauthenticated: status.UNAUTHENTICATED,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  unavailable: status.UNAVAILABLE,
  unimplemented: status.UNIMPLEMENTED,
  'data-loss': status.DATA_LOSS,
  internal: status.INTERNAL,
  unknown: status.UNKNOWN,
};

/** Longer than this, a status no longer fits the 16 KiB of HTTP/2 headers that clients accept. */
const longestMessage = 4096;

export interface RpcStatus {
  readonly code: status;
  readonly details: string;
}

/** What a client is told of anything that was thrown. The message's first word is what the kubelet recognizes some errors by. */
export function rpcStatus(error: unknown): RpcStatus {
  const text = describeError(error);
  const details = text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  return { code: grpcCodes[errorCode(error)], details };
}
