export { complete, type MessageName, revive, reviveStored, wireJson } from './complete.ts';
export * from './generated/messages.ts';
export { enums, fields, imageService, runtimeService } from './generated/schema.ts';
