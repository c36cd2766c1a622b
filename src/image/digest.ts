/** Content digests (OCI image-spec, descriptor.md). */
import { createHash } from 'node:crypto';
import { GantryError } from '../base/index.ts';

/** The digest of `bytes`, which must be `claimed` if that is known. */
export function verifiedDigest(bytes: Buffer, claimed: string | undefined, subject: string): string {
  const algorithm = claimed?.split(':')[0] ?? 'sha256';
  if (algorithm !== 'sha256' && algorithm !== 'sha512' && algorithm !== 'sha384') {
    throw new GantryError({
      code: 'unimplemented',
      operation: 'verify digest',
      subject,
      message: `${subject}: digest algorithm "${algorithm}" is not supported`,
    });
  }
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (claimed === undefined || actual === claimed) return actual;
  throw new GantryError({
    code: 'data-loss',
    operation: 'verify digest',
    subject,
    message: `${subject} has digest ${actual}, expected ${claimed}`,
  });
}
