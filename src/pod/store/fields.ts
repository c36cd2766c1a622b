/** A JSON object whose members are asked for by name and type; every wrong one is named. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
    this.#object = value as Record<string, unknown>;
  }

  /** The whole object as it is. */
  all(): Readonly<Record<string, unknown>> {
    return this.#object;
  }

  optional(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  any(name: string): unknown {
    const value = this.optional(name);
    if (value === undefined) throw new Error(`${name} is missing`);
    return value;
  }

  text(name: string): string {
    const value = this.any(name);
    if (typeof value !== 'string') throw new Error(`${name} is not a string`);
    return value;
  }

  number(name: string): number {
    const value = this.any(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw new Error(`${name} is not an integer`);
    return value;
  }

  integer(name: string): bigint {
    const value = this.text(name);
    if (!/^-?\d{1,20}$/.test(value)) throw new Error(`${name} is not a decimal number`);
    return BigInt(value);
  }

  flag(name: string): boolean {
    const value = this.any(name);
    if (typeof value !== 'boolean') throw new Error(`${name} is not true or false`);
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.any(name);
    if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
    return value;
  }

  fields(name: string): Fields {
    return new Fields(this.any(name));
  }

  /** Undefined for a word of another release. */
  oneOf<const T extends string>(name: string, values: readonly T[]): T | undefined {
    const found = this.text(name);
    return values.find((candidate) => candidate === found);
  }
}
