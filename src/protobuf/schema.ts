/**
 * What `proto/generate.ts` writes about a message: for each field its shape, its type (a scalar, or the name of a message or
 * an enum), its name in the .proto file, its number, and the type of a map's keys where they are no strings.
 */
export type FieldEntry = readonly [
  shape: Shape,
  kind: string,
  wireName: string,
  number: number,
  keys?: string,
];
export type Shape = 'one' | 'list' | 'map';
/** Message → field → entry. */
export type MessageTable = Readonly<Record<string, Readonly<Record<string, FieldEntry>>>>;
/** Enum → its names, each at the place of its number. */
export type EnumTable = Readonly<Record<string, readonly string[]>>;

const scalars = ['string', 'bytes', 'bool', 'int32', 'uint32', 'double', 'int64', 'uint64'] as const;
export type Kind = (typeof scalars)[number] | 'enum' | 'message';

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly kind: Kind;
  /** Number and wire type of one value, as they stand in front of it. */
  readonly tag: number;
  /** The same for a list of numbers, which are written one behind the other; 0 where there is no such form. */
  readonly packedTag: number;
  /** Of an enum: its names. */
  readonly names: readonly string[];
  /** Of a message. */
  readonly type: MessageType | undefined;
  /** Of a map. */
  readonly keys: Kind;
}

export interface MessageType {
  readonly name: string;
  /** In the order of their numbers, as canonical encoders write them. */
  readonly fields: readonly Field[];
  readonly byNumber: ReadonlyMap<number, Field>;
}

/** The message types of one .proto file, each made when it is first asked for. */
export class Schema {
  readonly #messages: MessageTable;
  readonly #enums: EnumTable;
  readonly #types = new Map<string, MessageType>();

  constructor(messages: MessageTable, enums: EnumTable) {
    this.#messages = messages;
    this.#enums = enums;
  }

  /** Errors: a TypeError for a name that the file does not have. */
  type(name: string): MessageType {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const entries = this.#messages[name];
    if (entries === undefined) throw new TypeError(`no message ${name}`);
    const fields = Object.entries(entries).map(([field, entry]) => this.#field(field, entry));
    fields.sort((a, b) => a.tag - b.tag);
    const type = { name, fields, byNumber: new Map(fields.map((field) => [field.tag >>> 3, field])) };
    this.#types.set(name, type);
    return type;
  }

  #field(name: string, [shape, kindName, , number, keys]: FieldEntry): Field {
    const names = this.#enums[kindName];
    const scalar = scalars.find((each) => each === kindName);
    const kind = names !== undefined ? 'enum' : (scalar ?? 'message');
    const isPacked = shape === 'list' && !['string', 'bytes', 'message'].includes(kind);
    return {
      name,
      shape,
      kind,
      tag: (number << 3) | (shape === 'map' ? 2 : wireType(kind)),
      packedTag: isPacked ? (number << 3) | 2 : 0,
      names: names ?? [],
      type: kind === 'message' ? this.type(kindName) : undefined,
      keys: scalars.find((each) => each === keys) ?? 'string',
    };
  }
}

/** VARINT, FIXED64 or DELIMITED. */
export function wireType(kind: Kind): 0 | 1 | 2 {
  if (kind === 'double') return 1;
  return kind === 'string' || kind === 'bytes' || kind === 'message' ? 2 : 0;
}
