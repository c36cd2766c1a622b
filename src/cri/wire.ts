import { describeError, GantryError } from '../base/index.ts';
import { enums, fields, type MessageInits, type MessageName, type Messages } from '../cri-types/index.ts';
import { decodeMessage, encodeMessage, Schema } from '../protobuf/index.ts';

const schema = new Schema(fields, enums);

/** A message that is bytes already. For encoders it may stand as a member like the message itself; it has no members. */
export type Encoded<Message> = Buffer & Message;

/** One message type's way over the wire and back. */
export interface Codec<N extends MessageName> {
  /** Whatever is absent goes as its default. */
  encode(message: MessageInits[N]): Encoded<MessageInits[N]>;
  /** Throws invalid-argument for bytes that are no such message. */
  decode(bytes: Uint8Array): Messages[N];
}

export function codec<N extends MessageName>(name: N): Codec<N> {
  const type = schema.type(name);
  return {
    encode: (message) => encodeMessage(type, message) as Encoded<MessageInits[N]>,
    decode(bytes) {
      try {
        return decodeMessage(type, bytes) as unknown as Messages[N];
      } catch (cause) {
        throw new GantryError({
          code: 'invalid-argument',
          operation: 'decode request',
          subject: name,
          message: `the request is not a ${name}: ${describeError(cause)}`,
        });
      }
    },
  };
}
