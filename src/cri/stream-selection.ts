import { GantryError } from '../base/index.ts';
import type { StreamSelection } from '../streaming/index.ts';

/** What Exec and Attach may ask for (CRI: one stream at least; a terminal has no stderr of its own). */
export function checkStreams(operation: string, request: StreamSelection): StreamSelection {
  const { stdin, stdout, stderr, tty } = request;
  const refuse = (message: string): GantryError =>
    new GantryError({ code: 'invalid-argument', operation, message });
  if (tty && stderr) throw refuse('tty and stderr cannot both be asked for: a terminal has one output');
  if (!stdin && !stdout && !stderr) throw refuse('one of stdin, stdout and stderr must be asked for');
  return { stdin, stdout, stderr, tty };
}
