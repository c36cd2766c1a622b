/** How a failed pull is told to the caller. */
import { describeError, errorCode, GantryError } from '../base/index.ts';

/**
 * Names the image. A registry that cannot be reached is `RegistryUnavailable` at the very start of a message of code
 * Unknown: so the kubelet knows it (k8s.io/cri-api, pkg/errors).
 */
export function pullError(reference: string, error: unknown): GantryError {
  const unavailable = errorCode(error) === 'unavailable';
  return new GantryError({
    code: unavailable ? 'unknown' : errorCode(error),
    operation: 'pull image',
    subject: reference,
    message: `${unavailable ? 'RegistryUnavailable: ' : ''}cannot pull ${reference}: ${describeError(error)}`,
    cause: error,
  });
}
