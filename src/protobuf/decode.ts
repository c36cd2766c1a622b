import { GantryError } from '../base/index.ts';
import { Reader } from './reader.ts';
import { type Field, type Kind, type MessageType, wireType } from './schema.ts';

type Members = Record<string, unknown>;

const noBytes = Buffer.alloc(0);

/**
 * The whole message: what is absent has its default, an absent message is no member at all. Fields that the schema does not
 * know are passed over. Throws a RangeError for bytes that are no message, invalid-argument for a number that an enum does
 * not have.
 */
export function decodeMessage(type: MessageType, bytes: Uint8Array): Members {
  const reader = new Reader(bytes);
  return read(type, reader, reader.length, undefined);
}

/** @param earlier the same member, read before: what comes later is merged into it */
function read(type: MessageType, reader: Reader, end: number, earlier: Members | undefined): Members {
  const message = earlier ?? withDefaults(type);
  while (reader.position < end) {
    const tag = reader.uint32();
    const field = type.byNumber.get(tag >>> 3);
    if (field === undefined || (tag !== field.tag && tag !== field.packedTag)) skip(reader, tag);
    else if (field.shape === 'one') message[field.name] = readValue(field, reader, message[field.name]);
    else if (field.shape === 'map') readEntry(field, reader, message[field.name] as Members);
    else readItems(field, reader, tag, message[field.name] as unknown[]);
  }
  if (reader.position !== end) throw new RangeError('a member is longer than its message');
  return message;
}

function skip(reader: Reader, tag: number): void {
  if (tag >>> 3 === 0) throw new RangeError('no field has the number 0');
  reader.skip(tag);
}

/** Every member in the same order, so that messages of one type are alike. */
function withDefaults({ fields }: MessageType): Members {
  const message: Members = {};
  for (const field of fields) {
    if (field.shape === 'list') message[field.name] = [];
    else if (field.shape === 'map') message[field.name] = {};
    else if (field.kind !== 'message') message[field.name] = defaultOf(field.kind, field.names);
  }
  return message;
}

function defaultOf(kind: Kind, names: readonly string[]): unknown {
  switch (kind) {
    case 'string':
      return '';
    case 'bytes':
      return noBytes;
    case 'bool':
      return false;
    case 'enum':
      return names[0];
    case 'int64':
    case 'uint64':
      return 0n;
    default:
      return 0;
  }
}

/** Numbers come one by one or packed, whatever the schema prefers. */
function readItems(field: Field, reader: Reader, tag: number, items: unknown[]): void {
  if (tag !== field.packedTag) {
    items.push(readValue(field, reader, undefined));
    return;
  }
  const end = reader.end();
  while (reader.position < end) items.push(readValue(field, reader, undefined));
  if (reader.position !== end) throw new RangeError('a number is longer than its list');
}

function readEntry(field: Field, reader: Reader, map: Members): void {
  const end = reader.end();
  let key: unknown = defaultOf(field.keys, []);
  let value: unknown;
  while (reader.position < end) {
    const tag = reader.uint32();
    if (tag === (8 | wireType(field.keys))) key = readScalar(field.keys, reader);
    else if (tag === (16 | wireType(field.kind))) value = readValue(field, reader, value);
    else skip(reader, tag);
  }
  if (reader.position !== end) throw new RangeError('a member is longer than its message');
  value ??= field.type === undefined ? defaultOf(field.kind, field.names) : withDefaults(field.type);
  // An assignment to this name would change the object's prototype.
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  else map[String(key)] = value;
}

function readValue(field: Field, reader: Reader, earlier: unknown): unknown {
  if (field.type !== undefined) return read(field.type, reader, reader.end(), earlier as Members | undefined);
  if (field.kind !== 'enum') return readScalar(field.kind, reader);
  const name = field.names[reader.int32()];
  if (name !== undefined) return name;
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'decode message',
    subject: field.name,
    message: `${field.name} is not one of ${field.names.join(', ')}`,
  });
}

function readScalar(kind: Kind, reader: Reader): unknown {
  switch (kind) {
    case 'string':
      return reader.string();
    case 'bytes':
      return reader.bytes();
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'uint32':
      return reader.uint32();
    case 'double':
      return reader.double();
    case 'uint64':
      return reader.uint64();
    default:
      return reader.int64();
  }
}
