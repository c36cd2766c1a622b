import type { Owner } from '../pod/index.ts';
import { cgroupPath } from '../resources/index.ts';

/** The kubelet's pods, by CRI: below the parent that it names, with logs in its format, looked after by the server. */
export const criOwner: Owner = {
  name: 'cri',
  shownByCri: true,
  supervisedByServer: true,
  podCgroup: cgroupPath,
  logSink: (path) => (path === '' ? { kind: 'none' } : { kind: 'cri', path }),
};
