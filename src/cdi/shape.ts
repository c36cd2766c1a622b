/**
 * Readers of plain data with a fixed shape: each takes a value and says where it is wrong. Absent and null are the same, and so
 * are upper and lower case in members' names, as the reference's decoder has it; a member that is not known is an error.
 */
export type Reader<T> = (value: unknown, where: string) => T;

/** What is wrong with a specification: one sentence, without the file's name. */
export class ShapeError extends Error {}

export const text: Reader<string> = (value, where) => {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  throw new ShapeError(`${where} must be a string`);
};

export const flag: Reader<boolean> = (value, where) => {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new ShapeError(`${where} must be true or false`);
};

/** A whole number from `least` to `most`; undefined where absent. */
export function optionalNumber(least: number, most: number): Reader<number | undefined> {
  return (value, where) => {
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most)
      return value;
    throw new ShapeError(`${where} must be a whole number from ${least} to ${most}`);
  };
}

/** The same, 0 where absent. */
export function number(least: number, most: number): Reader<number> {
  const read = optionalNumber(least, most);
  return (value, where) => read(value, where) ?? 0;
}

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value, where) => {
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw new ShapeError(`${where} must be a list`);
    return value.map((one: unknown, index) => item(one ?? undefined, `${where}[${index}]`));
  };
}

export function record<T>(item: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, where) =>
    Object.fromEntries(
      Object.entries(members(value, where)).map(([name, one]) => [name, item(one, `${where}.${name}`)]),
    );
}

export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, where) => (value === undefined ? undefined : reader(value, where));
}

export function object<T extends object>(readers: { readonly [K in keyof T]: Reader<T[K]> }): Reader<T> {
  const names = new Map(Object.keys(readers).map((name) => [name.toLowerCase(), name]));
  return (value, where) => {
    const found = new Map<string, unknown>();
    for (const [name, member] of Object.entries(members(value, where))) {
      const known = names.get(name.toLowerCase());
      if (known === undefined) throw new ShapeError(`${where}${where === '' ? '' : '.'}${name} is unknown`);
      found.set(known, member);
    }
    const read = Object.entries<Reader<unknown>>(readers).map(([name, reader]) => [
      name,
      reader(found.get(name), where === '' ? name : `${where}.${name}`),
    ]);
    return Object.fromEntries(read) as T;
  };
}

function members(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ShapeError(`${where === '' ? 'the specification' : where} must be an object`);
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, member ?? undefined]));
}
