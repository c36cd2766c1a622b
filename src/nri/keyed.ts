import type { Field } from './generated/messages.ts';
import type { Owners } from './owners.ts';

const REMOVED = '-';

/** A name that is marked for removal, and the name without the mark. */
export function parseKey(key: string): { readonly key: string; readonly removed: boolean } {
  return key.startsWith(REMOVED) ? { key: key.slice(1), removed: true } : { key, removed: false };
}

export const removalOf = (key: string): string => REMOVED + key;

/** Things of one kind that have names: mounts, variables, devices. */
export interface Keyed<T> {
  readonly field: Field;
  /** As the container has them now, for the plug-ins that come next. */
  readonly present: Map<string, T>;
  /** What is to be changed; undefined for what is to be taken away. */
  readonly changes: Map<string, T | undefined>;
}

export function keyed<T>(field: Field, present: Iterable<readonly [string, T]>): Keyed<T> {
  return { field, present: new Map(present), changes: new Map() };
}

/**
 * One plug-in's wishes, removals first: what is taken away and set anew by the same plug-in is replaced, whoever had set it.
 * Errors: Owners.claim's.
 */
export function mergeKeyed<T>(
  all: Keyed<T>,
  owners: Owners,
  plugin: string,
  wishes: Iterable<readonly [key: string, value: T]>,
): void {
  const parsed = [...wishes].map(([marked, value]) => ({ ...parseKey(marked), value }));
  for (const { key } of parsed.filter(({ removed }) => removed)) {
    if (all.changes.get(key) !== undefined) owners.clear(all.field, plugin, key);
    all.present.delete(key);
    all.changes.set(key, undefined);
  }
  for (const { key, value } of parsed.filter(({ removed }) => !removed)) {
    owners.claim(all.field, plugin, key);
    all.present.set(key, value);
    all.changes.set(key, value);
  }
}
