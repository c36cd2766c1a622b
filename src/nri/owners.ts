import { GantryError } from '../base/index.ts';
import type { Field, FieldOwnersInit } from './generated/messages.ts';
import { enums } from './generated/schema.ts';

const CLEARED = '-';

/** Who has set what of one container. Two plug-ins that set the same thing contradict each other, and the creation fails. */
export class Owners {
  readonly #simple = new Map<Field, string>();
  readonly #compound = new Map<Field, Map<string, string>>();

  /** Errors: failed-precondition, naming both plug-ins. `key` is a path or a name, for fields that have many. */
  claim(field: Field, plugin: string, key?: string): void {
    const place = this.#place(field, key);
    const other = place.get();
    if (other !== undefined && other !== CLEARED + plugin) {
      const name = other.startsWith(CLEARED) ? other.slice(1) : other;
      throw conflict(plugin, name, field, key);
    }
    place.set(plugin);
  }

  /** Whatever was set before does not count any more; only this plug-in may set it again. */
  clear(field: Field, plugin: string, key?: string): void {
    this.#place(field, key).set(CLEARED + plugin);
  }

  /** For what any number of plug-ins may add to. */
  share(field: Field, plugin: string): void {
    const others = this.#simple.get(field);
    this.#simple.set(field, others === undefined ? plugin : `${others},${plugin}`);
  }

  message(): FieldOwnersInit {
    return {
      simple: Object.fromEntries([...this.#simple].map(([field, owner]) => [number(field), owner])),
      compound: Object.fromEntries(
        [...this.#compound].map(([field, owners]) => [number(field), { owners: Object.fromEntries(owners) }]),
      ),
    };
  }

  #place(
    field: Field,
    key: string | undefined,
  ): { get: () => string | undefined; set: (owner: string) => void } {
    if (key === undefined) {
      return { get: () => this.#simple.get(field), set: (owner) => this.#simple.set(field, owner) };
    }
    let keys = this.#compound.get(field);
    if (keys === undefined) {
      keys = new Map();
      this.#compound.set(field, keys);
    }
    const map = keys;
    return { get: () => map.get(key), set: (owner) => map.set(key, owner) };
  }
}

const number = (field: Field): number => enums.Field.indexOf(field);

function conflict(plugin: string, other: string, field: Field, key: string | undefined): GantryError {
  const what = key === undefined ? field : `${field} ${key}`;
  return new GantryError({
    code: 'failed-precondition',
    operation: 'merge NRI adjustments',
    subject: what,
    message: `NRI plug-ins "${other}" and "${plugin}" both tried to set ${what}; only one of them may`,
  });
}
