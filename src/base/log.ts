import { pino } from 'pino';

export type Logger = pino.Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on stderr, synchronous: what was logged before a kill -9 is there. */
export const log: Logger = pino({ level: 'info', base: null }, pino.destination({ fd: 2, sync: true }));

export function setLogLevel(level: LogLevel): void {
  log.level = level;
}
