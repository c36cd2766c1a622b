import { lstatSync } from 'node:fs';
import { deviceNumbers } from '../base/index.ts';
import type { HostNodes } from './types.ts';

/** The real host. */
export const hostNodes: HostNodes = (path) => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  const type = stats?.isCharacterDevice()
    ? 'c'
    : stats?.isBlockDevice()
      ? 'b'
      : stats?.isFIFO()
        ? 'p'
        : undefined;
  if (stats === undefined || type === undefined) return undefined;
  return { type, ...deviceNumbers(stats.rdev), mode: stats.mode & 0o7777 };
};
