import { statSync } from 'node:fs';
import { errno } from '../base/index.ts';
import { readSmall } from './small-file.ts';

/** One interface's counters since it was made, as seen from inside the namespace. */
export interface InterfaceUsage {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/**
 * Interfaces of a network namespace but `lo`, read through any process that is in it. Undefined when none of the
 * processes is (they ended, or their numbers were used again).
 */
export function networkUsage(netnsPath: string, pids: readonly number[]): InterfaceUsage[] | undefined {
  const wanted = inode(netnsPath);
  if (wanted === undefined) return undefined;
  for (const pid of pids) {
    if (inode(`/proc/${pid}/ns/net`) !== wanted) continue;
    const text = readSmall(`/proc/${pid}/net/dev`);
    if (text !== undefined && inode(`/proc/${pid}/ns/net`) === wanted) return parseNetDev(text);
  }
  return undefined;
}

/** proc(5), /proc/net/dev: two lines of heading, then a line an interface. */
export function parseNetDev(text: string): InterfaceUsage[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const colon = line.lastIndexOf(':');
      const name = line.slice(0, colon).trim();
      const numbers = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number);
      const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = numbers;
      const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = numbers.slice(8);
      return colon < 0 || name === 'lo'
        ? []
        : [{ name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped }];
    });
}

function inode(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'EACCES') return undefined;
    throw error;
  }
}
