export { complete, type MessageName, revive } from './complete.ts';
export * from './generated/messages.ts';
export { imageService, runtimeService } from './generated/schema.ts';
