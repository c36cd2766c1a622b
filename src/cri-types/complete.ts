import { GantryError } from '../base/index.ts';
import type { EnumTable, MessageTable } from '../protobuf/index.ts';
import type { MessageInits, Messages } from './generated/messages.ts';
import { enums, fields } from './generated/schema.ts';

export type MessageName = keyof Messages;

const schema: MessageTable = fields;
const enumNames: EnumTable = enums;

/**
 * The whole message: every member that is absent gets its default (0, '', false, [], {}; an absent message stays
 * undefined). Members that the schema does not know are dropped. Pure.
 */
export function complete<N extends MessageName>(name: N, init: MessageInits[N]): Messages[N] {
  return revive(name, init);
}

/**
 * The same for a message that was stored as JSON (`writeJsonAtomic`): decimal strings become bigint again and the JSON
 * form of a Buffer becomes bytes. Throws invalid-argument, naming the member, for a value of the wrong type.
 */
export function revive<N extends MessageName>(name: N, json: unknown): Messages[N] {
  return message(name, json, name) as unknown as Messages[N];
}

/** Whether a word of an enumeration that this release does not know is read as the enumeration's default. */
let lenient = false;

/**
 * `revive` for what another release may have written: an unknown word of an enumeration reads as the default. Whoever writes the
 * message back must keep the word that was read.
 */
export function reviveStored<N extends MessageName>(name: N, json: unknown): Messages[N] {
  lenient = true;
  try {
    return revive(name, json);
  } finally {
    lenient = false;
  }
}

function message(name: string, value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'an object');
  const given = value as Record<string, unknown>;
  const whole: Record<string, unknown> = {};
  for (const [key, [shape, kind]] of Object.entries(schema[name] ?? {})) {
    const at = `${path}.${key}`;
    const member = Object.hasOwn(given, key) ? given[key] : undefined;
    if (shape === 'list') whole[key] = list(kind, member ?? [], at);
    else if (shape === 'map') whole[key] = map(kind, member ?? {}, at);
    else if (member !== undefined && member !== null) whole[key] = single(kind, member, at);
    else if (schema[kind] === undefined) whole[key] = defaultOf(kind);
  }
  return whole;
}

function list(kind: string, value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(path, 'a list');
  return value.map((item, index) => single(kind, item, `${path}[${index}]`));
}

function map(kind: string, value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'a map');
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, single(kind, v, `${path}[${k}]`)]));
}

function single(kind: string, value: unknown, path: string): unknown {
  if (schema[kind] !== undefined) return message(kind, value, path);
  const names = enumNames[kind];
  if (names !== undefined) {
    if (typeof value === 'string' && names.includes(value)) return value;
    if (typeof value === 'string' && lenient) return names[0];
    throw wrong(path, `one of ${names.join(', ')}`);
  }
  if (kind === 'int64' || kind === 'uint64') return integer(value, path);
  if (kind === 'bytes') return bytes(value, path);
  const type = kind === 'string' ? 'string' : kind === 'bool' ? 'boolean' : 'number';
  if (typeof value !== type) throw wrong(path, `a ${type}`);
  return value;
}

function integer(value: unknown, path: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw wrong(path, 'an integer');
}

function bytes(value: unknown, path: string): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === 'object' && value !== null && 'data' in value && Array.isArray(value.data)) {
    return Buffer.from(value.data as number[]);
  }
  throw wrong(path, 'bytes');
}

function defaultOf(kind: string): unknown {
  const names = enumNames[kind];
  if (names !== undefined) return names[0];
  switch (kind) {
    case 'string':
      return '';
    case 'bool':
      return false;
    case 'int64':
    case 'uint64':
      return 0n;
    case 'bytes':
      return Buffer.alloc(0);
    default:
      return 0;
  }
}

function wrong(path: string, wanted: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'read message',
    subject: path,
    message: `${path} is not ${wanted}`,
  });
}

/**
 * The message as JSON with the interface's own names (`working_dir`), defaults left out, 64-bit numbers as numbers, bytes
 * in base64: what Go's encoder makes of it, and so what readers of `crictl inspect` are used to.
 */
export function wireJson<N extends MessageName>(name: N, value: Messages[N]): Record<string, unknown> {
  return plainMessage(name, value as unknown as Record<string, unknown>);
}

function plainMessage(name: string, value: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, [shape, kind, wireName]] of Object.entries(schema[name] ?? {})) {
    const member = value[key];
    if (isDefault(member, shape, kind)) continue;
    if (shape === 'list') result[wireName] = (member as unknown[]).map((item) => plain(kind, item));
    else if (shape === 'map') result[wireName] = { ...(member as object) };
    else result[wireName] = plain(kind, member);
  }
  return result;
}

function plain(kind: string, value: unknown): unknown {
  if (schema[kind] !== undefined) return plainMessage(kind, value as Record<string, unknown>);
  if (enumNames[kind] !== undefined) return enumNames[kind].indexOf(value as string);
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

function isDefault(value: unknown, shape: string, kind: string): boolean {
  if (value === undefined) return true;
  if (shape === 'list') return (value as unknown[]).length === 0;
  if (shape === 'map') return Object.keys(value as object).length === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  return schema[kind] === undefined && value === defaultOf(kind);
}
