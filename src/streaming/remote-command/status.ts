/** What goes over the error stream when an exec or attach has ended (Kubernetes' metav1.Status, and its plain forerunner). */
import { describeError } from '../../base/index.ts';

export type Outcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'failed'; readonly error: unknown };

/** From protocol v4 on: JSON, which tells a non-zero exit code from a failure to run at all. */
export function statusJson(outcome: Outcome): string {
  if (outcome.kind === 'failed') {
    return JSON.stringify({
      metadata: {},
      status: 'Failure',
      message: `Internal error occurred: ${describeError(outcome.error)}`,
      reason: 'InternalError',
      details: { causes: [{ message: describeError(outcome.error) }] },
      code: 500,
    });
  }
  if (outcome.code === 0) return JSON.stringify({ metadata: {}, status: 'Success' });
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${outcome.code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(outcome.code) }] },
  });
}

/** Before v4: a sentence, or nothing on success. */
export function statusText(outcome: Outcome): string {
  if (outcome.kind === 'failed')
    return `error executing command in container: ${describeError(outcome.error)}`;
  return outcome.code === 0 ? '' : `command terminated with non-zero exit code: exit status ${outcome.code}`;
}
