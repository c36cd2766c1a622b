export { complete, type MessageName, revive, reviveStored, wireJson } from './complete.ts';
export * from './generated/messages.ts';
export { imageService, runtimeService } from './generated/schema.ts';
