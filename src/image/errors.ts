/** How a failed pull is told to the caller. */
import { errorCode, GantryError } from '../base/index.ts';

/**
 * Names the image. A registry that cannot be reached is `RegistryUnavailable` at the very start of a message of code
 * Unknown: so the kubelet knows it (k8s.io/cri-api, pkg/errors).
 */
export function pullError(reference: string, error: unknown): unknown {
  if (!(error instanceof GantryError)) return error;
  const unavailable = errorCode(error) === 'unavailable';
  return new GantryError({
    code: unavailable ? 'unknown' : error.code,
    operation: 'pull image',
    subject: reference,
    message: `${unavailable ? 'RegistryUnavailable: ' : ''}cannot pull ${reference}: ${error.message}`,
    cause: error,
  });
}
