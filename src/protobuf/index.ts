export { decodeMessage } from './decode.ts';
export { encodeMessage } from './encode.ts';
export { type EnumTable, type MessageTable, type MessageType, Schema } from './schema.ts';
