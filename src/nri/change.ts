import { GantryError, type OciSpec } from '../base/index.ts';
import { parseKey } from './keyed.ts';

export interface ApplyFacts {
  readonly swapAccounting: boolean;
  /** Gives the document the CDI devices that were asked for. */
  readonly injectDevices: (spec: OciSpec, devices: readonly string[]) => OciSpec;
}

export function changedRecord(
  before: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): Record<string, string> {
  const after = new Map(Object.entries(before));
  for (const [marked, value] of Object.entries(wanted)) {
    const { key, removed } = parseKey(marked);
    if (removed) after.delete(key);
    else after.set(key, value);
  }
  return Object.fromEntries(after);
}

export function cannot(what: string, message: string): GantryError {
  return new GantryError({
    code: 'unimplemented',
    operation: 'adjust container',
    subject: what,
    message: `an NRI plug-in asks for what Gantry cannot do: ${message}`,
  });
}
