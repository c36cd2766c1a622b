import { fstatSync, writeSync } from 'node:fs';
import { type DestinationStream, pino } from 'pino';
import { LineWriter } from './line-writer.ts';

export type Logger = pino.Logger;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on stderr, synchronous: what was logged before a kill -9 is there. */
export const log: Logger = pino({ level: 'info', base: null }, destination());

export function setLogLevel(level: LogLevel): void {
  log.level = level;
}

function destination(): DestinationStream {
  const form = isJournal(process.env['JOURNAL_STREAM']) ? withPriority : (line: string): string => line;
  return new LineWriter((bytes) => writeSync(2, bytes), form);
}

/** Whether standard error is the journal's: systemd.exec(5), "$JOURNAL_STREAM". */
function isJournal(stream: string | undefined): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(2);
  return stream === `${dev}:${ino}`;
}

/** The level as sd-daemon(3) has it before a line, so that `journalctl -p` knows it. Pure. */
export function withPriority(line: string): string {
  const level = Number(/"level":(\d+)/.exec(line)?.[1] ?? 30);
  if (level >= 60) return `<2>${line}`;
  if (level >= 50) return `<3>${line}`;
  if (level >= 40) return `<4>${line}`;
  return level >= 30 ? `<6>${line}` : `<7>${line}`;
}
