import { posix } from 'node:path';
import { GantryError } from '../base/index.ts';
import type { CgroupDriver } from '../stage1/index.ts';

/** Where a sandbox's or container's cgroup is, in the three notations that are needed. */
export interface CgroupPath {
  /** Below each hierarchy's mount point: `/kubepods/pod7/<id>`, `/kubepods.slice/…/gantry-<id>.scope`. */
  readonly path: string;
  /** OCI's `linux.cgroupsPath`: the path, or `slice:gantry:<id>`. */
  readonly ociPath: string;
  /** systemd driver: whom to ask for what. */
  readonly scope: { readonly slice: string; readonly unit: string } | undefined;
}

const defaultParent = '/gantry';
const defaultSlice = 'system.slice';

/**
 * The cgroup of an ID below CRI's `cgroup_parent`. cgroupfs: a path; nothing given means `/gantry`. systemd: a slice's
 * name (a path's last component counts, as the kubelet's peers have it); nothing given means system.slice.
 */
export function cgroupPath(driver: CgroupDriver, parent: string, id: string): CgroupPath {
  return driver === 'systemd' ? systemdPath(parent, id) : cgroupfsPath(parent, id);
}

function cgroupfsPath(parent: string, id: string): CgroupPath {
  if (parent.endsWith('.slice') && !parent.includes('/')) {
    throw wrong(
      parent,
      `cgroup parent '${parent}' is a systemd slice, but the cgroup driver is cgroupfs; ` +
        'set cgroup-driver = "systemd" here, or cgroupDriver: cgroupfs in the kubelet',
    );
  }
  if (parent.split('/').includes('..'))
    throw wrong(parent, `cgroup parent '${parent}' must not contain '..'`);
  const path = posix.join('/', parent === '' || parent === '/' ? defaultParent : parent, id);
  return { path, ociPath: path, scope: undefined };
}

function systemdPath(parent: string, id: string): CgroupPath {
  const slice = parent === '' || parent === '/' ? defaultSlice : posix.basename(parent);
  if (!slice.endsWith('.slice')) {
    throw wrong(
      parent,
      `cgroup parent '${parent}' is no systemd slice, but the cgroup driver is systemd; ` +
        'set cgroup-driver = "cgroupfs" here, or cgroupDriver: systemd in the kubelet',
    );
  }
  const unit = `gantry-${id}.scope`;
  return {
    path: posix.join(expandSlice(slice), unit),
    ociPath: `${slice}:gantry:${id}`,
    scope: { slice, unit },
  };
}

/** systemd.slice(5): each dash is a level. `a-b.slice` → `/a.slice/a-b.slice`; `-.slice` is the root. */
export function expandSlice(slice: string): string {
  if (slice === '-.slice') return '/';
  const name = slice.slice(0, -'.slice'.length);
  const parts = name.split('-');
  if (name.includes('/') || parts.some((part) => part === ''))
    throw wrong(slice, `'${slice}' is no name of a slice`);
  return `/${parts.map((_, index) => `${parts.slice(0, index + 1).join('-')}.slice`).join('/')}`;
}

function wrong(subject: string, message: string): GantryError {
  return new GantryError({ code: 'invalid-argument', operation: 'choose cgroup', subject, message });
}
