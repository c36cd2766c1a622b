/**
 * Named points at which a test makes an operation fail, or the server die: GANTRY_FAILPOINTS is a comma-separated list of
 * `name` (throws), `name=exit` (the process kills itself, as kill -9 would), `name=sleep:MS` and `name=hang` (never goes on).
 * Off without it. Which points there are is the business of those who have them.
 */
import { GantryError } from './errors.ts';

let armed: ReadonlyMap<string, string> | undefined;

/** Tests in the same process: which points are on; undefined: as the environment says. */
export function armFailpoints(list: string | undefined): void {
  armed = parse(list ?? process.env['GANTRY_FAILPOINTS'] ?? '');
}

/** Passes in no time unless somebody armed this point. */
export async function failpoint(name: string): Promise<void> {
  armed ??= parse(process.env['GANTRY_FAILPOINTS'] ?? '');
  const action = armed.size === 0 ? undefined : armed.get(name);
  if (action === undefined) return;
  if (action === 'exit') process.kill(process.pid, 'SIGKILL');
  if (action === 'hang') await new Promise<never>(() => undefined);
  const sleep = /^sleep:(\d+)$/.exec(action);
  if (sleep !== null) {
    await new Promise((resolve) => setTimeout(resolve, Number(sleep[1])));
    return;
  }
  throw new GantryError({
    code: 'internal',
    operation: 'failpoint',
    subject: name,
    message: `failpoint ${name} is armed`,
  });
}

function parse(list: string): ReadonlyMap<string, string> {
  return new Map(
    list
      .split(',')
      .filter((item) => item !== '')
      .map((item) => {
        const [name = '', action = 'error'] = item.split('=');
        return [name, action];
      }),
  );
}
