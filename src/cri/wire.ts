import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describeError, GantryError } from '../base/index.ts';
import { type MessageInits, type MessageName, type Messages, revive } from '../cri-types/index.ts';

const source = readFileSync(new URL('../../proto/cri/api.proto', import.meta.url), 'utf8');
const root = protobuf.parse(source, { keepCase: false }).root.resolveAll();

const asObject: protobuf.IConversionOptions = { longs: BigInt, enums: String, arrays: true, objects: true };

/** One message type's way over the wire and back. */
export interface Codec<N extends MessageName> {
  /** Whatever is absent goes as its default. */
  encode(message: MessageInits[N]): Buffer;
  /** Throws invalid-argument for bytes that are no such message. */
  decode(bytes: Uint8Array): Messages[N];
}

export function codec<N extends MessageName>(name: N): Codec<N> {
  const type = root.lookupType(`runtime.v1.${name}`);
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message)).finish()),
    decode(bytes) {
      let decoded: unknown;
      try {
        decoded = type.toObject(type.decode(bytes), asObject);
      } catch (cause) {
        throw new GantryError({
          code: 'invalid-argument',
          operation: 'decode request',
          subject: name,
          message: `the request is not a ${name}: ${describeError(cause)}`,
        });
      }
      return revive(name, decoded);
    },
  };
}
