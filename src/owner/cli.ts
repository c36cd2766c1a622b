import type { Owner } from '../pod/index.ts';

/** Pods of the command line: whoever started stage1 (a shell, a unit) supervises it, in the cgroup that it was started in. */
export const cliOwner: Owner = {
  name: 'cli',
  shownByCri: false,
  supervisedByServer: false,
  podCgroup: () => ({ path: '', ociPath: '', scope: undefined }),
  logSink: () => ({ kind: 'inherit' }),
};
