import { join } from 'node:path';

/** The two directories that everything of one Gantry instance lives in; two instances share neither. */
export interface Roots {
  /** Persistent: images, pods. `/var/lib/gantry`. */
  readonly root: string;
  /** Gone after a reboot: sockets, layer mounts. `/run/gantry`. */
  readonly state: string;
}

/** docs/on-disk-layout.md is the prose to these. */
export const paths = {
  pods: (r: Roots): string => join(r.root, 'pods'),
  pod: (r: Roots, podId: string): string => join(r.root, 'pods', podId),
  app: (r: Roots, podId: string, appId: string): string => join(r.root, 'pods', podId, 'apps', appId),
  quarantine: (r: Roots): string => join(r.root, 'quarantine'),
  images: (r: Roots): string => join(r.root, 'images'),
  layers: (r: Roots): string => join(r.root, 'layers'),
  mountPoints: (r: Roots): string => join(r.state, 'mount-points'),
  layerMounts: (r: Roots): string => join(r.state, 'layers'),
  podState: (r: Roots, podId: string): string => join(r.state, 'pods', podId),
  controlSocket: (r: Roots, podId: string): string => join(r.state, 'pods', podId, 'ctl'),
} as const;
