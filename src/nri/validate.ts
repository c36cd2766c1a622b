import { GantryError } from '../base/index.ts';
import type { ValidateContainerAdjustmentRequestInit } from './generated/messages.ts';
import { GONE, type Plugin } from './plugin.ts';

/** Asks every validator, at once. Errors: failed-precondition for the first that rejects, or does not answer. */
export async function validate(
  validators: readonly Plugin[],
  request: ValidateContainerAdjustmentRequestInit,
): Promise<void> {
  await Promise.all(
    validators.map(async (plugin) => {
      const verdict = await plugin.tell('ValidateContainerAdjustment', request);
      if (verdict === GONE) throw rejection(plugin, 'did not answer');
      if (verdict.reject) throw rejection(plugin, `rejected it: ${verdict.reason || 'no reason given'}`);
    }),
  );
}

function rejection(plugin: Plugin, what: string): GantryError {
  return new GantryError({
    code: 'failed-precondition',
    operation: 'validate container adjustment',
    subject: plugin.name,
    message: `the container's adjustment is not valid: NRI validator "${plugin.name}" ${what}`,
  });
}
