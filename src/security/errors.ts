import { GantryError } from '../base/index.ts';

/** A request that cannot be met as it stands; `subject` is the member or value that is wrong. */
export function invalid(subject: string, message: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'make container specification',
    subject,
    message,
  });
}
