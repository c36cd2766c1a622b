/**
 * Named points at which a test makes an operation fail, or the server die: GANTRY_FAILPOINTS is a comma-separated list of
 * `name` (throws), `name=exit` (the process kills itself, as kill -9 would) and `name=sleep:MS`. Off without it.
 */
import { GantryError } from '../../base/index.ts';

/** Every point, in the order of the steps: a test walks through them. */
export const failpoints = {
  runPodSandbox: ['run/directory', 'run/netns', 'run/network', 'run/launch', 'run/nri', 'run/commit'],
  createContainer: [
    'create/directory',
    'create/layers',
    'create/nri',
    'create/manifest',
    'create/barrier',
    'create/continue',
    'create/commit',
  ],
  stopPodSandbox: ['stop-pod/processes', 'stop-pod/network', 'stop-pod/netns'],
  removeContainer: ['remove/stage1', 'remove/layers', 'remove/directory'],
} as const;

export type Failpoint = (typeof failpoints)[keyof typeof failpoints][number];

let armed: ReadonlyMap<string, string> | undefined;

/** Tests in the same process: which points are on; undefined: as the environment says. */
export function armFailpoints(list: string | undefined): void {
  armed = parse(list ?? process.env['GANTRY_FAILPOINTS'] ?? '');
}

/** Passes in no time unless somebody armed this point. */
export async function failpoint(name: Failpoint): Promise<void> {
  armed ??= parse(process.env['GANTRY_FAILPOINTS'] ?? '');
  const action = armed.get(name);
  if (action === undefined) return;
  if (action === 'exit') process.kill(process.pid, 'SIGKILL');
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
