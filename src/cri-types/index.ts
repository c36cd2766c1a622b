export { complete, type MessageName, revive, wireJson } from './complete.ts';
export * from './generated/messages.ts';
export { imageService, runtimeService } from './generated/schema.ts';
