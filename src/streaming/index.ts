export { StreamingServer } from './server.ts';
export type {
  PortForwardSession,
  RemoteCommandSession,
  Session,
  SessionIo,
  StreamSelection,
  TerminalSize,
} from './types.ts';
