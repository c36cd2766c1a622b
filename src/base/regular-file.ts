import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { GantryError } from './errors.ts';

/**
 * The text of a file that somebody else puts into a directory of configurations. Anything but a regular file is refused: who opens a FIFO
 * waits for its writer, and the server has one thread. Errors: Node's of open and read; invalid-argument.
 */
export function readRegularFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (fstatSync(fd).isFile()) return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
  throw new GantryError({
    code: 'invalid-argument',
    operation: 'read configuration',
    subject: path,
    message: `${path} is not a regular file`,
  });
}
