/** JSON values, and how a record that another release wrote is changed without losing what only that release understands. */
import { isDeepStrictEqual } from 'node:util';

export interface JsonObject {
  readonly [member: string]: unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As `writeJsonAtomic` writes it: bigint as decimal strings, undefined members left out. */
export function toJson(value: object): JsonObject {
  const text = JSON.stringify(value, (_key, member) => (typeof member === 'bigint' ? `${member}` : member));
  return JSON.parse(text) as JsonObject;
}

/**
 * `stored` with the changes between `read` (what this release understood of it) and `next` (what it is to be now): a member that
 * did not change stays as it was stored, down to each object's members; lists change whole. Pure.
 */
export function mergeChanges(stored: JsonObject, read: JsonObject, next: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...stored };
  for (const name of new Set([...Object.keys(read), ...Object.keys(next)])) {
    const [was, now, there] = [read[name], next[name], stored[name]];
    if (isDeepStrictEqual(was, now) && Object.hasOwn(stored, name)) continue;
    if (now === undefined) delete result[name];
    else if (isObject(there) && isObject(was) && isObject(now)) result[name] = mergeChanges(there, was, now);
    else result[name] = now;
  }
  return result;
}
