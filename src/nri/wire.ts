/** NRI's and ttrpc's messages on the wire. */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describeError, GantryError } from '../base/index.ts';
import type { MessageInits, Messages } from './generated/messages.ts';

export type MessageName = keyof Messages;

const nri = protobuf
  .parse(readFileSync(new URL('../../proto/nri/nri.proto', import.meta.url), 'utf8'))
  .root.resolveAll();
const ttrpc = protobuf
  .parse(readFileSync(new URL('../../proto/nri/ttrpc.proto', import.meta.url), 'utf8'))
  .root.resolveAll();

const asObject: protobuf.IConversionOptions = {
  longs: BigInt,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
};

/** Members that are absent go as their defaults. */
export function encode<N extends MessageName>(name: N, message: MessageInits[N]): Buffer {
  return write(nri.lookupType(`nri.pkg.api.v1alpha1.${name}`), message);
}

/** Whole: absent members have their defaults, absent messages are undefined. Errors: data-loss for other bytes. */
export function decode<N extends MessageName>(name: N, bytes: Uint8Array): Messages[N] {
  return withoutNulls(read(nri.lookupType(`nri.pkg.api.v1alpha1.${name}`), bytes)) as Messages[N];
}

export interface Status {
  readonly code: number;
  readonly message: string;
}

export interface Request {
  readonly service: string;
  readonly method: string;
  readonly payload: Uint8Array;
  /** 0n: for ever. */
  readonly timeoutNano: bigint;
}

export interface Response {
  readonly status?: Status | undefined;
  readonly payload?: Uint8Array | undefined;
}

const requestType = ttrpc.lookupType('ttrpc.Request');
const responseType = ttrpc.lookupType('ttrpc.Response');

export const encodeRequest = (request: Request): Buffer => write(requestType, request);
export const decodeRequest = (bytes: Uint8Array): Request =>
  withoutNulls(read(requestType, bytes)) as unknown as Request;
export const encodeResponse = (response: Response): Buffer => write(responseType, response);
export const decodeResponse = (bytes: Uint8Array): Response => withoutNulls(read(responseType, bytes));

function write(type: protobuf.Type, message: object): Buffer {
  return Buffer.from(type.encode(type.fromObject(message)).finish());
}

function read(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  try {
    return type.toObject(type.decode(bytes), asObject);
  } catch (cause) {
    throw new GantryError({
      code: 'data-loss',
      operation: 'read NRI message',
      subject: type.name,
      message: `what the plug-in sent is no ${type.name}: ${describeError(cause)}`,
    });
  }
}

/** protobufjs says null for an absent message. */
function withoutNulls(value: Record<string, unknown>): Record<string, unknown> {
  for (const [key, member] of Object.entries(value)) {
    if (member === null) delete value[key];
    else if (Array.isArray(member)) member.forEach(deeper);
    else deeper(member);
  }
  return value;
}

function deeper(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  withoutNulls(value as Record<string, unknown>);
}
