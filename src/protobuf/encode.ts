import { GantryError } from '../base/index.ts';
import { type Field, type Kind, type MessageType, wireType } from './schema.ts';
import { Writer } from './writer.ts';

/** Encoding never waits, so that one is enough. */
const writer = new Writer();

/**
 * The message as bytes. What is absent or has its default is not written (proto3); a message anywhere inside may be given as
 * the bytes that it was encoded to before. Errors: invalid-argument for an enum's name that does not exist.
 */
export function encodeMessage(type: MessageType, message: object): Buffer {
  try {
    write(type, message);
    return writer.finish();
  } catch (error) {
    writer.reset();
    throw error;
  }
}

function write({ fields }: MessageType, message: object): void {
  const members = message as Readonly<Record<string, unknown>>;
  for (const field of fields) {
    const value = members[field.name];
    if (value === undefined || value === null) continue;
    if (field.shape === 'one') {
      if (!isDefault(field, value)) writeTagged(field, field.tag, value);
    } else if (field.shape === 'list') writeList(field, value as readonly unknown[]);
    else writeMap(field, value as Readonly<Record<string, unknown>>);
  }
}

function writeList(field: Field, values: readonly unknown[]): void {
  if (values.length === 0) return;
  if (field.packedTag === 0) {
    if (field.kind === 'message') writer.expect(sizeOfEncoded(values));
    for (const value of values) writeTagged(field, field.tag, value);
    return;
  }
  writer.uint32(field.packedTag);
  const start = writer.open();
  for (const value of values) writeValue(field, value);
  writer.close(start);
}

/** Bytes of those that are encoded already, with what stands in front of each. */
function sizeOfEncoded(values: readonly unknown[]): number {
  let size = 0;
  for (const value of values) if (value instanceof Uint8Array) size += value.length + 10;
  return size;
}

/** Each entry is a message of a key (1) and a value (2). */
function writeMap(field: Field, values: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(values)) {
    writer.uint32(field.tag);
    const start = writer.open();
    writer.uint32(8 | wireType(field.keys));
    if (field.keys === 'string') writer.string(key);
    else writeNumber(field.keys, Number(key));
    writeTagged(field, 16 | wireType(field.kind), values[key]);
    writer.close(start);
  }
}

function writeTagged(field: Field, tag: number, value: unknown): void {
  writer.uint32(tag);
  writeValue(field, value);
}

function writeValue(field: Field, value: unknown): void {
  switch (field.kind) {
    case 'string':
      writer.string(value as string);
      return;
    case 'bytes':
      writer.bytes(value as Uint8Array);
      return;
    case 'message':
      writeInner(field, value as object);
      return;
    case 'enum':
      writer.uint32(numberOf(field, value as string));
      return;
    default:
      writeNumber(field.kind, value as number | bigint | boolean);
  }
}

function writeInner({ type }: Field, value: object): void {
  if (value instanceof Uint8Array) {
    writer.bytes(value);
    return;
  }
  const start = writer.open();
  if (type !== undefined) write(type, value);
  writer.close(start);
}

function writeNumber(kind: Kind, value: number | bigint | boolean): void {
  switch (kind) {
    case 'bool':
      writer.uint32(value ? 1 : 0);
      return;
    case 'double':
      writer.double(Number(value));
      return;
    case 'int32':
      writer.int32(Number(value));
      return;
    case 'uint32':
      writer.uint32(Number(value));
      return;
    default:
      writer.int64(BigInt(value));
  }
}

function isDefault(field: Field, value: unknown): boolean {
  if (field.kind === 'message') return false;
  if (field.kind === 'bytes') return (value as Uint8Array).length === 0;
  if (field.kind === 'enum') return value === field.names[0];
  // -0 is no default: its bits differ from 0's.
  return value === '' || value === false || value === 0n || Object.is(value, 0);
}

function numberOf(field: Field, name: string): number {
  const number = field.names.indexOf(name);
  if (number >= 0) return number;
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'encode message',
    subject: field.name,
    message: `${field.name} is not one of ${field.names.join(', ')}`,
  });
}
